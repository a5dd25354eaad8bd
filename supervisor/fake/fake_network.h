#ifndef WARREN_SUPERVISOR_FAKE_FAKE_NETWORK_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_NETWORK_H_

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "supervisor/backend/backend.h"

namespace warren {

// The network of a fake sandbox: a policy that decides nothing, and those who watch what a test
// says that happens. Thread-safe. Lifecycle: constructor → use → End; its watches hold it.
class FakeNetwork : public std::enable_shared_from_this<FakeNetwork> {
 public:
  static constexpr size_t kMaxWatchers = 16;

  explicit FakeNetwork(const v1::NetworkPolicy& policy) { SetPolicy(policy); }

  // Its preset is "none" where none was named.
  v1::NetworkPolicy policy() const;
  void SetPolicy(const v1::NetworkPolicy& policy);
  // The sink's End is RESOURCE_EXHAUSTED where there are as many as may be.
  std::unique_ptr<Operation> Watch(std::shared_ptr<SandboxHandle::NetworkSink> sink);
  size_t watchers() const;
  // Whoever is paused misses it, and is told with the next one how many were missed.
  void Tell(const v1::NetworkEvent& event);
  // The sandbox is gone: all watches end.
  void End();

 private:
  class WatchOperation;
  struct Watcher {
    std::shared_ptr<SandboxHandle::NetworkSink> sink;
    bool paused = false;
    int64_t lost = 0;
  };

  void Resume(Watcher& watcher);
  // Ends it, if it has not ended.
  void Remove(const std::shared_ptr<Watcher>& watcher, const absl::Status& why);
  bool Has(const std::shared_ptr<Watcher>& watcher) const;

  // Held while a sink is pushed to, so that nothing comes behind its End; recursive, for a sink may
  // resume or cancel from there.
  mutable std::recursive_mutex mu_;
  v1::NetworkPolicy policy_;
  std::list<std::shared_ptr<Watcher>> watchers_;
  bool ended_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_NETWORK_H_
