#include "supervisor/e2b/control/create_call.h"

#include <utility>
#include <vector>

#include "spdlog/spdlog.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/cloud_removal.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/e2b/control/sandbox_record.h"
#include "supervisor/session/ids.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: what has no room now may have some in a moment.
constexpr std::chrono::milliseconds kBusyWait{200};
constexpr int kMaxCreates = 3;
constexpr int kServiceUnavailable = 503;

// Whether the cloud may have made it though this is its answer, which names none.
bool MayBeMade(const absl::StatusOr<HttpAnswer>& answer) {
  if (!answer.ok()) return MayBeSent(answer.status());
  constexpr int kRequestTimeout = 408;
  constexpr int kNotImplemented = 501;
  constexpr int kNoStorage = 507;
  const int status = answer->head.status;
  if (status == kNotImplemented || status == kNoStorage) return false;
  return status < 300 || status == kRequestTimeout || status >= 500;
}

}  // namespace

void CreateCall::Start() {
  if (!on_made_) return;
  ++attempts_;
  nonce_ = NewId("");
  body_["metadata"][kCreateNote] = nonce_;
  cloud_->Ask(ControlRequest(cloud_->options(), "POST", "/v2/sandboxes", JsonText(body_)),
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

bool CreateCall::Give(nlohmann::json made) {
  auto on_made = std::exchange(on_made_, nullptr);
  if (!on_made) return false;
  on_made(std::move(made));
  return true;
}

bool CreateCall::IsBusy(const absl::StatusOr<HttpAnswer>& answer) const {
  return answer.ok() && answer->head.status == kServiceUnavailable && attempts_ < kMaxCreates &&
         on_made_;
}

void CreateCall::OnAnswer(absl::StatusOr<HttpAnswer> answer) {
  if (!IsBusy(answer)) return Finish(std::move(answer));
  cloud_->loop().AddTimer(cloud_->After(kBusyWait * attempts_),
                          [self = shared_from_this(), busy = *std::move(answer)]() mutable {
                            self->LookAndStart(std::move(busy));
                          });
}

void CreateCall::LookAndStart(HttpAnswer busy) {
  FindMadeBy(cloud_, nonce_,
             [self = shared_from_this(), busy = std::move(busy)](
                 const absl::StatusOr<std::vector<std::string>>& found) mutable {
               if (self->on_made_ && found.ok() && found->empty()) return self->Start();
               self->Finish(std::move(busy));
             });
}

void CreateCall::Finish(absl::StatusOr<HttpAnswer> answer) {
  const absl::Status status = answer.ok() ? ControlStatus(*answer) : answer.status();
  auto made = status.ok() ? ParseCloudJson(answer->body, "the cloud's word on a new sandbox")
                          : absl::StatusOr<nlohmann::json>(status);
  if (made.ok() && !IsCloudSandboxId(TextField(*made, "sandboxID")))
    made = absl::InternalError("the cloud's word on a new sandbox names none");
  if (!made.ok() && MayBeMade(answer)) RemoveMadeBy(cloud_, nonce_);
  if (auto on_made = std::exchange(on_made_, nullptr)) return on_made(std::move(made));
  if (made.ok()) Remove(*made);
}

void CreateCall::Remove(const nlohmann::json& made) {
  const std::string id = TextField(made, "sandboxID");
  spdlog::info("event=cloud_sandbox_unwanted backend={} sandbox={}", cloud_->options().name, id);
  RemoveFromCloud(cloud_, id);
}

}  // namespace warren
