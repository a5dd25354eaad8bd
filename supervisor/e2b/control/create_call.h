#ifndef WARREN_SUPERVISOR_E2B_CONTROL_CREATE_CALL_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_CREATE_CALL_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "supervisor/e2b/base/cloud.h"

namespace warren {

// One create on its way. Where its client gives up meanwhile, and the cloud makes it all the same,
// it is removed there at once; where the cloud's answer does not come, it is looked for there and
// removed. It is asked for again only where the cloud had no room, and lists none that it made.
//
// Of the loop's thread. Lifecycle: constructor → Start → `on_made`, at most once: not after Cancel.
class CreateCall : public std::enable_shared_from_this<CreateCall> {
 public:
  using OnMade = absl::AnyInvocable<void(absl::StatusOr<nlohmann::json>)>;
  // `body` as CreateBody has it.
  CreateCall(std::shared_ptr<Cloud> cloud, nlohmann::json body, OnMade on_made)
      : cloud_(std::move(cloud)), body_(std::move(body)), on_made_(std::move(on_made)) {}

  // Nothing after Cancel.
  void Start();
  // Instead of Start: it is this one. False where nobody waits for it any more.
  bool Give(nlohmann::json made);
  void Cancel();

 private:
  void OnAnswer(absl::StatusOr<HttpAnswer> answer);
  // Whether another attempt may follow; it begins with a look at what became of this one.
  bool IsBusy(const absl::StatusOr<HttpAnswer>& answer) const;
  void LookAndStart(HttpAnswer busy);
  void Finish(absl::StatusOr<HttpAnswer> answer);
  void Remove(const nlohmann::json& made);

  const std::shared_ptr<Cloud> cloud_;
  nlohmann::json body_;
  // Of the last attempt.
  std::string nonce_;
  // Null once it is answered.
  OnMade on_made_;
  int attempts_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_CREATE_CALL_H_
