#include "supervisor/fake/fake_sandbox.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/backend/validate.h"
#include "supervisor/backend/validate_package.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

constexpr absl::Duration kPausedKept = absl::Hours(24);
// Of a sandbox that was made without such a limit.
constexpr int64_t kOutputBytes = 64 << 20;

// Holds the cell, never the context: it may be dropped on the context's thread.
class CellOperation final : public Operation {
 public:
  explicit CellOperation(std::shared_ptr<FakeCell> cell)
      : cell_(std::move(cell)), client_(cell_ == nullptr ? 0 : cell_->client()) {}
  void Resume() override {
    if (cell_ != nullptr) cell_->Resume();
  }
  void Cancel() override {
    if (has_its_place()) cell_->Cancel();
  }
  absl::Status Detach() override {
    if (cell_ != nullptr) cell_->Detach(client_);
    return absl::OkStatus();
  }
  Departure Disconnect() override {
    if (has_its_place() && !cell_->goes_on()) {
      Cancel();
      return Departure::kEnds;
    }
    Detach().IgnoreError();
    return Departure::kGoesOn;
  }

 private:
  bool has_its_place() const { return cell_ != nullptr && cell_->client() == client_; }

  const std::shared_ptr<FakeCell> cell_;
  const uint64_t client_;
};

v1::SandboxMetrics FakeMetrics(const v1::Sandbox& sandbox) {
  v1::SandboxMetrics metrics;
  *metrics.mutable_read_at() = ToProto(absl::Now());
  metrics.set_memory_bytes(1 << 20);
  metrics.set_memory_limit_bytes(sandbox.limits().memory_bytes());
  metrics.set_pids(2);
  metrics.set_pids_limit(sandbox.limits().pids());
  return metrics;
}

}  // namespace

absl::Status NoSuchFakeSandbox() {
  return absl::NotFoundError("no such sandbox: it never was, was destroyed, or its lifetime ended");
}

v1::Environment FakeEnvironment(const std::string& template_id) {
  v1::Environment environment;
  environment.set_template_id(template_id);
  environment.set_python_version("3.13.5");
  environment.set_architecture("amd64");
  environment.set_interpreter("/usr/bin/python3");
  environment.add_preload("json");
  return environment;
}

FakeSandbox::FakeSandbox(std::string id, std::string tenant,
                         const v1::CreateSandboxRequest& request,
                         std::shared_ptr<FakePackages> packages)
    : id_(std::move(id)),
      tenant_(std::move(tenant)),
      network_(std::make_shared<FakeNetwork>(request.network())),
      packages_(std::move(packages)) {
  const absl::Time now = absl::Now();
  MutexLock lock(&mu_);
  SetLifetimeLocked(ToDuration(request.lifetime()));
  description_.set_lifetime_from(request.lifetime_from());
  description_.set_on_expiry(request.on_expiry());
  description_.set_sandbox_id(id_);
  description_.set_template_id(request.template_id());
  description_.set_state(v1::Sandbox::RUNNING);
  *description_.mutable_created_at() = ToProto(now);
  *description_.mutable_metadata() = request.metadata();
  *description_.mutable_limits() = request.limits();
  if (request.has_network()) *description_.mutable_network() = request.network();
  description_.set_default_context_id(kDefaultContext);
  contexts_[kDefaultContext] = std::make_shared<FakeContext>(kDefaultContext);
}

v1::Sandbox FakeSandbox::description() const {
  MutexLock lock(&mu_);
  return description_;
}

void FakeSandbox::SetLifetimeLocked(absl::Duration lifetime) {
  expires_at_ = absl::Now() + lifetime;
  *description_.mutable_expires_at() = ToProto(expires_at_);
  *description_.mutable_lifetime() = ToProto(lifetime);
}

absl::Status FakeSandbox::UsableLocked() const {
  if (GoneLocked()) return NoSuchFakeSandbox();
  if (description_.state() != v1::Sandbox::PAUSED) return absl::OkStatus();
  return absl::FailedPreconditionError("the sandbox is paused; resume it first");
}

