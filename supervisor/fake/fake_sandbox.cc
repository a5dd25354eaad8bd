#include "supervisor/fake/fake_sandbox.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/backend/validate.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

// Holds the cell, never the context: it may be dropped on the context's thread.
class CellOperation final : public Operation {
 public:
  explicit CellOperation(std::shared_ptr<FakeCell> cell) : cell_(std::move(cell)) {}
  void Resume() override {
    if (cell_ != nullptr) cell_->Resume();
  }
  void Cancel() override {
    if (cell_ != nullptr) cell_->Cancel();
  }
  absl::Status Detach() override {
    if (cell_ != nullptr) cell_->Detach();
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<FakeCell> cell_;
};

}  // namespace

absl::Status NoSuchFakeSandbox() {
  return absl::NotFoundError("no such sandbox: it never was, was destroyed, or its lifetime ended");
}

v1::Environment FakeEnvironment(const std::string& template_id) {
  v1::Environment environment;
  environment.set_template_id(template_id);
  environment.set_python_version("3.13.5");
  environment.set_architecture("amd64");
  environment.add_preload("json");
  return environment;
}

FakeSandbox::FakeSandbox(std::string id, const v1::CreateSandboxRequest& request)
    : id_(std::move(id)) {
  const absl::Time now = absl::Now();
  MutexLock lock(&mu_);
  expires_at_ = now + ToDuration(request.lifetime());
  description_.set_sandbox_id(id_);
  description_.set_template_id(request.template_id());
  description_.set_state(v1::Sandbox::RUNNING);
  *description_.mutable_created_at() = ToProto(now);
  *description_.mutable_expires_at() = ToProto(expires_at_);
  *description_.mutable_metadata() = request.metadata();
  *description_.mutable_limits() = request.limits();
  description_.set_default_context_id(kDefaultContext);
  contexts_[kDefaultContext] = std::make_shared<FakeContext>(kDefaultContext);
}

v1::Sandbox FakeSandbox::description() const {
  MutexLock lock(&mu_);
  return description_;
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
  {
    MutexLock lock(&mu_);
    destroyed_ = true;
    contexts.swap(contexts_);
  }
  for (auto& [id, context] : contexts) context->Kill();
}

absl::StatusOr<std::shared_ptr<FakeContext>> FakeSandbox::FindContext(
    const std::string& context_id) {
  MutexLock lock(&mu_);
  if (GoneLocked()) return NoSuchFakeSandbox();
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
    expires_at_ = absl::Now() + ToDuration(valid.lifetime());
    *description_.mutable_expires_at() = ToProto(expires_at_);
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

void FakeSandbox::GetEnvironment(const Call&, Reply<v1::Environment> reply) {
  if (gone()) return reply(NoSuchFakeSandbox());
  reply(FakeEnvironment(description().template_id()));
}

void FakeSandbox::CreateContext(const Call&, const v1::CreateContextRequest& request,
                                Reply<v1::Context> reply) {
  if (!request.language().empty() && request.language() != "python") {
    return reply(absl::InvalidArgumentError(
        absl::StrCat("language is \"", request.language(), "\"; there is \"python\"")));
  }
  std::shared_ptr<FakeContext> context;
  absl::Status status;
  {
    MutexLock lock(&mu_);
    if (GoneLocked()) {
      status = NoSuchFakeSandbox();
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
  std::shared_ptr<FakeCell> cell;
  {
    MutexLock lock(&mu_);
    cell = std::make_shared<FakeCell>(absl::StrCat("ex", ++last_cell_), std::move(request),
                                      std::move(sink));
    cells_.remove_if([](const auto& each) { return each->forgotten(); });
    cells_.push_back(cell);
  }
  status = (*context)->Add(cell);
  if (!status.ok()) cell->Refuse(status);
  return std::make_unique<CellOperation>(std::move(cell));
}

std::unique_ptr<Operation> FakeSandbox::Connect(const Call&, const std::string& execution_id,
                                                int64_t after_sequence,
                                                std::shared_ptr<ExecutionSink> sink) {
  std::shared_ptr<FakeCell> cell;
  absl::Status status = absl::NotFoundError("no such execution");
  if (after_sequence < 0) {
    status = absl::InvalidArgumentError("after_sequence must not be negative");
  } else if (gone()) {
    status = NoSuchFakeSandbox();
  } else {
    MutexLock lock(&mu_);
    for (const auto& each : cells_) {
      if (each->id() == execution_id) cell = each;
    }
  }
  if (cell != nullptr) status = cell->Attach(sink, after_sequence);
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
