#ifndef WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_REMOVAL_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_REMOVAL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "supervisor/e2b/base/cloud.h"

// Sandboxes of the cloud's that nobody wants, and which would cost until their lifetime ends. What
// the cloud fails to do is tried again for some minutes; what is, or may be, left then, or when
// the backend goes, is logged: event=cloud_sandbox_left. Of the loop's thread.
namespace warren {

// `done` when it is removed, or given up.
void RemoveFromCloud(
    const std::shared_ptr<Cloud>& cloud, const std::string& sandbox_id, Task done = [] {});

// The sandboxes that were made by the create of this nonce (CreateCall), by the cloud's list.
void FindMadeBy(const std::shared_ptr<Cloud>& cloud, const std::string& nonce,
                absl::AnyInvocable<void(absl::StatusOr<std::vector<std::string>>)> found);

// A create of which it is not known what became: what it made is looked for a few times, for the
// cloud may still be at it, and removed.
void RemoveMadeBy(const std::shared_ptr<Cloud>& cloud, const std::string& nonce);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CLOUD_REMOVAL_H_
