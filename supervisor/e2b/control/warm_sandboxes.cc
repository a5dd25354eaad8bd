#include "supervisor/e2b/control/warm_sandboxes.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"
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

v1::CreateSandboxRequest WarmRequest(const std::string& template_id) {
  v1::CreateSandboxRequest request;
  request.set_template_id(template_id);
  *request.mutable_lifetime() = ToProto(kWarmLifetime);
  request.set_lifetime_from(v1::LIFETIME_FROM_CREATION);
  request.set_on_expiry(v1::ON_EXPIRY_KILL);
  return request;
}

// What can be given to one that is there: its lifetime.
bool IsPlain(const Principal& who, const v1::CreateSandboxRequest& request) {
  return who.is_operator() && request.metadata().empty() && request.env().empty() &&
         !request.has_network() && request.limits().ByteSizeLong() == 0 &&
         request.on_expiry() == v1::ON_EXPIRY_KILL;
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
  auto body = CreateBody(cloud_->options(), "", WarmRequest(template_id));
  // Nothing of it can be refused.
  if (!body.ok()) return;
  auto create = std::make_shared<CreateCall>(
      cloud_, JsonText(*body),
      [weak = weak_from_this(), template_id](absl::StatusOr<nlohmann::json> made) {
        if (auto self = weak.lock()) self->OnMade(template_id, std::move(made));
      });
  create->Start();
}

void WarmSandboxes::OnMade(const std::string& template_id, absl::StatusOr<nlohmann::json> made) {
  Pool& pool = pools_.at(template_id);
  --pool.making;
  if (!made.ok()) {
    spdlog::warn("event=cloud_warm_failed backend={} template={} error=\"{}\"",
                 cloud_->options().name, template_id, absl::CEscape(made.status().message()));
    cloud_->loop().AddTimer(cloud_->After(kWarmRetry), [weak = weak_from_this(), template_id] {
      if (auto self = weak.lock()) self->Fill(template_id);
    });
    return;
  }
  auto sandbox = std::make_shared<CloudSandbox>(TextField(*made, "sandboxID"));
  ReadConnection(*made, *sandbox);
  sandbox->told = NewSandbox(cloud_->options(), WarmRequest(template_id), sandbox->id);
  lives_->Changed(sandbox);
  cloud_->Remember(sandbox);
  if (stopped_) return Remove(sandbox, [] {});
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
  Remove(old, [] {});
  Fill(template_id);
}

void WarmSandboxes::Remove(const CloudSandboxRef& sandbox, Task done) {
  lives_->Ended(sandbox);
  cloud_->Forget(sandbox->id);
  cloud_->Ask(ControlRequest(cloud_->options(), "DELETE",
                             absl::StrCat("/sandboxes/", PercentEncode(sandbox->id))),
              HttpAgain::kAlways,
              [done = std::move(done)](const absl::StatusOr<HttpAnswer>&) mutable { done(); });
}

void WarmSandboxes::Stop(Task done) {
  stopped_ = true;
  auto all_done = std::make_shared<Task>(std::move(done));
  auto left = std::make_shared<size_t>(1);
  auto one_done = [left, all_done] {
    if (--*left == 0) (*all_done)();
  };
  for (auto& [template_id, pool] : pools_) {
    for (Ready& each : pool.ready) {
      ++*left;
      cloud_->loop().CancelTimer(each.replace_timer);
      Remove(each.sandbox, one_done);
    }
    pool.ready.clear();
  }
  one_done();
}

}  // namespace warren
