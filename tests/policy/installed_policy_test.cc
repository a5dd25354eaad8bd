// The default policy in force: what the kernel itself answers under the installed filters.

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/policy/policy_testing.h"
#include "tests/policy/under_policy.h"
#include "tests/policy/workloads.h"

namespace warren::testing {
namespace {

bool FailsWith(int error, long result, const char* what) {
  return Step(result == -1 && errno == error, what);
}

bool Runs(const char* const* argv) {
  pid_t pid = ::fork();
  if (pid == 0) {
    ::execvp(argv[0], const_cast<char* const*>(argv));
    ::_exit(127);
  }
  return Step(ExitedWell(pid), argv[0]);
}

class InstalledPolicyTest : public ::testing::Test {
 protected:
  static ChildOutcome Run(const std::function<bool()>& body) {
    static const auto* const kPolicy = new CompiledPolicy(CompileOrDie(LoadOrDie("default")));
    return RunUnderPolicy(
        *kPolicy, [] { return true; }, body);
  }
  static void ExpectWorks(const std::function<bool()>& body) {
    ChildOutcome outcome = Run(body);
    EXPECT_TRUE(outcome.Succeeded()) << outcome.errors << "wait status " << outcome.status;
  }
};

TEST_F(InstalledPolicyTest, AnswersAsTheEvaluatorSays) {
  ExpectWorks([] {
    return FailsWith(ENOSYS, ::syscall(1000), "syscall 1000") &&
           FailsWith(ENOSYS, ::syscall(SYS_clone3, nullptr, 0), "clone3") &&
           FailsWith(EPERM, ::syscall(SYS_unshare, CLONE_NEWUSER), "unshare") &&
           FailsWith(EPERM, ::syscall(SYS_keyctl, 0), "keyctl") &&
           FailsWith(EPERM, ::syscall(SYS_setresuid, 0, 0, 0), "setresuid") &&
           FailsWith(EPERM, ::syscall(SYS_io_uring_setup, 1, nullptr), "io_uring_setup") &&
           FailsWith(EPERM, ::mknod("device", S_IFBLK | 0600, 0x800), "mknod");
  });
}

// The argument deny-list was installed last: its errno wins over the allow-list's ENOSYS.
TEST_F(InstalledPolicyTest, TheLastFiltersErrnoWins) {
  ExpectWorks([] {
    return FailsWith(EPERM, ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), "clone") &&
           FailsWith(EPROTONOSUPPORT, ::socket(AF_NETLINK, SOCK_RAW, 9), "NETLINK_AUDIT");
  });
}

TEST_F(InstalledPolicyTest, HighBitsOpenNothing) {
  ExpectWorks([] {
    constexpr long kHighBit = 1L << 32;
    return FailsWith(ENOSYS, ::syscall(SYS_socket, AF_VSOCK | kHighBit, SOCK_STREAM, 0),
                     "socket") &&
           FailsWith(EPERM, ::syscall(SYS_ioctl, 0, TIOCSTI | kHighBit, "x"), "TIOCSTI") &&
           FailsWith(EPERM, ::syscall(SYS_clone, CLONE_NEWNS | SIGCHLD | kHighBit, 0, 0, 0, 0),
                     "clone");
  });
}

TEST_F(InstalledPolicyTest, OutOfBandDataStaysClosed) {
  ExpectWorks([] {
    int ends[2];
    return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 &&
           ::send(ends[0], "x", 1, MSG_NOSIGNAL) == 1 &&
           FailsWith(EOPNOTSUPP, ::send(ends[0], "x", 1, MSG_OOB), "MSG_OOB");
  });
}

TEST_F(InstalledPolicyTest, NoFurtherFilterGoesIn) {
  ExpectWorks([] {
    sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    sock_fprog program = {1, &allow};
    return FailsWith(ENOSYS, ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program),
                     "seccomp");
  });
}

TEST_F(InstalledPolicyTest, ThreadsLiveUnderIt) {
  ExpectWorks([] {
    bool refused = false;
    std::thread([&] {
      refused = ::syscall(SYS_unshare, CLONE_NEWNS) == -1 && errno == EPERM;
    }).join();
    return Step(refused, "unshare in a thread");
  });
}

TEST_F(InstalledPolicyTest, ShellsLiveUnderIt) {
  ExpectWorks([] {
    const char* const argv[] = {
        "sh", "-c", "unshare --mount true 2>&1 && exit 1; echo ok | cat > file; test -s file",
        nullptr};
    return Runs(argv);
  });
}

