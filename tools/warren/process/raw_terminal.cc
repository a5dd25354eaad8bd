#include "tools/warren/process/raw_terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};

// What a handler of a fault needs: it can reach no object. `saved` is written before `terminal`.
termios saved;
std::atomic<int> terminal{-1};

// tcsetattr() of a process in the background stops it (SIGTTOU); the terminal is not ours then.
bool Apply(int fd, const termios& mode) {
  while (::tcsetattr(fd, TCSADRAIN, &mode) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

// SA_RESETHAND: raising it again ends the process as it would have ended.
void OnFault(int signal) {
  int fd = terminal.exchange(-1);
  if (fd >= 0) ::tcsetattr(fd, TCSANOW, &saved);
  ::raise(signal);
}

void CatchFaults() {
  struct sigaction action {};
  action.sa_handler = OnFault;
  action.sa_flags = SA_RESETHAND;
  for (int fault : kFaults) ::sigaction(fault, &action, nullptr);
}

void LeaveFaults() {
  for (int fault : kFaults) ::signal(fault, SIG_DFL);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RawTerminal>> RawTerminal::Enter(int fd) {
  if (::tcgetattr(fd, &saved) != 0) return Errno("read the terminal's mode");
  termios raw = saved;
  ::cfmakeraw(&raw);
  terminal = fd;
  CatchFaults();
  std::unique_ptr<RawTerminal> entered(new RawTerminal(fd, raw));
  if (!Apply(fd, raw)) return Errno("set the terminal's mode");
  return entered;
}

RawTerminal::~RawTerminal() {
  Apply(fd_, saved);
  terminal = -1;
  LeaveFaults();
}

void RawTerminal::Suspend() { Apply(fd_, saved); }

void RawTerminal::Resume() { Apply(fd_, raw_); }

v1::Terminal TerminalSize(int fd) {
  v1::Terminal size;
  winsize window{};
  bool known = ::ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0;
  size.set_rows(known ? window.ws_row : 24);
  size.set_columns(known ? window.ws_col : 80);
  return size;
}

}  // namespace warren