bool FakeSandbox::GoneLocked() const { return destroyed_ || absl::Now() >= expires_at_; }

bool FakeSandbox::gone() const {
  MutexLock lock(&mu_);
  return GoneLocked();
}

int FakeSandbox::paused_cells() const {
  MutexLock lock(&mu_);
  int paused = 0;
  for (const auto& [id, context] : contexts_) paused += context->paused() ? 1 : 0;
  return paused;
}

void FakeSandbox::Kill() {
  std::map<std::string, std::shared_ptr<FakeContext>> contexts;
  std::list<std::shared_ptr<FakeContext>> scripts;
  {
    MutexLock lock(&mu_);
    destroyed_ = true;
    contexts.swap(contexts_);
    scripts.swap(scripts_);
  }
  for (auto& [id, context] : contexts) context->Kill();
  for (auto& script : scripts) script->Kill();
  network_->End();
  packages_->Leave(id_);
}

absl::StatusOr<std::shared_ptr<FakeContext>> FakeSandbox::FindContext(
    const std::string& context_id) {
  MutexLock lock(&mu_);
  WARREN_RETURN_IF_ERROR(UsableLocked());
  auto found = contexts_.find(context_id.empty() ? kDefaultContext : context_id);
  if (found == contexts_.end()) return absl::NotFoundError("no such context");
  return found->second;
}

void FakeSandbox::Get(const Call&, Reply<v1::Sandbox> reply) {
  if (gone()) return reply(NoSuchFakeSandbox());
  reply(description());
}

void FakeSandbox::SetLifetime(const Call&, const v1::SetSandboxLifetimeRequest& request,
                              Reply<v1::Sandbox> reply) {
  v1::SetSandboxLifetimeRequest valid = request;
  if (absl::Status status = ValidateLifetime(valid); !status.ok()) return reply(status);
  if (gone()) return reply(NoSuchFakeSandbox());
  {
    MutexLock lock(&mu_);
    if (description_.state() == v1::Sandbox::PAUSED) {
      left_ = ToDuration(valid.lifetime());
      *description_.mutable_lifetime() = valid.lifetime();
    } else {
      SetLifetimeLocked(ToDuration(valid.lifetime()));
    }
    if (valid.lifetime_from() != v1::LIFETIME_FROM_UNSPECIFIED)
      description_.set_lifetime_from(valid.lifetime_from());
    if (valid.on_expiry() != v1::ON_EXPIRY_UNSPECIFIED)
      description_.set_on_expiry(valid.on_expiry());
  }
  reply(description());
}

void FakeSandbox::Destroy(const Call&, Reply<v1::DestroySandboxResponse> reply) {
  if (gone()) return reply(NoSuchFakeSandbox());
  Kill();
  v1::DestroySandboxResponse response;
  response.mutable_usage()->set_peak_pids(1);
  reply(std::move(response));
}

void FakeSandbox::Pause(const Call&, Reply<v1::Sandbox> reply) {
  if (gone()) return reply(NoSuchFakeSandbox());
  {
    MutexLock lock(&mu_);
    if (description_.state() != v1::Sandbox::PAUSED) {
      left_ = expires_at_ - absl::Now();
      expires_at_ = absl::Now() + kPausedKept;
      *description_.mutable_expires_at() = ToProto(expires_at_);
      description_.set_state(v1::Sandbox::PAUSED);
    }
  }
  reply(description());
}

void FakeSandbox::Unpause(const Call&, const v1::ResumeSandboxRequest& request,
                          Reply<v1::Sandbox> reply) {
  absl::Status status = ValidateResume(request);
  if (status.ok() && gone()) status = NoSuchFakeSandbox();
  if (!status.ok()) return reply(status);
  {
    MutexLock lock(&mu_);
    const bool paused = description_.state() == v1::Sandbox::PAUSED;
    description_.set_state(v1::Sandbox::RUNNING);
    if (request.has_lifetime()) {
      SetLifetimeLocked(ToDuration(request.lifetime()));
    } else if (paused) {
      expires_at_ = absl::Now() + left_;
      *description_.mutable_expires_at() = ToProto(expires_at_);
    }
  }
  reply(description());
}

