#include "runtime/sudo/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace warren::sudo {
namespace {

// How long a terminal that something holds open must be silent after its command's end. Fixed
// (docs/TIMING.md).
constexpr int kSilenceMs = 100;
// Reads that are not waited for any longer.
constexpr int kMostDrained = 64;

bool WriteAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

}  // namespace

bool Terminal::Open() {
  if (::tcgetattr(STDIN_FILENO, &before_) != 0 || ::tcgetpgrp(STDIN_FILENO) != ::getpgrp())
    return false;
  UniqueFd master(::open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  int unlocked = 0;
  if (!master.valid() || ::ioctl(master.get(), TIOCSPTLCK, &unlocked) != 0) return false;
  peer_.reset(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!peer_.valid()) return false;
  ::tcsetattr(peer_.get(), TCSANOW, &before_);
  master_ = std::move(master);
  OnResize();
  output_ = ::isatty(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO;
  return true;
}

void Terminal::Raw() {
  if (!open() || raw_) return;
  termios raw = before_;
  ::cfmakeraw(&raw);
  raw_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void Terminal::Cook() {
  if (!raw_) return;
  // From the background too, without being stopped for it.
  sigset_t set, before;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &set, &before);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  raw_ = false;
}

void Terminal::OnInput() {
  char bytes[4096];
  const ssize_t size = ::read(STDIN_FILENO, bytes, sizeof(bytes));
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size <= 0) {
    input_ended_ = true;
    return;
  }
  typed_.assign(bytes, static_cast<size_t>(size));
  WriteInput();
}

void Terminal::WriteInput() {
  const ssize_t size = ::write(master_.get(), typed_.data(), typed_.size());
  if (size > 0) typed_.erase(0, static_cast<size_t>(size));
  if (size < 0 && errno != EAGAIN && errno != EINTR) typed_.clear();
}

bool Terminal::OnOutput() {
  char bytes[4096];
  const ssize_t size = ::read(master_.get(), bytes, sizeof(bytes));
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  return size > 0 && WriteAll(output_, bytes, static_cast<size_t>(size));
}

void Terminal::OnResize() {
  winsize size = {};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(master_.get(), TIOCSWINSZ, &size);
}

void Terminal::Drain() {
  ClosePeer();
  pollfd wait = {master_.get(), POLLIN, 0};
  // What goes on behind the command may never fall silent.
  for (int reads = 0; reads < kMostDrained; ++reads) {
    if (::poll(&wait, 1, kSilenceMs) <= 0 || !OnOutput()) return;
  }
}

}  // namespace warren::sudo
