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
// lifetime earlier than it would here.
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
  // How long it has run.
  static absl::Duration Ran(const CloudSandbox& sandbox, absl::Time now);

 private:
  void Arm(const CloudSandboxRef& sandbox);
  void Renew(const CloudSandboxRef& sandbox);

  const std::shared_ptr<Cloud> cloud_;
  UsageMeter& meter_;
  struct Watch {
    TimerId timer = 0;
    // When the lifetime was set last.
    MonotonicTime set_at;
  };
  std::unordered_map<std::string, Watch> watched_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_LIVES_H_
