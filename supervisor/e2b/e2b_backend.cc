#include "supervisor/e2b/e2b_backend.h"

#include <future>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/e2b/e2b_sandbox.h"
#include "supervisor/e2b/features.h"

namespace warren {
namespace {

// docs/TIMING.md.
constexpr std::chrono::seconds kCountPeriod{10};
constexpr std::chrono::seconds kRemoveWarmTime{5};

}  // namespace

absl::StatusOr<std::unique_ptr<E2bBackend>> E2bBackend::Make(CloudOptions options,
                                                             config::Budget budget) {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<IoLoop> loop, IoLoop::Create());
  HttpOptions http = options.http;
  http.name = options.name;
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client,
                          HttpClient::Make(*loop, std::move(http)));
  std::unique_ptr<E2bBackend> self(new E2bBackend(std::move(options), budget, std::move(loop)));
  WARREN_RETURN_IF_ERROR(self->meter_.Load(absl::Now()));
  // That it can be written is found out now.
  WARREN_RETURN_IF_ERROR(self->meter_.Save(absl::Now()));
  self->cloud_->Begin(std::move(client));
  self->thread_ = std::thread([backend = self.get()] { backend->loop_->Run(); });
  self->cloud_->Post([control = self->control_] { control->warm().Start(); });
  if (budget.sandbox_minutes() > 0) {
    self->control_->CountRunning();
    self->cloud_->Post([backend = self.get()] { backend->Count(); });
  }
  return self;
}

E2bBackend::E2bBackend(CloudOptions options, const config::Budget& budget,
                       std::unique_ptr<IoLoop> loop)
    : meter_(budget),
      loop_(std::move(loop)),
      cloud_(std::make_shared<Cloud>(std::move(options), *loop_)),
      control_(std::make_shared<ControlClient>(cloud_, meter_)) {}

E2bBackend::~E2bBackend() {
  // Where it has not begun, what its budget's file says is not known either.
  const bool begun = thread_.joinable();
  if (begun) {
    if (!retired_) RemoveWarm();
    loop_->Stop();
    thread_.join();
  }
  cloud_->Stop();
  if (begun) Save();
}

void E2bBackend::Retire() {
  if (retired_.exchange(true)) return;
  cloud_->Post([control = control_] { control->warm().Stop([] {}); });
}

void E2bBackend::Save() {
  if (retired_) return;
  if (absl::Status saved = meter_.Save(absl::Now()); !saved.ok()) {
    spdlog::error("event=budget_not_saved backend={} error=\"{}\"", cloud_->options().name,
                  absl::CEscape(saved.message()));
  }
}

// They would cost until their lifetime ends. The cloud is not waited for longer than that is worth.
void E2bBackend::RemoveWarm() {
  if (cloud_->options().warm.empty()) return;
  auto removed = std::make_shared<std::promise<void>>();
  cloud_->Post(
      [control = control_, removed] { control->warm().Stop([removed] { removed->set_value(); }); });
  removed->get_future().wait_for(kRemoveWarmTime);
}

void E2bBackend::Count() {
  if (retired_) return;
  Save();
  if (meter_.WarnsNow(absl::Now())) {
    spdlog::warn("event=budget_nearly_used backend={} used_minutes={:.0f} minutes={:.0f}",
                 cloud_->options().name, absl::ToDoubleMinutes(meter_.Used(absl::Now())),
                 absl::ToDoubleMinutes(meter_.limit()));
  }
  loop_->AddTimer(MonotonicClock::now() + kCountPeriod, [this] { Count(); });
}

void E2bBackend::Probe(const Call& call, Reply<ProbeAnswer> reply) {
  control_->Probe(call, std::move(reply));
}

void E2bBackend::OnForgotten(std::function<void(const std::string&)> on_forgotten) {
  cloud_->OnForgotten(std::move(on_forgotten));
}

std::unique_ptr<Operation> E2bBackend::Create(const Call& call,
                                              const v1::CreateSandboxRequest& request,
                                              Reply<v1::Sandbox> reply) {
  return control_->Create(call, request, std::move(reply));
}

void E2bBackend::Open(const Call& call, const std::string& sandbox_id,
                      Reply<std::shared_ptr<SandboxHandle>> reply) {
  control_->Open(call.who, sandbox_id,
                 [control = control_,
                  reply = std::move(reply)](absl::StatusOr<CloudSandboxRef> sandbox) mutable {
                   if (!sandbox.ok()) return reply(sandbox.status());
                   reply(std::make_shared<E2bSandbox>(control, *std::move(sandbox)));
                 });
}

void E2bBackend::List(const Call& call, const v1::ListSandboxesRequest& request,
                      Reply<v1::ListSandboxesResponse> reply) {
  control_->List(call, request, std::move(reply));
}

void E2bBackend::ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) {
  v1::ListTemplatesResponse response;
  for (const auto& [ours, clouds] : cloud_->options().templates) {
    v1::TemplateInfo& info = *response.add_templates();
    info.set_template_id(ours);
    info.set_description(absl::StrCat("template ", clouds, " of E2B's cloud"));
  }
  response.set_default_template_id(cloud_->options().default_template);
  reply(std::move(response));
}

void E2bBackend::GetEnvironment(const Call&, const std::string& template_id,
                                Reply<v1::Environment> reply) {
  if (cloud_->options().templates.count(template_id) == 0)
    return reply(
        absl::NotFoundError(absl::StrCat("no such template on backend ", cloud_->options().name)));
  v1::Environment environment;
  environment.set_template_id(template_id);
  AddCloudFeatures(environment);
  reply(std::move(environment));
}

}  // namespace warren
