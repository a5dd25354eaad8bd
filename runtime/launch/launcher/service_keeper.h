#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_KEEPER_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_KEEPER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/launch/launcher/event_loop.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/service.h"
#include "runtime/launch/launcher/service_process.h"

namespace warren {

// Sees to it that there is a process of a service, and that it knows what it has to: one that dies,
// or hangs, is replaced. It never waits for one.
// Lifecycle: constructor → Start → Tell* → destructor, which ends the process.
class ServiceKeeper {
 public:
  struct Callbacks {
    // There is a process, which was sent its set-up and nothing else.
    std::function<void()> on_running;
    // It was sent all. Gets the supervisor's end of its socket to it.
    std::function<void(UniqueFd)> on_started;
  };
  // `loop`, `resources` and `service` outlive it.
  ServiceKeeper(EventLoop& loop, LaunchResources& resources, Service& service, Callbacks callbacks);

  void Start();
  // False between the end of a process and the start of the next.
  bool running() const { return process_ != nullptr; }
  // Sends what there is room for of what the process does not know yet, and the rest later.
  void Tell();

 private:
  using Clock = EventLoop::Clock;

  absl::Status StartProcess();
  void OnEnded();
  void StartAgainLater();

  EventLoop& loop_;
  LaunchResources& resources_;
  Service& service_;
  const Callbacks callbacks_;
  const Clock::duration patience_;
  std::unique_ptr<ServiceProcess> process_;
  uint64_t next_id_ = 1;
  Clock::time_point started_;
  Clock::duration pause_;
  bool all_told_ = true;
  // Where it is not: since then the process has taken nothing.
  Clock::time_point stuck_since_;
  EventLoop::TimerId tell_timer_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_KEEPER_H_
