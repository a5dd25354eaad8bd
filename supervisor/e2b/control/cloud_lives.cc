#include "supervisor/e2b/control/cloud_lives.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/e2b/control/sandbox_record.h"

namespace warren {
namespace {

// docs/TIMING.md: so many times in a lifetime it is looked whether it was used.
constexpr int kLooksInLifetime = 8;
// Of a host of pace 1: so long after a lifetime's end it is looked whether the sandbox is there.
constexpr std::chrono::seconds kExpirySlack{10};
// One of which the cloud says nothing for so many of these is taken to be gone.
constexpr int kMaxFailedLooks = 5;
constexpr absl::Duration kLongestWait = absl::Hours(24);
constexpr int kGoneStatus = 404;

bool CountsFromLastUse(const CloudSandbox& sandbox) {
  return sandbox.told.lifetime_from() == v1::LIFETIME_FROM_LAST_USE;
}

}  // namespace

absl::Duration CloudLives::Ran(const CloudSandbox& sandbox, absl::Time now) {
  if (sandbox.runs_since == absl::InfinitePast()) return sandbox.ran;
  const absl::Time ends = ToTime(sandbox.told.expires_at());
  // Where the cloud's clock is another one, this may lie before its beginning.
  if (ends > sandbox.runs_since) now = std::min(now, ends);
  return sandbox.ran + std::max(now - sandbox.runs_since, absl::ZeroDuration());
}

void CloudLives::Settle(CloudSandbox& sandbox) {
  const absl::Time now = absl::Now();
  if (sandbox.runs_since == absl::InfinitePast() || ToTime(sandbox.told.expires_at()) > now) return;
  sandbox.ran = Ran(sandbox, now);
  sandbox.runs_since = absl::InfinitePast();
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
  watch.failed_looks = 0;
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
  const absl::Duration look = ToDuration(sandbox->told.lifetime()) / kLooksInLifetime;
  const absl::Duration left = ToTime(sandbox->told.expires_at()) - absl::Now();
  MonotonicTime when;
  if (CountsFromLastUse(*sandbox) && look > absl::ZeroDuration() && left > absl::ZeroDuration()) {
    when = MonotonicClock::now() + absl::ToChronoNanoseconds(look);
  } else {
    // One that is there though its end is past, by whatever clock, is not asked about all the time.
    const absl::Duration wait = left > absl::ZeroDuration() ? left : look;
    when = cloud_->After(kExpirySlack) + absl::ToChronoNanoseconds(std::min(wait, kLongestWait));
  }
  watch.timer = cloud_->loop().AddTimer(when, [weak = weak_from_this(), sandbox] {
    if (auto self = weak.lock()) self->OnTimer(sandbox);
  });
}

void CloudLives::OnTimer(const CloudSandboxRef& sandbox) {
  auto found = watched_.find(sandbox->id);
  if (found == watched_.end()) return;
  Arm(sandbox);
  const bool used = sandbox->use->in_use() || sandbox->use->last_use() > found->second.set_at;
  if (CountsFromLastUse(*sandbox) && used) return Renew(sandbox);
  if (ToTime(sandbox->told.expires_at()) < absl::Now()) Look(sandbox);
}

void CloudLives::Renew(const CloudSandboxRef& sandbox) {
  const MonotonicTime set_at = UseMeter::CoarseNow();
  // Not twice at once. Where it fails it is done again.
  const MonotonicTime set_before = std::exchange(watched_.at(sandbox->id).set_at, set_at);
  nlohmann::json body;
  const absl::Duration lifetime = ToDuration(sandbox->told.lifetime());
  body["timeout"] = WholeSeconds(lifetime);
  cloud_->Ask(ControlRequest(cloud_->options(), "POST",
                             absl::StrCat("/sandboxes/", PercentEncode(sandbox->id), "/timeout"),
                             JsonText(body)),
              HttpAgain::kAlways,
              [self = shared_from_this(), sandbox, set_before, set_at,
               lifetime](const absl::StatusOr<HttpAnswer>& answer) {
                self->OnRenewed(sandbox, set_before, set_at, lifetime,
                                answer.ok() ? ControlStatus(*answer) : answer.status());
              });
}

void CloudLives::OnRenewed(const CloudSandboxRef& sandbox, MonotonicTime set_before,
                           MonotonicTime set_at, absl::Duration lifetime,
                           const absl::Status& status) {
  auto found = watched_.find(sandbox->id);
  // It was paused or ended, or its lifetime was set by its client.
  if (found == watched_.end() || found->second.set_at != set_at) return;
  if (status.ok()) {
    const absl::Time now = absl::Now();
    *sandbox->told.mutable_expires_at() = ToProto(now + lifetime);
    meter_.Runs(sandbox->id, now, now + lifetime);
    return;
  }
  spdlog::warn("event=cloud_lifetime_not_renewed backend={} sandbox={} code={}",
               cloud_->options().name, sandbox->id, static_cast<int>(status.code()));
  found->second.set_at = set_before;
  if (absl::IsNotFound(status)) Look(sandbox);
}

void CloudLives::Look(const CloudSandboxRef& sandbox) {
  cloud_->Ask(ControlRequest(cloud_->options(), "GET",
                             absl::StrCat("/sandboxes/", PercentEncode(sandbox->id))),
              HttpAgain::kAlways,
              [self = shared_from_this(), sandbox](const absl::StatusOr<HttpAnswer>& answer) {
                self->OnLooked(sandbox, answer);
              });
}

void CloudLives::OnLooked(const CloudSandboxRef& sandbox,
                          const absl::StatusOr<HttpAnswer>& answer) {
  auto found = watched_.find(sandbox->id);
  if (found == watched_.end()) return;
  absl::StatusOr<v1::Sandbox> told = absl::UnavailableError("the cloud did not say");
  if (answer.ok() && ControlStatus(*answer).ok()) {
    auto json = ParseCloudJson(answer->body, "the cloud's word on a sandbox");
    if (json.ok()) told = ReadSandbox(*json, cloud_->options());
  }
  const bool gone = answer.ok() && answer->head.status == kGoneStatus;
  if (gone || (!told.ok() && ++found->second.failed_looks == kMaxFailedLooks)) {
    Ended(sandbox);
    // What runs in one of which nothing is known hears of its end by itself.
    if (gone || !sandbox->use->in_use()) cloud_->Forget(sandbox->id);
    return;
  }
  if (!told.ok()) return;
  if (told->state() == v1::Sandbox::PAUSED) {
    sandbox->told.set_state(v1::Sandbox::PAUSED);
    return Changed(sandbox);
  }
  found->second.failed_looks = 0;
  *sandbox->told.mutable_expires_at() = told->expires_at();
  meter_.Runs(sandbox->id, absl::Now(), ToTime(told->expires_at()));
  Arm(sandbox);
}

}  // namespace warren
