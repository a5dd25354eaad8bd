#include "supervisor/local/local_backend.h"

#include <sys/utsname.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/policy/limits_policy.h"
#include "spdlog/spdlog.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"

// The interface over the sessions as they are; the sessions will speak it themselves.
namespace warren {
namespace {

// The id of the context that a sandbox comes with.
constexpr char kDefaultContextId[] = "default";

enum class MemoryReading { kNone, kCurrent };

warren::v1::Sandbox Describe(const Lease& lease, MemoryReading memory) {
  const Sandbox& from = *lease.sandbox;
  warren::v1::Sandbox sandbox;
  sandbox.set_sandbox_id(from.identity().id);
  sandbox.set_template_id(from.identity().template_id);
  const std::string reason = from.death_reason();
  const bool dead = !reason.empty() || !from.alive();
  sandbox.set_state(dead ? warren::v1::Sandbox::DEAD : warren::v1::Sandbox::RUNNING);
  sandbox.set_reason(dead && reason.empty() ? "it is being killed" : reason);
  *sandbox.mutable_created_at() = ToProto(lease.created_at);
  *sandbox.mutable_expires_at() = ToProto(lease.expires_at);
  sandbox.mutable_metadata()->insert(lease.metadata.begin(), lease.metadata.end());
  *sandbox.mutable_limits() = from.identity().limits;
  sandbox.set_default_context_id(kDefaultContextId);
  if (memory == MemoryReading::kCurrent) sandbox.set_memory_bytes(from.ReadMemory());
  sandbox.set_from_pool(lease.from_pool);
  return sandbox;
}

warren::v1::Usage LifetimeUsage(const Lease& lease, const SandboxTotals& totals) {
  warren::v1::Usage usage;
  *usage.mutable_wall() = ToProto(std::max(absl::Now() - lease.created_at, absl::ZeroDuration()));
  *usage.mutable_cpu_user() = ToProto(totals.cpu.user);
  *usage.mutable_cpu_system() = ToProto(totals.cpu.system);
  usage.set_peak_memory_bytes(totals.peak_memory_bytes);
  usage.set_peak_pids(totals.peak_pids);
  usage.set_output_bytes(totals.output_bytes);
  return usage;
}

// Debian's name of the machine's architecture.
std::string Architecture() {
  utsname names;
  if (::uname(&names) != 0) return "";
  const std::string machine = names.machine;
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalBackend>> LocalBackend::Create(IoLoop& loop, Parts parts) {
  std::map<std::string, Pool::PoolTemplate> pool_templates;
  for (const auto& [name, from] : parts.templates) {
    WARREN_ASSIGN_OR_RETURN(
        warren::v1::Limits limits,
        ResolveLimits(parts.limits_policy, warren::v1::Limits(), from.recipe.limits()));
    pool_templates.emplace(name, Pool::PoolTemplate{from, std::move(limits)});
  }
  return std::unique_ptr<LocalBackend>(
      new LocalBackend(loop, std::move(parts), std::move(pool_templates)));
}

LocalBackend::LocalBackend(IoLoop& loop, Parts parts,
                           std::map<std::string, Pool::PoolTemplate> pool_templates)
    : loop_(loop),
      templates_(std::move(parts.templates)),
      default_template_(std::move(parts.default_template)),
      modules_(std::move(parts.modules)),
      limits_policy_(std::move(parts.limits_policy)),
      link_(loop, std::move(parts.launcher)),
      table_(loop),
      host_{loop, link_, std::max(parts.facts.pace(), 1.0),
            [this](const std::string& template_id, absl::string_view module) {
              return modules_.Hint(template_id, module);
            }},
      pool_(host_, table_, std::move(parts.facts), pool_templates, std::move(parts.pool)) {
  for (auto& [name, pooled] : pool_templates) default_limits_[name] = pooled.default_limits;
}

absl::Status LocalBackend::Start(absl::AnyInvocable<void(absl::Status)> on_launcher_gone) {
  WARREN_RETURN_IF_ERROR(
      link_.Start([this](const internal::LauncherReply& event) { OnLauncherEvent(event); },
                  std::move(on_launcher_gone)));
  loop_.Post([this] { pool_.Start(); });
  return absl::OkStatus();
}

void LocalBackend::OnLauncherEvent(const internal::LauncherReply& event) {
  switch (event.body_case()) {
    case internal::LauncherReply::kZygoteExited:
      return pool_.OnZygoteExited(event.zygote_exited().zygote_id(),
                                  event.zygote_exited().reason());
    case internal::LauncherReply::kProcessExited:
      return table_.OnProcessExited(event.process_exited());
    case internal::LauncherReply::kSandboxGone:
      spdlog::debug("sandbox {}: gone", event.sandbox_gone().sandbox_id());
      table_.OnGone(event.sandbox_gone());
      return pool_.OnSandboxGone();
    default:
      spdlog::warn("the launcher sent an event of an unknown kind");
  }
}

absl::StatusOr<const Template*> LocalBackend::FindTemplate(const std::string& id) const {
  auto found = templates_.find(id);
  if (found == templates_.end()) {
    std::vector<std::string> names;
    for (const auto& [name, from] : templates_) names.push_back(name);
    return absl::NotFoundError(
        absl::StrCat("no template \"", id, "\"; there are: ", absl::StrJoin(names, ", ")));
  }
  return &found->second;
}

std::string LocalBackend::PythonVersion(const Template& from) const {
  if (!from.manifest.python_version().empty()) return from.manifest.python_version();
  return pool_.PythonVersion(from.recipe.name());
}

// A create on its way. Kept by what makes the sandbox and by the client's operation.
struct LocalBackend::Creation {
  v1::CreateSandboxRequest request;
  Reply<v1::Sandbox> reply;
  std::atomic<bool> cancelled{false};
};

namespace {

template <class Creation>
class CreateOperation final : public Operation {
 public:
  explicit CreateOperation(std::shared_ptr<Creation> creation) : creation_(std::move(creation)) {}
  void Resume() override {}
  void Cancel() override { creation_->cancelled = true; }

 private:
  const std::shared_ptr<Creation> creation_;
};

}  // namespace

std::unique_ptr<Operation> LocalBackend::Create(const Call&,
                                                const v1::CreateSandboxRequest& request,
                                                Reply<v1::Sandbox> reply) {
  auto creation = std::make_shared<Creation>();
  creation->request = request;
  creation->reply = std::move(reply);
  auto operation = std::make_unique<CreateOperation<Creation>>(creation);
  v1::CreateSandboxRequest& what = creation->request;
  if (absl::Status valid = ValidateCreate(what); !valid.ok()) {
    creation->reply(valid);
    return operation;
  }
  if (what.template_id().empty()) what.set_template_id(default_template_);
  auto from = FindTemplate(what.template_id());
  absl::Status usable = from.status();
  if (usable.ok() && !(*from)->unavailable.empty()) {
    usable = absl::FailedPreconditionError(absl::StrCat(
        "template \"", what.template_id(), "\" cannot be used: ", (*from)->unavailable));
  }
  auto limits = usable.ok() ? ResolveLimits(limits_policy_, what.limits(), (*from)->recipe.limits())
                            : absl::StatusOr<v1::Limits>(usable);
  if (!limits.ok()) {
    creation->reply(limits.status());
    return operation;
  }
  const bool common =
      limits->SerializeAsString() == default_limits_.at(what.template_id()).SerializeAsString();
  if (common) {
    if (auto sandbox = pool_.Take(what.template_id())) {
      Deliver(creation, std::move(sandbox), {}, true);
      return operation;
    }
  }
  pool_.Make(what.template_id(), *limits, [this, creation](absl::StatusOr<Pool::Made> made) {
    if (!made.ok()) return creation->reply(made.status());
    Deliver(creation, std::move(made->sandbox), std::move(made->stages), false);
  });
  return operation;
}

void LocalBackend::Deliver(const std::shared_ptr<Creation>& creation,
                           std::shared_ptr<Sandbox> sandbox, std::vector<v1::StageTiming> stages,
                           bool from_pool) {
  if (creation->cancelled) {
    pool_.GiveBack(std::move(sandbox));
    return creation->reply(absl::CancelledError("the client went away"));
  }
  Lease lease;
  lease.sandbox = std::move(sandbox);
  lease.metadata.insert(creation->request.metadata().begin(), creation->request.metadata().end());
  lease.stages = std::move(stages);
  lease.from_pool = from_pool;
  lease = table_.Publish(std::move(lease), ToDuration(creation->request.lifetime()));
  spdlog::info("sandbox {}: leased, template {}, {}", lease.sandbox->identity().id,
               creation->request.template_id(), from_pool ? "from the pool" : "made on demand");
  v1::Sandbox made = Describe(lease, MemoryReading::kNone);
  made.mutable_stages()->Add(lease.stages.begin(), lease.stages.end());
  creation->reply(std::move(made));
}

absl::StatusOr<Lease> LocalBackend::FindSandbox(const std::string& id) const {
  auto lease = table_.Find(id);
  if (!lease) {
    return absl::NotFoundError(
        "no such sandbox: it never was, was destroyed, or its lifetime ended");
  }
  return *std::move(lease);
}

namespace {

// Pumps the session's stream into a sink, as long as the sink has room.
class Pump final : public std::enable_shared_from_this<Pump> {
 public:
  Pump(std::shared_ptr<Sandbox> sandbox, std::shared_ptr<ExecutionSink> sink)
      : sandbox_(std::move(sandbox)), sink_(std::move(sink)) {}

  void Start(Execution::Request request) {
    execution_ = std::make_shared<Execution>(std::move(request),
                                             [self = shared_from_this()] { self->Run(); });
    absl::Status accepted = sandbox_->Execute(execution_);
    if (!accepted.ok()) sink_->End(accepted);
  }
  void Cancel() { sandbox_->Cancel(*execution_); }
  void Resume() {
    {
      std::lock_guard lock(mu_);
      if (!std::exchange(paused_, false)) {
        resumed_ = true;
        return;
      }
    }
    Run();
  }

 private:
  void Run() {
    while (auto item = execution_->stream.Take()) {
      if (!item->status.ok()) return sink_->End(item->status);
      item->event.set_sequence(++sequence_);
      item->event.set_time_unix_nanos(absl::ToUnixNanos(absl::Now()));
      Flow flow = sink_->Push(std::move(item->event));
      if (item->last) return sink_->End(absl::OkStatus());
      if (flow == Flow::kContinue) continue;
      std::lock_guard lock(mu_);
      if (std::exchange(resumed_, false)) continue;
      paused_ = true;
      return;
    }
  }

  const std::shared_ptr<Sandbox> sandbox_;
  const std::shared_ptr<ExecutionSink> sink_;
  std::shared_ptr<Execution> execution_;
  int64_t sequence_ = 0;
  std::mutex mu_;
  bool paused_ = false;
  bool resumed_ = false;
};

class PumpOperation final : public Operation {
 public:
  explicit PumpOperation(std::shared_ptr<Pump> pump) : pump_(std::move(pump)) {}
  void Resume() override { pump_->Resume(); }
  void Cancel() override { pump_->Cancel(); }

 private:
  const std::shared_ptr<Pump> pump_;
};

class NoOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

absl::Status CheckContext(absl::string_view context_id) {
  if (context_id.empty() || context_id == kDefaultContextId) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("no such context; this sandbox has \"", kDefaultContextId, "\""));
}

bool Matches(const Lease& lease, const v1::ListSandboxesRequest& request) {
  return std::all_of(request.metadata().begin(), request.metadata().end(), [&](const auto& wanted) {
    auto found = lease.metadata.find(wanted.first);
    return found != lease.metadata.end() && found->second == wanted.second;
  });
}

}  // namespace

class LocalBackend::Handle final : public SandboxHandle {
 public:
  Handle(LocalBackend& backend, Lease lease) : backend_(backend), lease_(std::move(lease)) {}

