#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "tests/policy/workloads.h"

// Waiting, sockets, terminals and System V IPC.
namespace warren::testing {
namespace {

bool SelectDescriptors() {
  timeval none = {};
  timespec at_once = {};
  pollfd nothing = {-1, 0, 0};
  return Step(::syscall(SYS_select, 0, nullptr, nullptr, nullptr, &none) == 0, "select") &&
         Step(::syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, &at_once, nullptr) == 0,
              "pselect6") &&
         Step(::ppoll(&nothing, 1, &at_once, nullptr) == 0, "ppoll");
}

bool EpollVariants() {
  int fd = static_cast<int>(::syscall(SYS_epoll_create, 1));
  epoll_event event;
  return Step(fd >= 0, "epoll_create") &&
         Step(::epoll_pwait(fd, &event, 1, 0, nullptr) == 0, "epoll_pwait");
}

bool SocketCalls() {
  sockaddr_un address = {AF_UNIX, "socket"};
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  int server = ::socket(AF_UNIX, SOCK_STREAM, 0);
  int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (!Step(::bind(server, generic, sizeof(address)) == 0 && ::listen(server, 1) == 0 &&
                ::connect(client, generic, sizeof(address)) == 0,
            "connect")) {
    return false;
  }
  int accepted = static_cast<int>(::syscall(SYS_accept, server, nullptr, nullptr));
  char byte = 'x';
  iovec part = {&byte, 1};
  mmsghdr message = {};
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  return Step(accepted >= 0, "accept") && ::write(client, "x", 1) == 1 &&
         Step(::recvmmsg(accepted, &message, 1, 0, nullptr) == 1, "recvmmsg") &&
         Step(::shutdown(client, SHUT_WR) == 0, "shutdown");
}

bool OpenSocket(int family, int type, int protocol) {
  // A kernel may be without IPv6.
  return Step(NotFiltered(::socket(family, type, protocol)), "socket");
}
bool UnixSocket() { return OpenSocket(AF_UNIX, SOCK_STREAM, 0); }
bool InetDefault() { return OpenSocket(AF_INET, SOCK_STREAM, 0); }
bool InetTcp() { return OpenSocket(AF_INET, SOCK_STREAM, IPPROTO_TCP); }
bool InetUdp() { return OpenSocket(AF_INET, SOCK_DGRAM, IPPROTO_UDP); }
bool Inet6Default() { return OpenSocket(AF_INET6, SOCK_STREAM, 0); }
bool Inet6Tcp() { return OpenSocket(AF_INET6, SOCK_STREAM, IPPROTO_TCP); }
bool Inet6Udp() { return OpenSocket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP); }

bool ListInterfaces() {
  ifaddrs* interfaces = nullptr;
  bool worked = Step(::getifaddrs(&interfaces) == 0, "getifaddrs");
  if (worked) ::freeifaddrs(interfaces);
  return worked;
}

