#include "supervisor/e2b/control/warm_sandboxes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/cloud_removal.h"
#include "supervisor/e2b/control/create_body.h"
#include "supervisor/e2b/control/sandbox_record.h"

namespace warren {
namespace {

// docs/TIMING.md. A warm one has a lifetime that ends by itself where this server does not live to
// remove it, and is replaced in time.
constexpr absl::Duration kWarmLifetime = absl::Minutes(30);
constexpr std::chrono::minutes kWarmReplaced{25};
// After a create that failed.
constexpr std::chrono::seconds kWarmRetry{30};

// What most creates ask for: a template, and else what is the default.
v1::CreateSandboxRequest PlainRequest(const std::string& template_id) {
  v1::CreateSandboxRequest request;
  request.set_template_id(template_id);
  // Nothing of it can be refused.
  ValidateCreate(request).IgnoreError();
  return request;
}

// Nobody uses it yet.
v1::Sandbox WarmSandbox(const CloudOptions& options, const std::string& template_id,
                        const std::string& sandbox_id) {
  v1::CreateSandboxRequest request = PlainRequest(template_id);
  *request.mutable_lifetime() = ToProto(kWarmLifetime);
  request.set_lifetime_from(v1::LIFETIME_FROM_CREATION);
  return NewSandbox(options, request, sandbox_id);
}

bool IsPlain(const Principal& who, const v1::CreateSandboxRequest& request) {
  const v1::CreateSandboxRequest plain = PlainRequest(request.template_id());
  return who.is_operator() && request.metadata().empty() && request.env().empty() &&
         !request.has_network() && request.limits().ByteSizeLong() == 0 &&
         request.on_expiry() == plain.on_expiry() &&
         request.lifetime_from() == plain.lifetime_from() &&
         ToDuration(request.lifetime()) == ToDuration(plain.lifetime());
}

}  // namespace

void WarmSandboxes::Start() {
  for (const auto& [template_id, wanted] : cloud_->options().warm) {
    pools_[template_id].wanted = wanted;
    Fill(template_id);
  }
}

void WarmSandboxes::Fill(const std::string& template_id) {
  Pool& pool = pools_.at(template_id);
  while (!stopped_ && static_cast<int>(pool.ready.size()) + pool.making < pool.wanted) {
    ++pool.making;
    Make(template_id);
  }
}

void WarmSandboxes::Make(const std::string& template_id) {
  auto body = CreateBody(cloud_->options(), "", PlainRequest(template_id));
  if (!body.ok()) return OnMade(template_id, body.status());
  (*body)["timeout"] = WholeSeconds(kWarmLifetime);
  auto create = std::make_shared<CreateCall>(
      cloud_, *std::move(body),
      [weak = weak_from_this(), template_id](absl::StatusOr<nlohmann::json> made) {
        if (auto self = weak.lock()) self->OnMade(template_id, std::move(made));
      });
  create->Start();
}

void WarmSandboxes::OnMade(const std::string& template_id, absl::StatusOr<nlohmann::json> made) {
  Pool& pool = pools_.at(template_id);
  --pool.making;
  if (!made.ok()) {
    if (stopped_) return TellStopped();
    spdlog::warn("event=cloud_warm_failed backend={} template={} error=\"{}\"",
                 cloud_->options().name, template_id, absl::CEscape(made.status().message()));
    cloud_->loop().AddTimer(cloud_->After(kWarmRetry), [weak = weak_from_this(), template_id] {
      if (auto self = weak.lock()) self->Fill(template_id);
    });
    return;
  }
  auto sandbox = std::make_shared<CloudSandbox>(TextField(*made, "sandboxID"));
  ReadConnection(*made, *sandbox);
  sandbox->told = WarmSandbox(cloud_->options(), template_id, sandbox->id);
  lives_->Changed(sandbox);
  cloud_->Remember(sandbox);
  if (stopped_) return Remove(sandbox);
  const TimerId timer =
      cloud_->loop().AddTimer(MonotonicClock::now() + kWarmReplaced,
                              [weak = weak_from_this(), template_id, id = sandbox->id] {
                                if (auto self = weak.lock()) self->Replace(template_id, id);
                              });
  pool.ready.push_back({std::move(sandbox), timer});
}

CloudSandboxRef WarmSandboxes::Take(const Principal& who, const v1::CreateSandboxRequest& request) {
  auto found = pools_.find(request.template_id());
  if (found == pools_.end() || found->second.ready.empty() || !IsPlain(who, request))
    return nullptr;
  Ready ready = std::move(found->second.ready.front());
  found->second.ready.pop_front();
  cloud_->loop().CancelTimer(ready.replace_timer);
  Fill(request.template_id());
  return ready.sandbox;
}

void WarmSandboxes::Replace(const std::string& template_id, const std::string& sandbox_id) {
  Pool& pool = pools_.at(template_id);
  auto found = std::find_if(pool.ready.begin(), pool.ready.end(),
                            [&](const Ready& each) { return each.sandbox->id == sandbox_id; });
  if (found == pool.ready.end()) return;
  const CloudSandboxRef old = found->sandbox;
  pool.ready.erase(found);
  Remove(old);
  Fill(template_id);
}

void WarmSandboxes::Remove(const CloudSandboxRef& sandbox) {
  lives_->Ended(sandbox);
  cloud_->Forget(sandbox->id);
  ++leaving_;
  RemoveFromCloud(cloud_, sandbox->id, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (self == nullptr) return;
    --self->leaving_;
    self->TellStopped();
  });
}

void WarmSandboxes::Stop(Task done) {
  stopped_ = true;
  on_stopped_.push_back(std::move(done));
  for (auto& [template_id, pool] : pools_) {
    for (const Ready& each : std::exchange(pool.ready, {})) {
      cloud_->loop().CancelTimer(each.replace_timer);
      Remove(each.sandbox);
    }
  }
  TellStopped();
}

void WarmSandboxes::TellStopped() {
  if (!stopped_ || leaving_ > 0) return;
  for (const auto& [template_id, pool] : pools_) {
    if (pool.making > 0 || !pool.ready.empty()) return;
  }
  for (Task& told : std::exchange(on_stopped_, {})) told();
}

}  // namespace warren