  const std::string& id() const override { return lease_.sandbox->identity().id; }
  void Get(const Call&, Reply<v1::Sandbox> reply) override {
    reply(Describe(lease_, MemoryReading::kCurrent));
  }
  void SetLifetime(const Call&, const v1::SetSandboxLifetimeRequest& request,
                   Reply<v1::Sandbox> reply) override {
    v1::SetSandboxLifetimeRequest what = request;
    if (absl::Status valid = ValidateLifetime(what); !valid.ok()) return reply(valid);
    auto lease = backend_.table_.SetLifetime(id(), ToDuration(what.lifetime()));
    if (!lease) return reply(backend_.FindSandbox(id()).status());
    reply(Describe(*lease, MemoryReading::kNone));
  }
  void Destroy(const Call&, Reply<v1::DestroySandboxResponse> reply) override {
    auto lease = backend_.table_.Remove(id());
    if (!lease) return reply(backend_.FindSandbox(id()).status());
    v1::DestroySandboxResponse response;
    *response.mutable_usage() = LifetimeUsage(*lease, lease->sandbox->ReadTotals());
    lease->sandbox->Destroy(StopReason::kDestroyed);
    spdlog::info("sandbox {}: destroyed by its client", id());
    reply(std::move(response));
  }
  void GetEnvironment(const Call& call, Reply<v1::Environment> reply) override {
    backend_.GetEnvironment(call, lease_.sandbox->identity().template_id, std::move(reply));
  }
  void ListContexts(const Call&, Reply<v1::ListContextsResponse> reply) override {
    v1::ListContextsResponse response;
    auto* only = response.add_contexts();
    only->set_context_id(kDefaultContextId);
    only->set_sandbox_id(id());
    only->set_language("python");
    only->set_alive(lease_.sandbox->alive());
    only->set_execution_count(lease_.sandbox->execution_count());
    reply(std::move(response));
  }
  std::unique_ptr<Operation> Execute(const Call&, v1::ExecuteCodeRequest request,
                                     std::shared_ptr<ExecutionSink> sink) override {
    absl::Status valid = CheckContext(request.context_id());
    if (valid.ok()) valid = ValidateExecute(request);
    if (!valid.ok()) {
      sink->End(valid);
      return std::make_unique<NoOperation>();
    }
    auto pump = std::make_shared<Pump>(lease_.sandbox, std::move(sink));
    pump->Start({std::move(*request.mutable_code()), ToDuration(request.timeout()),
                 request.max_output_bytes()});
    return std::make_unique<PumpOperation>(std::move(pump));
  }
  void Interrupt(const Call&, const std::string& context_id,
                 Reply<v1::InterruptExecutionResponse> reply) override {
    absl::Status status = CheckContext(context_id);
    if (status.ok()) status = lease_.sandbox->Interrupt();
    if (!status.ok()) return reply(status);
    reply(v1::InterruptExecutionResponse());
  }