bool UnixSocketPair() {
  int ends[2];
  return Step(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
}

struct Terminal {
  int controller = -1;
  int terminal = -1;
  bool Open() {
    int locked = 0;
    controller = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (!Step(controller >= 0 && ::ioctl(controller, TIOCSPTLCK, &locked) == 0, "open a PTY")) {
      return false;
    }
    terminal = ::ioctl(controller, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    return Step(terminal >= 0, "TIOCGPTPEER");
  }
};

bool SetAttributes(int when) {
  Terminal pty;
  termios attributes;
  return pty.Open() && Step(::tcgetattr(pty.terminal, &attributes) == 0, "tcgetattr") &&
         Step(::tcsetattr(pty.terminal, when, &attributes) == 0, "tcsetattr");
}
bool TerminalAttributes() { return SetAttributes(TCSANOW); }
bool TerminalAttributesDrain() { return SetAttributes(TCSADRAIN); }
bool TerminalAttributesFlush() { return SetAttributes(TCSAFLUSH); }

bool TerminalDrain() {
  Terminal pty;
  return pty.Open() && Step(::tcdrain(pty.terminal) == 0, "tcdrain");
}

bool TerminalFlush() {
  Terminal pty;
  return pty.Open() && Step(::tcflush(pty.terminal, TCIFLUSH) == 0, "tcflush");
}

bool TerminalSession() {
  Terminal pty;
  if (!pty.Open()) return false;
  // Letting go of the terminal hangs up the session.
  ::signal(SIGHUP, SIG_IGN);
  pid_t pid = ::fork();
  if (pid == 0) {
    bool worked = ::setsid() > 0 && Step(::ioctl(pty.terminal, TIOCSCTTY, 0) == 0, "TIOCSCTTY") &&
                  Step(::tcgetpgrp(pty.terminal) >= 0, "tcgetpgrp") &&
                  Step(::tcsetpgrp(pty.terminal, ::getpid()) == 0, "tcsetpgrp") &&
                  Step(::ioctl(pty.terminal, TIOCNOTTY) == 0, "TIOCNOTTY");
    ::_exit(worked ? 0 : 1);
  }
  return Step(ExitedWell(pid), "session");
}

bool TerminalSize() {
  Terminal pty;
  winsize size;
  return pty.Open() && Step(::ioctl(pty.terminal, TIOCGWINSZ, &size) == 0, "TIOCGWINSZ") &&
         Step(::ioctl(pty.controller, TIOCSWINSZ, &size) == 0, "TIOCSWINSZ");
}

bool OpenTerminal() {
  char name[64];
  int controller = ::posix_openpt(O_RDWR | O_NOCTTY);
  return Step(controller >= 0, "posix_openpt") && Step(::unlockpt(controller) == 0, "unlockpt") &&
         Step(::ptsname_r(controller, name, sizeof(name)) == 0, "ptsname_r");
}

bool OpenTerminalPeer() {
  Terminal pty;
  return pty.Open();
}

// FIONREAD and the like work on any descriptor; a pipe will do.
bool OnPipe(unsigned long request, const char* name) {
  int ends[2];
  int value = 1;
  return ::pipe2(ends, O_CLOEXEC) == 0 && Step(::ioctl(ends[0], request, &value) == 0, name);
}
bool BytesWaiting() { return OnPipe(FIONREAD, "FIONREAD"); }
bool NonBlockingMode() { return OnPipe(FIONBIO, "FIONBIO"); }
bool InheritanceFlag() { return OnPipe(FIOCLEX, "FIOCLEX") && OnPipe(FIONCLEX, "FIONCLEX"); }

// So that nothing is left on the machine when the call that removes it is missing.
bool OwnIpcNamespace() {
  return Step(::unshare(CLONE_NEWIPC) == 0, "unshare(CLONE_NEWIPC), which takes root");
}

bool SysvSharedMemory() {
  int id = ::shmget(IPC_PRIVATE, 4096, 0600);
  if (!Step(id >= 0, "shmget")) return false;
  void* memory = ::shmat(id, nullptr, 0);
  return Step(memory != reinterpret_cast<void*>(-1), "shmat") &&
         Step(::shmdt(memory) == 0, "shmdt") &&
         Step(::shmctl(id, IPC_RMID, nullptr) == 0, "shmctl");
}

bool SysvSemaphores() {
  int id = ::semget(IPC_PRIVATE, 1, 0600);
  sembuf up = {0, 1, IPC_NOWAIT};
  timespec at_once = {};
  return Step(id >= 0, "semget") && Step(::syscall(SYS_semop, id, &up, 1) == 0, "semop") &&
         Step(::semtimedop(id, &up, 1, &at_once) == 0, "semtimedop") &&
         Step(::semctl(id, 0, IPC_RMID) == 0, "semctl");
}

bool SysvMessages() {
  struct {
    long type = 1;
    char text[1] = {'x'};
  } message;
  int id = ::msgget(IPC_PRIVATE, 0600);
  return Step(id >= 0, "msgget") && Step(::msgsnd(id, &message, 1, IPC_NOWAIT) == 0, "msgsnd") &&
         Step(::msgrcv(id, &message, 1, 0, IPC_NOWAIT) == 1, "msgrcv") &&
         Step(::msgctl(id, IPC_RMID, nullptr) == 0, "msgctl");
}

}  // namespace

std::map<std::string, Workload> DescriptorWorkloads() {
  return {
      {"select_descriptors", {SelectDescriptors}},
      {"epoll_variants", {EpollVariants}},
      {"socket_calls", {SocketCalls}},
      {"unix_socket", {UnixSocket}},
      {"inet_socket_default_protocol", {InetDefault}},
      {"inet_socket_tcp", {InetTcp}},
      {"inet_socket_udp", {InetUdp}},
      {"inet6_socket_default_protocol", {Inet6Default}},
      {"inet6_socket_tcp", {Inet6Tcp}},
      {"inet6_socket_udp", {Inet6Udp}},
      {"list_interfaces", {ListInterfaces}},
      {"unix_socket_pair", {UnixSocketPair}},
      {"terminal_attributes", {TerminalAttributes}},
      {"terminal_attributes_drain", {TerminalAttributesDrain}},
      {"terminal_attributes_flush", {TerminalAttributesFlush}},
      {"terminal_drain", {TerminalDrain}},
      {"terminal_flush", {TerminalFlush}},
      {"terminal_session", {TerminalSession}},
      {"terminal_size", {TerminalSize}},
      {"open_terminal", {OpenTerminal}},
      {"open_terminal_peer", {OpenTerminalPeer}},
      {"bytes_waiting", {BytesWaiting}},
      {"non_blocking_mode", {NonBlockingMode}},
      {"inheritance_flag", {InheritanceFlag}},
      {"sysv_shared_memory", {SysvSharedMemory, OwnIpcNamespace}},
      {"sysv_semaphores", {SysvSemaphores, OwnIpcNamespace}},
      {"sysv_messages", {SysvMessages, OwnIpcNamespace}},
  };
}

}  // namespace warren::testing
