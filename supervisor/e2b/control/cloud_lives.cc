#include "supervisor/e2b/control/cloud_lives.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/create_body.h"

namespace warren {
namespace {

// docs/TIMING.md: so many times in a lifetime it is looked whether it was used.
constexpr int kLooksInLifetime = 8;

}  // namespace

absl::Duration CloudLives::Ran(const CloudSandbox& sandbox, absl::Time now) {
  if (sandbox.runs_since == absl::InfinitePast()) return sandbox.ran;
  return sandbox.ran + std::max(now - sandbox.runs_since, absl::ZeroDuration());
}

void CloudLives::Changed(const CloudSandboxRef& sandbox) {
  const absl::Time now = absl::Now();
  if (sandbox->told.state() == v1::Sandbox::PAUSED) {
    sandbox->ran = Ran(*sandbox, now);
    sandbox->runs_since = absl::InfinitePast();
    meter_.Stopped(sandbox->id, now);
    if (auto found = watched_.find(sandbox->id); found != watched_.end()) {
      cloud_->loop().CancelTimer(found->second.timer);
      watched_.erase(found);
    }
    return;
  }
  if (sandbox->runs_since == absl::InfinitePast()) sandbox->runs_since = now;
  meter_.Runs(sandbox->id, now, ToTime(sandbox->told.expires_at()));
  Watch& watch = watched_[sandbox->id];
  watch.set_at = UseMeter::CoarseNow();
  Arm(sandbox);
}

void CloudLives::Ended(const CloudSandboxRef& sandbox) {
  meter_.Stopped(sandbox->id, absl::Now());
  auto found = watched_.find(sandbox->id);
  if (found == watched_.end()) return;
  cloud_->loop().CancelTimer(found->second.timer);
  watched_.erase(found);
}

void CloudLives::Arm(const CloudSandboxRef& sandbox) {
  Watch& watch = watched_.at(sandbox->id);
  cloud_->loop().CancelTimer(std::exchange(watch.timer, 0));
  const absl::Duration lifetime = ToDuration(sandbox->told.lifetime());
  const bool by_use = sandbox->told.lifetime_from() == v1::LIFETIME_FROM_LAST_USE;
  if (!by_use || lifetime <= absl::ZeroDuration()) return;
  watch.timer = cloud_->loop().AddTimer(
      MonotonicClock::now() + absl::ToChronoNanoseconds(lifetime / kLooksInLifetime),
      [weak = weak_from_this(), sandbox] {
        if (auto self = weak.lock()) self->Renew(sandbox);
      });
}

void CloudLives::Renew(const CloudSandboxRef& sandbox) {
  auto found = watched_.find(sandbox->id);
  if (found == watched_.end()) return;
  Arm(sandbox);
  if (!sandbox->use->in_use() && sandbox->use->last_use() <= found->second.set_at) return;
  found->second.set_at = UseMeter::CoarseNow();
  nlohmann::json body;
  const absl::Duration lifetime = ToDuration(sandbox->told.lifetime());
  body["timeout"] = WholeSeconds(lifetime);
  cloud_->Ask(ControlRequest(cloud_->options(), "POST",
                             absl::StrCat("/sandboxes/", PercentEncode(sandbox->id), "/timeout"),
                             JsonText(body)),
              HttpAgain::kAlways,
              [self = shared_from_this(), sandbox, lifetime](absl::StatusOr<HttpAnswer> answer) {
                const absl::Status status = answer.ok() ? ControlStatus(*answer) : answer.status();
                if (!status.ok()) {
                  spdlog::warn("event=cloud_lifetime_not_renewed backend={} sandbox={} code={}",
                               self->cloud_->options().name, sandbox->id,
                               static_cast<int>(status.code()));
                  return;
                }
                const absl::Time ends = absl::Now() + lifetime;
                *sandbox->told.mutable_expires_at() = ToProto(ends);
                self->meter_.Runs(sandbox->id, absl::Now(), ends);
              });
}

}  // namespace warren
