#include "supervisor/e2b/control/create_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/sandbox_record.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: what has no room now may have some in a moment.
constexpr std::chrono::milliseconds kBusyWait{200};
constexpr int kMaxCreates = 3;
constexpr int kServiceUnavailable = 503;

}  // namespace

void CreateCall::Start() {
  ++attempts_;
  cloud_->Ask(ControlRequest(cloud_->options(), "POST", "/v2/sandboxes", body_),
              HttpAgain::kIfNotDone,
              [self = shared_from_this()](absl::StatusOr<HttpAnswer> answer) {
                self->OnAnswer(std::move(answer));
              });
}

void CreateCall::Cancel() {
  if (auto on_made = std::exchange(on_made_, nullptr)) {
    on_made(absl::CancelledError("the create was cancelled: nothing was made"));
  }
}

void CreateCall::Give(nlohmann::json made) {
  if (auto on_made = std::exchange(on_made_, nullptr)) return on_made(std::move(made));
  Remove(made);
}

void CreateCall::OnAnswer(absl::StatusOr<HttpAnswer> answer) {
  if (answer.ok() && answer->head.status == kServiceUnavailable && attempts_ < kMaxCreates &&
      on_made_) {
    cloud_->loop().AddTimer(cloud_->After(kBusyWait * attempts_),
                            [self = shared_from_this()] { self->Start(); });
    return;
  }
  const absl::Status status = answer.ok() ? ControlStatus(*answer) : answer.status();
  auto made = status.ok() ? ParseCloudJson(answer->body, "the cloud's word on a new sandbox")
                          : absl::StatusOr<nlohmann::json>(status);
  if (made.ok() && !IsCloudSandboxId(TextField(*made, "sandboxID")))
    made = absl::InternalError("the cloud's word on a new sandbox names none");
  if (auto on_made = std::exchange(on_made_, nullptr)) return on_made(std::move(made));
  if (made.ok()) Remove(*made);
}

void CreateCall::Remove(const nlohmann::json& made) {
  const std::string id = TextField(made, "sandboxID");
  spdlog::info("event=cloud_sandbox_unwanted backend={} sandbox={}", cloud_->options().name, id);
  cloud_->Ask(ControlRequest(cloud_->options(), "DELETE", absl::StrCat("/sandboxes/", id)),
              HttpAgain::kAlways, [](const absl::StatusOr<HttpAnswer>&) {});
}

}  // namespace warren