TEST_F(InstalledPolicyTest, PythonRunsProcessesThreadsAndSockets) {
  ExpectWorks([] {
    const char* const argv[] = {
        "/usr/bin/python3", "-c",
        "import subprocess, socket, asyncio, ssl, multiprocessing.pool as p\n"
        "assert subprocess.run(['true']).returncode == 0\n"
        "assert p.ThreadPool(4).map(abs, [-1, -2]) == [1, 2]\n"
        "asyncio.run(asyncio.sleep(0))\n"
        "s = socket.create_server(('127.0.0.1', 0))\n",
        nullptr};
    return Runs(argv);
  });
}

// sendfile is closed with an errno that its callers take for "copy by hand".
TEST_F(InstalledPolicyTest, PythonCopiesFilesWithoutSendfile) {
  ExpectWorks([] {
    const char* const argv[] = {
        "/usr/bin/python3", "-c",
        "import asyncio, errno, http.server, os, shutil, socket, threading, urllib.request\n"
        "data = os.urandom(3 << 20)\n"
        "open('from', 'wb').write(data)\n"
        "try:\n"
        "    os.sendfile(os.open('to', os.O_CREAT | os.O_WRONLY), os.open('from', os.O_RDONLY),\n"
        "                0, 1)\n"
        "    raise SystemExit('sendfile is open')\n"
        "except OSError as error:\n"
        "    assert error.errno == errno.EINVAL, error\n"
        "shutil.copyfile('from', 'copyfile')\n"
        "shutil.copy2('from', 'copy2')\n"
        "os.mkdir('tree')\n"
        "shutil.copy('from', 'tree/file')\n"
        "shutil.copytree('tree', 'copytree')\n"
        "for name in ('copyfile', 'copy2', 'copytree/file'):\n"
        "    assert open(name, 'rb').read() == data, name\n"
        "def drain(sock):\n"
        "    got = b''.join(iter(lambda: sock.recv(1 << 16), b''))\n"
        "    assert got == data, len(got)\n"
        "    done.append(len(got))\n"
        "done = []\n"
        "def receive(sock):\n"
        "    thread = threading.Thread(target=drain, args=(sock,))\n"
        "    thread.start()\n"
        "    return thread\n"
        "left, right = socket.socketpair()\n"
        "thread = receive(right)\n"
        "assert left.sendfile(open('from', 'rb')) == len(data)\n"
        "left.close()\n"
        "thread.join()\n"
        "async def send():\n"
        "    left, right = socket.socketpair()\n"
        "    left.setblocking(False)\n"
        "    thread = receive(right)\n"
        "    await asyncio.get_running_loop().sock_sendfile(left, open('from', 'rb'))\n"
        "    left.close()\n"
        "    thread.join()\n"
        "asyncio.run(send())\n"
        "assert len(done) == 2\n"
        "class Quiet(http.server.SimpleHTTPRequestHandler):\n"
        "    def log_message(self, *words): pass\n"
        "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "url = 'http://127.0.0.1:%d/from' % server.server_port\n"
        "opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))\n"
        "assert opener.open(url).read() == data\n",
        nullptr};
    return Runs(argv);
  });
}

// They pass every filter from Linux 6.14 on; the kernel itself turns them away outside of its
// trampolines.
TEST_F(InstalledPolicyTest, UprobeCallsThatPassEveryFilterGiveNothing) {
  constexpr long kUretprobe = 335;
  constexpr long kUprobe = 336;
  for (long number : {kUretprobe, kUprobe}) {
    ChildOutcome outcome = Run([number] {
      return Step(::syscall(number) == -1 && (errno == ENOSYS || errno == ENXIO), "uprobe call");
    });
    EXPECT_TRUE(outcome.Succeeded() || outcome.Signal() == SIGILL) << outcome.status;
  }
}

TEST_F(InstalledPolicyTest, X32CallsDie) {
  EXPECT_EQ(Run([] { return ::syscall(0x40000000 | SYS_getpid) > 0; }).Signal(), SIGSYS);
}

TEST_F(InstalledPolicyTest, Ia32CallsDie) {
  ChildOutcome outcome = Run([] {
    constexpr long kIa32Getpid = 20;
    long result = kIa32Getpid;
    asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return result > 0;
  });
  // A kernel without the ia32 entry answers the instruction itself with SIGSEGV.
  EXPECT_TRUE(outcome.Signal() == SIGSYS || outcome.Signal() == SIGSEGV) << outcome.status;
}

}  // namespace
}  // namespace warren::testing