void FakeSandbox::ChangeLimits(const Call&, const v1::ChangeSandboxLimitsRequest& request,
                               Reply<v1::Sandbox> reply) {
  const v1::Limits& wanted = request.limits();
  v1::Limits fixed = wanted;
  for (auto clear : {&v1::Limits::clear_memory_bytes, &v1::Limits::clear_cpu_millis,
                     &v1::Limits::clear_pids, &v1::Limits::clear_output_bytes}) {
    (fixed.*clear)();
  }
  if (fixed.ByteSizeLong() > 0) {
    return reply(absl::InvalidArgumentError(
        absl::StrCat("these limits cannot be changed later: ", fixed.ShortDebugString())));
  }
  if (gone()) return reply(NoSuchFakeSandbox());
  {
    MutexLock lock(&mu_);
    v1::Limits* limits = description_.mutable_limits();
    if (wanted.memory_bytes() != 0) limits->set_memory_bytes(wanted.memory_bytes());
    if (wanted.cpu_millis() != 0) limits->set_cpu_millis(wanted.cpu_millis());
    if (wanted.pids() != 0) limits->set_pids(wanted.pids());
    if (wanted.output_bytes() != 0) limits->set_output_bytes(wanted.output_bytes());
  }
  reply(description());
}

void FakeSandbox::GetMetrics(const Call&, Reply<v1::SandboxMetrics> reply) {
  if (gone()) return reply(NoSuchFakeSandbox());
  reply(FakeMetrics(description()));
}

void FakeSandbox::GetEnvironment(const Call&, Reply<v1::Environment> reply) {
  if (gone()) return reply(NoSuchFakeSandbox());
  const v1::Sandbox sandbox = description();
  v1::Environment environment = FakeEnvironment(sandbox.template_id());
  *environment.mutable_limits() = sandbox.limits();
  *environment.mutable_use() = FakeMetrics(sandbox);
  environment.mutable_use()->set_disk_bytes(4096);
  environment.set_profile("user");
  *environment.mutable_network() = network_->policy();
  // The template's own, and what was installed.
  std::map<std::string, std::string> packages = packages_->InstalledIn(id_);
  packages.emplace("numpy", "2.2.4");
  for (const auto& [name, version] : packages) {
    auto* package = environment.add_python_packages();
    package->set_name(name);
    package->set_version(version);
  }
  auto* root = environment.add_mounts();
  root->set_path("/");
  root->set_file_system("overlay");
  auto add_feature = [&](const char* name, const char* reason) {
    auto* feature = environment.add_features();
    feature->set_name(name);
    feature->set_available(*reason == 0);
    feature->set_reason(reason);
  };
  add_feature("files", "this backend is in memory");
  add_feature("pause", "");
  reply(std::move(environment));
}

std::unique_ptr<Operation> FakeSandbox::Install(const Call&, v1::InstallPackageRequest request,
                                                std::shared_ptr<InstallSink> sink) {
  absl::Status status = ValidateInstall(request);
  if (status.ok()) {
    MutexLock lock(&mu_);
    status = UsableLocked();
  }
  if (status.ok()) return packages_->Install(id_, request.what(), std::move(sink));
  sink->End(status);
  return std::make_unique<CellOperation>(nullptr);
}

void FakeSandbox::SetNetwork(const Call&, const v1::SetSandboxNetworkRequest& request,
                             Reply<v1::Sandbox> reply) {
  absl::Status status = ValidateSetNetwork(request);
  if (status.ok()) {
    MutexLock lock(&mu_);
    status = UsableLocked();
  }
  if (!status.ok()) return reply(status);
  network_->SetPolicy(request.network());
  {
    MutexLock lock(&mu_);
    *description_.mutable_network() = request.network();
  }
  reply(description());
}

