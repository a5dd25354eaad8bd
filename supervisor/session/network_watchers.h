#ifndef WARREN_SUPERVISOR_SESSION_NETWORK_WATCHERS_H_
#define WARREN_SUPERVISOR_SESSION_NETWORK_WATCHERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"

namespace warren {

// Those who watch the network of one sandbox. Whoever is slow misses events, and is told with the
// next one how many: nothing of the sandbox's waits for a client.
//
// Thread-safe; Resume and Leave are for a task of their own, not from within a sink.
class NetworkWatchers {
 public:
  static constexpr size_t kMaxWatchers = 16;
  struct Watcher {
    std::shared_ptr<SandboxHandle::NetworkSink> sink;
    bool paused = false;
    // Events since the last that it got.
    int64_t lost = 0;
  };
  using WatcherRef = std::shared_ptr<Watcher>;

  // What happens from its return on goes to the sink; null, and the sink has its End, when they
  // have ended (OK) or there are as many as may be (RESOURCE_EXHAUSTED).
  WatcherRef Add(std::shared_ptr<SandboxHandle::NetworkSink> sink);
  void Tell(const warren::v1::NetworkEvent& event);
  void Resume(Watcher& watcher);
  void Leave(const WatcherRef& watcher);
  // The sandbox is gone.
  void End();

 private:
  Mutex mu_;
  std::vector<WatcherRef> watchers_ ABSL_GUARDED_BY(mu_);
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_NETWORK_WATCHERS_H_
