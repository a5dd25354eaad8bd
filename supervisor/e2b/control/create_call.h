#ifndef WARREN_SUPERVISOR_E2B_CONTROL_CREATE_CALL_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_CREATE_CALL_H_

#include <functional>
#include <memory>
#include <string>

#include "nlohmann/json.hpp"
#include "supervisor/e2b/base/cloud.h"

namespace warren {

// One create on its way. Where its client gives up meanwhile, and the cloud makes it all the same,
// it is removed there at once. Of the loop's thread. Lifecycle: constructor → Start → `on_made`, at
// most once: not after Cancel.
class CreateCall : public std::enable_shared_from_this<CreateCall> {
 public:
  using OnMade = absl::AnyInvocable<void(absl::StatusOr<nlohmann::json>)>;
  CreateCall(std::shared_ptr<Cloud> cloud, std::string body, OnMade on_made)
      : cloud_(std::move(cloud)), body_(std::move(body)), on_made_(std::move(on_made)) {}

  void Start();
  // Instead of Start: it is this one.
  void Give(nlohmann::json made);
  void Cancel();

 private:
  void OnAnswer(absl::StatusOr<HttpAnswer> answer);
  void Remove(const nlohmann::json& made);

  const std::shared_ptr<Cloud> cloud_;
  const std::string body_;
  // Null once it is answered.
  OnMade on_made_;
  int attempts_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CREATE_CALL_H_
