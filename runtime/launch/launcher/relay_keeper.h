#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_KEEPER_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_KEEPER_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/launch/launcher/event_loop.h"
#include "runtime/launch/launcher/relay_process.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/sandbox_network.h"

namespace warren {

// Sees to it that there is a relay, and that it has the sockets of every sandbox whose network is
// open: one that dies, or hangs, is replaced. It never waits for one.
// Lifecycle: constructor → Start → Open*, Close* → destructor, which ends the relay.
class RelayKeeper {
 public:
  // `loop` and `resources` outlive it. `on_started` gets the supervisor's end of its socket to each
  // relay, once that has been sent all sockets.
  RelayKeeper(EventLoop& loop, LaunchResources& resources, RelaySource source,
              std::function<void(UniqueFd)> on_started);

  void Start();
  // `network` is open, and outlives its Close.
  void Open(const std::string& sandbox_id, const SandboxNetwork& network);
  // Of one that was not opened: nothing.
  void Close(const std::string& sandbox_id);

 private:
  using Clock = EventLoop::Clock;

  void OnEnded();
  void StartAgainLater();
  // Sends what there is room for.
  void Tell();
  absl::Status TellOf(const std::string& sandbox_id);

  EventLoop& loop_;
  LaunchResources& resources_;
  const RelaySource source_;
  const std::function<void(UniqueFd)> on_started_;
  const Clock::duration patience_;
  // None between the end of one and the start of the next.
  std::unique_ptr<RelayProcess> relay_;
  uint64_t next_id_ = 1;
  Clock::time_point started_;
  Clock::duration pause_;
  std::map<std::string, const SandboxNetwork*> open_;
  // What the relay does not know yet: that one is open, or is not any more.
  std::set<std::string> untold_;
  // Since then it has taken nothing of it.
  Clock::time_point stuck_since_;
  EventLoop::TimerId tell_timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_RELAY_KEEPER_H_
