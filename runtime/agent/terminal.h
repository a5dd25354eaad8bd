#ifndef WARREN_RUNTIME_AGENT_TERMINAL_H_
#define WARREN_RUNTIME_AGENT_TERMINAL_H_

#include <poll.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "runtime/base/unique_fd.h"
#include "runtime/launch/child/setup.h"
#include "warren/internal/agent.pb.h"

namespace warren {

// A terminal of the sandbox's between a command, which has its one side, and the command's pipes to
// the supervisor: copies both ways, and holds at most a buffer of each.
//
// No descriptor leaves the sandbox. Lifecycle: Open → (the command is forked, with peer()) →
// Connect → Turn* → LeaderEnded → Turn* until it is done.
class Terminal {
 public:
  // For poll(2), each time.
  static constexpr size_t kWaits = 3;

  // `owner`: the command's user.
  static SetupResult Open(const internal::TerminalSize& size, uid_t owner, gid_t group,
                          std::unique_ptr<Terminal>* terminal);

  // The command's side.
  int peer() const { return peer_.get(); }
  // The command's pipes: `input` (read end) and `output` (write end).
  void Connect(UniqueFd input, UniqueFd output);

  void Resize(const internal::TerminalSize& size);
  void AddWaits(std::vector<pollfd>* waits) const;
  // With what poll said of them.
  void Turn(const pollfd* waits);
  // What is in it is copied, and no more: others may hold it open.
  void LeaderEnded();
  bool done() const { return !output_.valid(); }

 private:
  // What goes one way and has not been taken yet.
  struct Buffer {
    std::array<char, 16 << 10> bytes;
    size_t begin = 0;
    size_t end = 0;
    bool empty() const { return begin == end; }
  };

  Terminal(UniqueFd master, UniqueFd peer) : master_(std::move(master)), peer_(std::move(peer)) {}
  void ReadInput();
  void ReadMaster();
  void CopyRest();
  // False where nobody takes it any more.
  static bool Drain(const UniqueFd& to, Buffer& buffer);
  // Its end-of-file character.
  void EndInput();
  void Finish();

  UniqueFd master_;
  // Open as long as its command lives: else the terminal would hang up, again and again, when that
  // closes its own.
  UniqueFd peer_;
  UniqueFd input_;
  UniqueFd output_;
  Buffer to_terminal_;
  Buffer to_supervisor_;
  bool leader_ended_ = false;
  // After the end of its leader.
  size_t drained_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_TERMINAL_H_