std::unique_ptr<Operation> FakeSandbox::WatchNetwork(const Call&,
                                                     std::shared_ptr<NetworkSink> sink) {
  if (!gone()) return network_->Watch(std::move(sink));
  sink->End(NoSuchFakeSandbox());
  return std::make_unique<CellOperation>(nullptr);
}

void FakeSandbox::CreateContext(const Call&, const v1::CreateContextRequest& request,
                                Reply<v1::Context> reply) {
  v1::CreateContextRequest valid = request;
  if (absl::Status status = ValidateCreateContext(valid); !status.ok()) return reply(status);
  if (valid.language() != "python") {
    return reply(
        absl::InvalidArgumentError("language is not one that the sandbox's template has: python"));
  }
  std::shared_ptr<FakeContext> context;
  absl::Status status;
  {
    MutexLock lock(&mu_);
    status = UsableLocked();
    if (!status.ok()) {
      // Below.
    } else if (contexts_.size() >= kMaxContexts) {
      status = absl::ResourceExhaustedError(
          absl::StrCat("this sandbox has ", kMaxContexts, " contexts already"));
    } else {
      std::string context_id = absl::StrCat("cx", ++last_context_);
      context = std::make_shared<FakeContext>(context_id);
      contexts_[context_id] = context;
    }
  }
  if (!status.ok()) return reply(status);
  reply(context->Describe(id_));
}

void FakeSandbox::ListContexts(const Call&, Reply<v1::ListContextsResponse> reply) {
  v1::ListContextsResponse response;
  if (gone()) return reply(NoSuchFakeSandbox());
  {
    MutexLock lock(&mu_);
    for (const auto& [id, context] : contexts_) *response.add_contexts() = context->Describe(id_);
  }
  reply(std::move(response));
}

void FakeSandbox::DeleteContext(const Call&, const std::string& context_id,
                                Reply<v1::DeleteContextResponse> reply) {
  auto context = FindContext(context_id);
  if (!context.ok()) return reply(context.status());
  {
    MutexLock lock(&mu_);
    contexts_.erase((*context)->id());
  }
  (*context)->Kill();
  reply(v1::DeleteContextResponse());
}

void FakeSandbox::RestartContext(const Call&, const std::string& context_id,
                                 Reply<v1::Context> reply) {
  auto context = FindContext(context_id);
  if (!context.ok()) return reply(context.status());
  auto fresh = std::make_shared<FakeContext>((*context)->id());
  {
    MutexLock lock(&mu_);
    contexts_[fresh->id()] = fresh;
  }
  (*context)->Kill();
  reply(fresh->Describe(id_));
}

std::unique_ptr<Operation> FakeSandbox::Execute(const Call&, v1::ExecuteCodeRequest request,
                                                std::shared_ptr<ExecutionSink> sink) {
  auto context = FindContext(request.context_id());
  absl::Status status = context.ok() ? ValidateExecute(request) : context.status();
  if (!status.ok()) {
    sink->End(status);
    return std::make_unique<CellOperation>(nullptr);
  }
  return RunCell(std::move(request), **context, "", std::move(sink));
}

std::unique_ptr<Operation> FakeSandbox::RunScript(const Call&, v1::RunScriptRequest request,
                                                  std::shared_ptr<ExecutionSink> sink) {
  absl::Status status = ValidateRunScript(request);
  if (status.ok() && request.has_path()) {
    status = absl::NotFoundError(absl::StrCat("run \"", request.path(), "\": no such file"));
  }
  std::shared_ptr<FakeContext> process;
  std::string process_id;
  if (status.ok()) {
    MutexLock lock(&mu_);
    status = UsableLocked();
    if (status.ok()) {
      process_id = absl::StrCat("p", scripts_.size() + 1);
      process = std::make_shared<FakeContext>(process_id);
      scripts_.push_back(process);
    }
  }
  if (!status.ok()) {
    sink->End(status);
    return std::make_unique<CellOperation>(nullptr);
  }
  v1::ExecuteCodeRequest cell;
  cell.mutable_code()->swap(*request.mutable_source());
  *cell.mutable_timeout() = request.timeout();
  cell.set_max_output_bytes(request.max_output_bytes());
  cell.set_request_id(request.request_id());
  cell.set_on_disconnect(request.on_disconnect());
  return RunCell(std::move(cell), *process, std::move(process_id), std::move(sink));
}

