#include "supervisor/e2b/control/cloud_removal.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/backend.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/e2b/control/list_path.h"
#include "supervisor/e2b/control/sandbox_record.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1: after 1 s, 4 s, 16 s and so on.
constexpr std::chrono::seconds kRemoveAgain{1};
constexpr int kRemoveFactor = 4;
constexpr int kMaxRemoves = 5;
constexpr int kMostMadeBy = 100;
constexpr int kNotFoundStatus = 404;

// Runs it in a while, `tries` tells how long that is. By way of Post, which drops it where the
// backend goes.
void RemoveLater(Cloud& cloud, int tries, Task task) {
  std::chrono::seconds wait = kRemoveAgain;
  for (int i = 0; i < tries; ++i) wait *= kRemoveFactor;
  cloud.Post([&cloud, wait, task = std::move(task)]() mutable {
    cloud.loop().AddTimer(cloud.After(wait), std::move(task));
  });
}

// Whoever waits for its next step holds it: so its end is the end of the attempt.
class Removal : public std::enable_shared_from_this<Removal> {
 public:
  Removal(std::shared_ptr<Cloud> cloud, std::string sandbox_id, Task done)
      : cloud_(std::move(cloud)), sandbox_id_(std::move(sandbox_id)), done_(std::move(done)) {}
  ~Removal() {
    if (!removed_) {
      spdlog::warn("event=cloud_sandbox_left backend={} sandbox={}", cloud_->options().name,
                   sandbox_id_);
    }
    done_();
  }

  void Try() {
    ++tries_;
    cloud_->Ask(ControlRequest(cloud_->options(), "DELETE",
                               absl::StrCat("/sandboxes/", PercentEncode(sandbox_id_))),
                HttpAgain::kAlways,
                [self = shared_from_this()](const absl::StatusOr<HttpAnswer>& answer) {
                  self->OnAnswer(answer);
                });
  }

 private:
  void OnAnswer(const absl::StatusOr<HttpAnswer>& answer) {
    removed_ =
        answer.ok() && (ControlStatus(*answer).ok() || answer->head.status == kNotFoundStatus);
    if (removed_ || tries_ == kMaxRemoves) return;
    RemoveLater(*cloud_, tries_ - 1, [self = shared_from_this()] { self->Try(); });
  }

  const std::shared_ptr<Cloud> cloud_;
  const std::string sandbox_id_;
  Task done_;
  int tries_ = 0;
  bool removed_ = false;
};

class StraySearch : public std::enable_shared_from_this<StraySearch> {
 public:
  StraySearch(std::shared_ptr<Cloud> cloud, std::string nonce)
      : cloud_(std::move(cloud)), nonce_(std::move(nonce)) {}
  ~StraySearch() {
    if (over_) return;
    spdlog::warn("event=cloud_sandbox_left backend={} create={} sandbox=unknown",
                 cloud_->options().name, nonce_);
  }

  void LookLater() {
    RemoveLater(*cloud_, looks_, [self = shared_from_this()] { self->Look(); });
  }

 private:
  void Look() {
    ++looks_;
    FindMadeBy(cloud_, nonce_,
               [self = shared_from_this()](const absl::StatusOr<std::vector<std::string>>& found) {
                 self->OnFound(found);
               });
  }

  void OnFound(const absl::StatusOr<std::vector<std::string>>& found) {
    if (found.ok()) {
      for (const std::string& id : *found) {
        spdlog::info("event=cloud_sandbox_unwanted backend={} sandbox={}", cloud_->options().name,
                     id);
        RemoveFromCloud(cloud_, id);
      }
      // A create makes one.
      over_ = !found->empty() || looks_ == kMaxRemoves;
    }
    if (!over_ && looks_ < kMaxRemoves) LookLater();
  }

  const std::shared_ptr<Cloud> cloud_;
  const std::string nonce_;
  int looks_ = 0;
  bool over_ = false;
};

// The cloud may know no such filter: what is not of this create is left alone.
std::vector<std::string> ListedMadeBy(const nlohmann::json& list, const std::string& nonce) {
  std::vector<std::string> ids;
  for (const nlohmann::json& each : list) {
    const nlohmann::json* metadata = ObjectField(each, "metadata");
    if (metadata == nullptr || TextField(*metadata, kCreateNote) != nonce) continue;
    const std::string id = TextField(each, "sandboxID");
    if (IsCloudSandboxId(id)) ids.push_back(id);
  }
  return ids;
}

}  // namespace

void RemoveFromCloud(const std::shared_ptr<Cloud>& cloud, const std::string& sandbox_id,
                     Task done) {
  std::make_shared<Removal>(cloud, sandbox_id, std::move(done))->Try();
}

void FindMadeBy(const std::shared_ptr<Cloud>& cloud, const std::string& nonce,
                absl::AnyInvocable<void(absl::StatusOr<std::vector<std::string>>)> found) {
  v1::ListSandboxesRequest request;
  request.set_page_size(kMostMadeBy);
  (*request.mutable_metadata())[kCreateNote] = nonce;
  cloud->Ask(
      ControlRequest(cloud->options(), "GET", ListPath(cloud->options(), Principal(), request)),
      HttpAgain::kAlways,
      [nonce, found = std::move(found)](absl::StatusOr<HttpAnswer> answer) mutable {
        absl::Status status = answer.ok() ? ControlStatus(*answer) : answer.status();
        if (!status.ok()) return found(std::move(status));
        auto list = ParseCloudJson(answer->body, "the cloud's list of sandboxes");
        if (!list.ok()) return found(list.status());
        if (!list->is_array())
          return found(absl::InternalError("the cloud's list of sandboxes is none"));
        found(ListedMadeBy(*list, nonce));
      });
}

void RemoveMadeBy(const std::shared_ptr<Cloud>& cloud, const std::string& nonce) {
  std::make_shared<StraySearch>(cloud, nonce)->LookLater();
}

}  // namespace warren
