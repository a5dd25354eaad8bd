#include "runtime/agent/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <utility>

#include "runtime/launch/child/confine.h"

namespace warren {
namespace {

using child::Fail;

constexpr char kMultiplexer[] = "/dev/pts/ptmx";
// More than the kernel holds of one: who writes on after the end of its leader is not waited for.
constexpr size_t kMaxDrained = 256 << 10;

winsize ToWinsize(const internal::TerminalSize& size) {
  return {static_cast<unsigned short>(size.rows()), static_cast<unsigned short>(size.columns()), 0,
          0};
}

bool SetUpEnd(const UniqueFd& fd) { return ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0; }

}  // namespace

SetupResult Terminal::Open(const internal::TerminalSize& size, uid_t owner, gid_t group,
                           std::unique_ptr<Terminal>* terminal) {
  UniqueFd master(::open(kMultiplexer, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master.valid()) return Fail(SetupStage::kDescriptors, errno);
  int locked = 0;
  if (::ioctl(master.get(), TIOCSPTLCK, &locked) != 0) return Fail(SetupStage::kDescriptors, errno);
  UniqueFd peer(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!peer.valid() || ::fchown(peer.get(), owner, group) != 0)
    return Fail(SetupStage::kDescriptors, errno);
  terminal->reset(new Terminal(std::move(master), std::move(peer)));
  (*terminal)->Resize(size);
  return {};
}

void Terminal::Connect(UniqueFd input, UniqueFd output) {
  input_ = std::move(input);
  output_ = std::move(output);
  // An agent that blocked on one would serve nobody.
  if (!SetUpEnd(input_) || !SetUpEnd(output_)) Finish();
}

void Terminal::Resize(const internal::TerminalSize& size) {
  const winsize wanted = ToWinsize(size);
  ::ioctl(master_.get(), TIOCSWINSZ, &wanted);
}

// A buffer is filled again when it is empty: whoever is slow at one end slows the other.
void Terminal::AddWaits(std::vector<pollfd>* waits) const {
  const short input = !leader_ended_ && to_terminal_.empty() ? POLLIN : 0;
  const short output = to_supervisor_.empty() ? 0 : POLLOUT;
  const short master =
      static_cast<short>((output == 0 ? POLLIN : 0) | (to_terminal_.empty() ? 0 : POLLOUT));
  waits->push_back({input == 0 ? -1 : input_.get(), input, 0});
  waits->push_back({output == 0 ? -1 : output_.get(), output, 0});
  waits->push_back({master == 0 ? -1 : master_.get(), master, 0});
}

void Terminal::Turn(const pollfd* waits) {
  if (waits[0].revents != 0) ReadInput();
  if (!to_terminal_.empty() && !Drain(master_, to_terminal_)) to_terminal_ = Buffer();
  if (waits[2].revents != 0 && to_supervisor_.empty()) ReadMaster();
  // Nobody reads what it says: the supervisor has done with it.
  if (!to_supervisor_.empty() && !Drain(output_, to_supervisor_)) Finish();
  if (leader_ended_) CopyRest();
}

void Terminal::ReadInput() {
  const ssize_t size = ::read(input_.get(), to_terminal_.bytes.data(), to_terminal_.bytes.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return EndInput();
  to_terminal_.begin = 0;
  to_terminal_.end = static_cast<size_t>(size);
}

void Terminal::EndInput() {
  input_.reset();
  termios settings;
  if (::ioctl(master_.get(), TCGETS, &settings) != 0) return;
  const auto character = static_cast<char>(settings.c_cc[VEOF]);
  if (character == _POSIX_VDISABLE) return;
  to_terminal_.bytes[0] = character;
  to_terminal_.begin = 0;
  to_terminal_.end = 1;
}

void Terminal::ReadMaster() {
  const ssize_t size =
      ::read(master_.get(), to_supervisor_.bytes.data(), to_supervisor_.bytes.size());
  if (size < 0 && errno == EINTR) return;
  if (size <= 0) {
    if (leader_ended_ || (size < 0 && errno != EAGAIN)) Finish();
    return;
  }
  to_supervisor_.begin = 0;
  to_supervisor_.end = static_cast<size_t>(size);
  if (leader_ended_) drained_ += static_cast<size_t>(size);
}

bool Terminal::Drain(const UniqueFd& to, Buffer& buffer) {
  while (!buffer.empty()) {
    const ssize_t size =
        ::write(to.get(), buffer.bytes.data() + buffer.begin, buffer.end - buffer.begin);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN;
    buffer.begin += static_cast<size_t>(size);
  }
  return true;
}

void Terminal::LeaderEnded() {
  leader_ended_ = true;
  input_.reset();
  to_terminal_ = Buffer();
  CopyRest();
}

// As long as the supervisor takes it. The reading ends it, where there is nothing more.
void Terminal::CopyRest() {
  while (!done()) {
    if (!to_supervisor_.empty() && !Drain(output_, to_supervisor_)) return Finish();
    if (!to_supervisor_.empty()) return;
    if (drained_ > kMaxDrained) return Finish();
    ReadMaster();
  }
}

void Terminal::Finish() {
  master_.reset();
  peer_.reset();
  input_.reset();
  output_.reset();
}

}  // namespace warren