std::unique_ptr<Operation> FakeSandbox::RunCell(v1::ExecuteCodeRequest request,
                                                FakeContext& context, std::string process_id,
                                                std::shared_ptr<ExecutionSink> sink) {
  absl::Status status;
  std::shared_ptr<FakeCell> earlier;
  if (!request.request_id().empty()) earlier = FindRequest(request, status);
  if (!status.ok()) {
    sink->End(status);
    return std::make_unique<CellOperation>(nullptr);
  }
  if (earlier != nullptr) {
    earlier->Attach(std::move(sink), 0, FakeCell::Rivals::kReplaced).IgnoreError();
    return std::make_unique<CellOperation>(std::move(earlier));
  }
  std::shared_ptr<FakeCell> cell;
  {
    MutexLock lock(&mu_);
    if (request.max_output_bytes() == 0) {
      const int64_t limit = description_.limits().output_bytes();
      request.set_max_output_bytes(limit > 0 ? limit : kOutputBytes);
    }
    cell = std::make_shared<FakeCell>(absl::StrCat("ex", ++last_cell_), std::move(request),
                                      std::move(sink), std::move(process_id));
    cells_.remove_if([](const auto& each) { return each->forgotten(); });
    cells_.push_back(cell);
  }
  status = context.Add(cell);
  if (!status.ok()) cell->Refuse(status);
  return std::make_unique<CellOperation>(std::move(cell));
}

std::shared_ptr<FakeCell> FakeSandbox::FindRequest(const v1::ExecuteCodeRequest& request,
                                                   absl::Status& status) {
  MutexLock lock(&mu_);
  for (const auto& each : cells_) {
    if (each->request().request_id() != request.request_id()) continue;
    if (each->request().code() != request.code()) {
      status = absl::InvalidArgumentError("request_id is that of an earlier request");
    }
    return each;
  }
  return nullptr;
}

std::unique_ptr<Operation> FakeSandbox::Connect(const Call&,
                                                const warren::v1::ConnectExecutionRequest& request,
                                                std::shared_ptr<ExecutionSink> sink) {
  const std::string& execution_id = request.execution_id();
  const int64_t after_sequence = request.after_sequence();
  std::shared_ptr<FakeCell> cell;
  absl::Status status = absl::NotFoundError("no such execution");
  if (absl::Status valid = ValidateConnect(request); !valid.ok()) {
    status = valid;
  } else if (gone()) {
    status = NoSuchFakeSandbox();
  } else {
    MutexLock lock(&mu_);
    for (const auto& each : cells_) {
      if (each->id() == execution_id) cell = each;
    }
  }
  if (cell != nullptr) {
    status =
        cell->Attach(sink, after_sequence, FakeCell::Rivals::kRefused, request.on_disconnect());
  }
  if (!status.ok()) {
    sink->End(status);
    cell = nullptr;
  }
  return std::make_unique<CellOperation>(std::move(cell));
}

void FakeSandbox::Interrupt(const Call&, const std::string& context_id,
                            Reply<v1::InterruptExecutionResponse> reply) {
  auto context = FindContext(context_id);
  absl::Status status = context.ok() ? (*context)->Interrupt() : context.status();
  if (!status.ok()) return reply(status);
  reply(v1::InterruptExecutionResponse());
}

}  // namespace warren
