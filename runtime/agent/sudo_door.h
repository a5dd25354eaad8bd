#ifndef WARREN_RUNTIME_AGENT_SUDO_DOOR_H_
#define WARREN_RUNTIME_AGENT_SUDO_DOOR_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "runtime/base/unique_fd.h"

namespace warren {

// Where those inside wait who want a command as root: a listening socket, of which the agent only
// sees that somebody is there. It takes no connection and reads nothing: descriptors could come
// along, and closing those may take as long as their sender likes. A command that is confined as
// root already does both.
//
// One after the other is let in. Lifecycle: constructor → (somebody waits) → Asked → Starting,
// Refuse → Settled → ...
class SudoDoor {
 public:
  // One without a socket, where nobody ever waits.
  SudoDoor() = default;
  // In its sandbox, as its root. Without a socket where that could not be made: the layer is full.
  static SudoDoor Open();

  // Readable when somebody waits who was not asked about yet; -1 meanwhile.
  int waits() const { return state_ == State::kQuiet ? listener_.get() : -1; }
  const UniqueFd& listener() const { return listener_; }

  void Asked() { state_ = State::kAsked; }
  bool asked() const { return state_ == State::kAsked; }
  // The answer is being carried out by this command.
  void Starting(uint64_t process_id);
  bool IsServedBy(uint64_t process_id) const {
    return state_ == State::kStarting && process_id == process_id_;
  }
  // That command has taken the connection.
  void Settled() { state_ = State::kQuiet; }
  // Tells who waits why nothing is run, by a child.
  void Refuse(const std::string& reason);
  // A child of the agent's, perhaps that one, has ended.
  void OnChildEnded(pid_t pid);

 private:
  enum class State { kQuiet, kAsked, kStarting, kRefusing };

  UniqueFd listener_;
  State state_ = State::kQuiet;
  uint64_t process_id_ = 0;
  pid_t refuser_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_SUDO_DOOR_H_
