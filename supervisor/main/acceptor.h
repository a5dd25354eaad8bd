#ifndef WARREN_SUPERVISOR_MAIN_ACCEPTOR_H_
#define WARREN_SUPERVISOR_MAIN_ACCEPTOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/main/connections.h"
#include "supervisor/main/listener.h"

namespace warren {

// Accepts at the listeners and hands the connections on. One for which there is no room is closed
// at once, so that its client hears of it; where the kernel has no descriptor to give, nothing is
// accepted for a while. The log has one line for an episode of either.
//
// IO thread, or before it runs. Lifecycle: constructor → Watch → Unwatch → destruction after the
// loop has stopped.
class Acceptor {
 public:
  // After an accept that failed.
  static constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);
  // Refusals that are closer together belong to one episode.
  static constexpr absl::Duration kEpisodeGap = absl::Seconds(60);

  // Listener's descriptor, connection.
  using HandOver = absl::AnyInvocable<void(int, UniqueFd)>;

  // The listeners outlive it.
  Acceptor(IoLoop& loop, const std::vector<Listener>& listeners, size_t max_connections,
           HandOver hand_over);

  absl::Status Watch();
  void Unwatch();

  // Accepts that the kernel refused.
  int64_t failed_accepts() const { return failed_accepts_; }

 private:
  void Accept(size_t listener);
  void Admit(const Listener& listener, UniqueFd connection);
  void Pause(size_t listener);
  // True for the first of an episode.
  bool BeginsEpisode();

  IoLoop& loop_;
  const std::vector<Listener>& listeners_;
  std::vector<IoLoop::WatchId> watches_;
  Connections connections_;
  HandOver hand_over_;
  int64_t failed_accepts_ = 0;
  absl::Time last_trouble_ = absl::InfinitePast();
};

// How the descriptors that the process may open are shared out. A sandbox with its first context
// takes fifteen at most, a further context its four pipes, a connection one; of what the sandboxes
// leave, further contexts get half, agents and processes a quarter, connections to ports inside of
// sandboxes an eighth and those of clients the rest, one for each sandbox first.

// How many sandboxes `open_files` is enough for, each with a connection, and every second one with
// a further context; at least one.
int MaxSandboxesByFiles(int64_t open_files);

// Contexts beside the first ones, in all sandboxes together: SandboxHost::further_contexts.
int MaxFurtherContexts(int64_t open_files, int max_sandboxes);

// Descriptors of agents, two each, and of processes, three each, in all sandboxes together:
// SandboxHost::process_descriptors.
int MaxProcessDescriptors(int64_t open_files, int max_sandboxes);

// Connections to ports inside, in all sandboxes together: SandboxHost::port_connections.
int MaxPortConnections(int64_t open_files, int max_sandboxes);

// Connections of clients beside all these, at each of so many doors.
size_t MaxConnections(int64_t open_files, int max_sandboxes, int doors);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_ACCEPTOR_H_
