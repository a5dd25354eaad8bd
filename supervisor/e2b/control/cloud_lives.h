#ifndef WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_LIVES_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_LIVES_H_

#include <memory>
#include <string>
#include <unordered_map>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/control/usage_meter.h"

namespace warren {

// What keeps sandboxes alive that are used, and counts how long they run.
//
// The cloud counts a lifetime from the call that set it. One that shall count from the last use is
// set anew each eighth of it in which the sandbox was used; so one ends up to an eighth of its
// lifetime earlier than it would here. When a lifetime has ended it is looked whether the cloud has
// the sandbox still: what is gone is forgotten, what was paused is so here too.
//
// Of the loop's thread, but for the meter.
class CloudLives : public std::enable_shared_from_this<CloudLives> {
 public:
  CloudLives(std::shared_ptr<Cloud> cloud, UsageMeter& meter)
      : cloud_(std::move(cloud)), meter_(meter) {}

  // As `sandbox.told` says it now: that it runs, or is paused; its lifetime, and when that ends.
  void Changed(const CloudSandboxRef& sandbox);
  // It is there no more.
  void Ended(const CloudSandboxRef& sandbox);
  // It runs, as far as this server knows.
  bool Watches(const CloudSandbox& sandbox) const { return watched_.count(sandbox.id) > 0; }
  // How long it has run; no longer than its lifetime, behind which it may be paused.
  static absl::Duration Ran(const CloudSandbox& sandbox, absl::Time now);
  // One that runs again: a stretch of it whose lifetime has ended is over.
  static void Settle(CloudSandbox& sandbox);

 private:
  void Arm(const CloudSandboxRef& sandbox);
  void OnTimer(const CloudSandboxRef& sandbox);
  void Renew(const CloudSandboxRef& sandbox);
  void OnRenewed(const CloudSandboxRef& sandbox, MonotonicTime set_before, MonotonicTime set_at,
                 absl::Duration lifetime, const absl::Status& status);
  void Look(const CloudSandboxRef& sandbox);
  void OnLooked(const CloudSandboxRef& sandbox, const absl::StatusOr<HttpAnswer>& answer);

  const std::shared_ptr<Cloud> cloud_;
  UsageMeter& meter_;
  struct Watch {
    TimerId timer = 0;
    // When the lifetime was set last.
    MonotonicTime set_at;
    // In a row.
    int failed_looks = 0;
  };
  // What runs, until its lifetime has ended: an answer that comes later changes nothing.
  std::unordered_map<std::string, Watch> watched_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_LIVES_H_