 private:
  LocalBackend& backend_;
  const Lease lease_;
};

void LocalBackend::Open(const Call&, const std::string& sandbox_id,
                        Reply<std::shared_ptr<SandboxHandle>> reply) {
  auto lease = FindSandbox(sandbox_id);
  if (!lease.ok()) return reply(lease.status());
  reply(std::make_shared<Handle>(*this, *std::move(lease)));
}

void LocalBackend::List(const Call&, const v1::ListSandboxesRequest& request,
                        Reply<v1::ListSandboxesResponse> reply) {
  v1::ListSandboxesRequest what = request;
  if (absl::Status valid = ValidateList(what); !valid.ok()) return reply(valid);
  v1::ListSandboxesResponse response;
  // Good enough until the table has pages: the token is the last id of the page before.
  const std::vector<Lease> leases = table_.List();
  auto at = leases.begin();
  if (!what.page_token().empty()) {
    at = std::find_if(leases.begin(), leases.end(), [&](const Lease& lease) {
      return lease.sandbox->identity().id == what.page_token();
    });
    if (at == leases.end()) return reply(absl::InvalidArgumentError("page_token is none"));
    ++at;
  }
  size_t bytes = 0;
  for (; at != leases.end(); ++at) {
    if (!Matches(*at, what)) continue;
    v1::Sandbox sandbox = Describe(*at, MemoryReading::kCurrent);
    bytes += sandbox.ByteSizeLong();
    if (response.sandboxes_size() == what.page_size() || bytes > (size_t{2} << 20)) {
      response.set_next_page_token(response.sandboxes(response.sandboxes_size() - 1).sandbox_id());
      break;
    }
    *response.add_sandboxes() = std::move(sandbox);
  }
  if (what.page_token().empty()) {
    for (v1::PoolStatus& pool : pool_.Status()) *response.add_pools() = std::move(pool);
  }
  reply(std::move(response));
}

void LocalBackend::ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) {
  v1::ListTemplatesResponse response;
  response.set_default_template_id(default_template_);
  for (const auto& [name, from] : templates_) {
    auto* info = response.add_templates();
    info->set_template_id(name);
    info->set_description(from.recipe.description());
    info->set_python_version(PythonVersion(from));
    *info->mutable_preload() = from.recipe.preload();
    info->set_digest(from.digest);
    info->set_unavailable(from.unavailable);
  }
  reply(std::move(response));
}

void LocalBackend::GetEnvironment(const Call&, const std::string& template_id,
                                  Reply<v1::Environment> reply) {
  auto from = FindTemplate(template_id);
  if (!from.ok()) return reply(from.status());
  v1::Environment environment;
  environment.set_template_id(template_id);
  environment.set_python_version(PythonVersion(**from));
  for (const auto& package : (*from)->manifest.packages()) {
    auto* out = environment.add_system_packages();
    out->set_name(package.name());
    out->set_version(package.version());
  }
  *environment.mutable_preload() = (*from)->recipe.preload();
  environment.set_architecture(Architecture());
  reply(std::move(environment));
}

void LocalBackend::BeginShutdown() { pool_.Stop(); }

void LocalBackend::EndExecutions() {
  for (const Lease& lease : table_.List()) lease.sandbox->Destroy(StopReason::kShutdown);
}

bool LocalBackend::CloseLauncher(absl::Duration timeout) {
  link_.Close();
  return link_.WaitForExit(timeout);
}

}  // namespace warren
