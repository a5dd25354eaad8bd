#include "runtime/agent/sudo_door.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "runtime/base/sudo_paths.h"
#include "runtime/sudo/request.h"

namespace warren {
namespace {

// Who comes when so many wait, waits in connect(2).
constexpr int kWaiting = 16;

bool MakeDirectory() {
  // A template need not have /run; where something else is in its place, bind fails.
  ::mkdir("/run", 0755);
  ::mkdir(kSudoDirectory, 0755);
  // It may have been there.
  return ::chmod(kSudoDirectory, 0755) == 0;
}

// Everybody's from when it is there: who looks for it before a chmod would be denied, and who is
// denied does not look again.
bool Bind(int listener, const sockaddr_un& address) {
  // Of the agent before this one.
  ::unlink(address.sun_path);
  const mode_t umask = ::umask(0);
  const bool bound =
      MakeDirectory() &&
      ::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::umask(umask);
  return bound;
}

}  // namespace

SudoDoor SudoDoor::Open() {
  SudoDoor door;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, kSudoSocket, sizeof(address.sun_path) - 1);
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.valid() || !Bind(listener.get(), address) ||
      ::listen(listener.get(), kWaiting) != 0) {
    return door;
  }
  door.listener_ = std::move(listener);
  return door;
}

void SudoDoor::Starting(uint64_t process_id) {
  state_ = State::kStarting;
  process_id_ = process_id;
}

void SudoDoor::Refuse(const std::string& reason) {
  // A child of its own takes and closes the connection; a process that ends waits for no
  // descriptor that came over it. Until it has ended, who waits there is the same.
  refuser_ = ::fork();
  state_ = refuser_ > 0 ? State::kRefusing : State::kQuiet;
  if (refuser_ != 0) return;
  // Whoever stops it, root of the sandbox for one, stops nothing else with it: no pipe or terminal
  // of the agent's stays open here.
  const auto listener = static_cast<unsigned int>(listener_.get());
  ::close_range(0, listener - 1, 0);
  ::close_range(listener + 1, ~0u, 0);
  const int connection = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  const sudo::Reply reply = {sudo::ReplyKind::kRefused, 0};
  if (connection >= 0 &&
      ::send(connection, &reply, sizeof(reply), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(reply)) {
    ::send(connection, reason.data(), reason.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  ::_exit(0);
}

void SudoDoor::OnChildEnded(pid_t pid) {
  if (state_ == State::kRefusing && pid == refuser_) state_ = State::kQuiet;
}

}  // namespace warren
