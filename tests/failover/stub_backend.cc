#include "tests/failover/stub_backend.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

thread_local int replies_under_way = 0;

void CheckNotInReply() {
  EXPECT_EQ(replies_under_way, 0) << "a backend was called from within a reply";
}

template <class T, class Answer>
void Answering(Reply<T>& reply, Answer&& answer) {
  ++replies_under_way;
  reply(std::forward<Answer>(answer));
  --replies_under_way;
}

}  // namespace

class StubBackend::CreateOperation final : public Operation {
 public:
  explicit CreateOperation(StubBackend& backend) : backend_(backend) {}
  void Resume() override {}
  // It is deaf: what it makes comes all the same.
  void Cancel() override {
    std::lock_guard lock(backend_.mu_);
    ++backend_.cancels_;
  }

 private:
  StubBackend& backend_;
};

class StubBackend::Handle final : public SandboxHandle {
 public:
  Handle(StubBackend& backend, std::string id) : backend_(backend), id_(std::move(id)) {}

  const std::string& id() const override { return id_; }
  void Get(const Call& call, Reply<v1::Sandbox> reply) override {
    CheckNotInReply();
    const absl::Status status = backend_.MayUse(call, id_);
    v1::Sandbox sandbox;
    {
      std::lock_guard lock(backend_.mu_);
      ++backend_.gets_;
      if (backend_.hang_questions_) {
        backend_.hung_gets_.push_back(std::move(reply));
        return;
      }
      if (status.ok()) sandbox = backend_.DescribeLocked(id_);
    }
    if (!status.ok()) return Answering(reply, status);
    Answering(reply, std::move(sandbox));
  }
  void Destroy(const Call& call, Reply<v1::DestroySandboxResponse> reply) override {
    CheckNotInReply();
    const absl::Status status = backend_.MayUse(call, id_);
    if (!status.ok()) return Answering(reply, status);
    backend_.EndSandbox(id_);
    Answering(reply, v1::DestroySandboxResponse());
  }
  void Pause(const Call& call, Reply<v1::Sandbox> reply) override { Get(call, std::move(reply)); }
  void CreateContext(const Call&, const v1::CreateContextRequest&,
                     Reply<v1::Context> reply) override {
    CheckNotInReply();
    v1::Context context;
    context.set_context_id("c");
    context.set_sandbox_id(id_);
    Answering(reply, std::move(context));
  }
  void ListContexts(const Call&, Reply<v1::ListContextsResponse> reply) override {
    CheckNotInReply();
    v1::ListContextsResponse response;
    response.add_contexts()->set_sandbox_id(id_);
    Answering(reply, std::move(response));
  }
  void Interrupt(const Call&, const std::string&,
                 Reply<v1::InterruptExecutionResponse> reply) override {
    CheckNotInReply();
    {
      std::lock_guard lock(backend_.mu_);
      ++backend_.interrupts_;
    }
    Answering(reply, v1::InterruptExecutionResponse());
  }

 private:
  StubBackend& backend_;
  const std::string id_;
};

void StubBackend::SetReach(absl::Status reach) { Set(reach_, std::move(reach)); }

void StubBackend::SetCreates(absl::Status creates) { Set(create_status_, std::move(creates)); }

void StubBackend::OnCreate(std::function<void()> on_create) {
  Set(on_create_, std::move(on_create));
}

Call StubBackend::last_call() { return Read(last_call_); }

void StubBackend::StopHanging() {
  std::lock_guard lock(mu_);
  hang_creates_ = hang_probes_ = hang_questions_ = false;
}

void StubBackend::FinishCreates() {
  std::list<Waiting> waiting;
  {
    std::lock_guard lock(mu_);
    waiting.swap(waiting_);
  }
  for (Waiting& each : waiting) Answering(each.reply, Make(each.tenant, each.request));
}

void StubBackend::BreakCreates() {
  std::list<Waiting> waiting;
  absl::Status why;
  {
    std::lock_guard lock(mu_);
    waiting.swap(waiting_);
    why = reach_;
  }
  for (Waiting& each : waiting) Answering(each.reply, why);
}

void StubBackend::EndSandbox(const std::string& id) {
  std::function<void(const std::string&)> tell;
  {
    std::lock_guard lock(mu_);
    sandboxes_.erase(id);
    tell = on_forgotten_;
  }
  ++replies_under_way;
  if (tell != nullptr) tell(id);
  --replies_under_way;
}

std::vector<std::string> StubBackend::sandboxes() {
  std::lock_guard lock(mu_);
  std::vector<std::string> ids;
  for (const auto& [id, made] : sandboxes_) ids.push_back(id);
  return ids;
}

v1::CreateSandboxRequest StubBackend::request_of(const std::string& id) {
  std::lock_guard lock(mu_);
  return sandboxes_.at(id).request;
}

v1::Sandbox StubBackend::DescribeLocked(const std::string& id) {
  v1::Sandbox sandbox;
  sandbox.set_sandbox_id(id);
  sandbox.set_template_id(sandboxes_[id].request.template_id());
  return sandbox;
}

v1::Sandbox StubBackend::Make(const std::string& tenant, const v1::CreateSandboxRequest& request) {
  std::lock_guard lock(mu_);
  const std::string id = absl::StrCat(name_, "-", ++last_number_);
  sandboxes_[id] = Made{tenant, request};
  return DescribeLocked(id);
}

absl::Status StubBackend::MayUse(const Call& call, const std::string& id) {
  std::lock_guard lock(mu_);
  if (!reach_.ok()) return reach_;
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end() || !call.who.MayUse(found->second.tenant))
    return absl::NotFoundError("none here");
  return absl::OkStatus();
}

void StubBackend::Probe(const Call& call, Reply<ProbeAnswer> reply) {
  CheckNotInReply();
  absl::Status reach;
  {
    std::lock_guard lock(mu_);
    ++probes_;
    last_call_ = call;
    if (hang_probes_) {
      hung_probes_.push_back(std::move(reply));
      return;
    }
    reach = reach_;
  }
  if (!reach.ok()) return Answering(reply, reach);
  Answering(reply, ProbeAnswer());
}

void StubBackend::DropWaiting() {
  std::list<Waiting> waiting;
  std::list<Reply<ProbeAnswer>> probes;
  std::list<Reply<v1::Sandbox>> gets;
  std::list<Reply<v1::ListSandboxesResponse>> lists;
  // They go behind the lock.
  std::lock_guard lock(mu_);
  waiting.swap(waiting_);
  probes.swap(hung_probes_);
  gets.swap(hung_gets_);
  lists.swap(hung_lists_);
}

void StubBackend::OnForgotten(std::function<void(const std::string&)> on_forgotten) {
  Set(on_forgotten_, std::move(on_forgotten));
}

std::unique_ptr<Operation> StubBackend::Create(const Call& call,
                                               const v1::CreateSandboxRequest& request,
                                               Reply<v1::Sandbox> reply) {
  CheckNotInReply();
  absl::Status status;
  std::function<void()> on_create;
  {
    std::lock_guard lock(mu_);
    ++creates_;
    last_call_ = call;
    on_create = on_create_;
    status = reach_.ok() ? create_status_ : reach_;
    if (hang_creates_) {
      waiting_.push_back(Waiting{call.who.tenant, request, std::move(reply)});
      reply = nullptr;
    }
  }
  if (on_create != nullptr) on_create();
  if (reply != nullptr && !status.ok()) Answering(reply, status);
  if (reply != nullptr && status.ok()) Answering(reply, Make(call.who.tenant, request));
  return std::make_unique<CreateOperation>(*this);
}

void StubBackend::Open(const Call&, const std::string& sandbox_id,
                       Reply<std::shared_ptr<SandboxHandle>> reply) {
  CheckNotInReply();
  Answering(reply, std::make_shared<Handle>(*this, sandbox_id));
}

void StubBackend::List(const Call& call, const v1::ListSandboxesRequest& request,
                       Reply<v1::ListSandboxesResponse> reply) {
  CheckNotInReply();
  v1::ListSandboxesResponse response;
  absl::Status reach;
  {
    std::lock_guard lock(mu_);
    ++lists_;
    if (hang_questions_) {
      hung_lists_.push_back(std::move(reply));
      return;
    }
    reach = reach_;
    int begin = 0;
    if (!absl::SimpleAtoi(request.page_token(), &begin) && !request.page_token().empty())
      reach = absl::InvalidArgumentError("that is no token");
    int place = 0;
    for (const auto& [id, made] : sandboxes_) {
      if (!call.who.MayUse(made.tenant) || place++ < begin) continue;
      if (response.sandboxes_size() == request.page_size()) {
        response.set_next_page_token(absl::StrCat(begin + request.page_size()));
        break;
      }
      *response.add_sandboxes() = DescribeLocked(id);
    }
    if (request.page_token().empty()) response.add_pools()->set_template_id(name_);
  }
  if (!reach.ok()) return Answering(reply, reach);
  Answering(reply, std::move(response));
}

void StubBackend::ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) {
  CheckNotInReply();
  const absl::Status reach = Read(reach_);
  if (!reach.ok()) return Answering(reply, reach);
  v1::ListTemplatesResponse response;
  response.set_default_template_id(absl::StrCat(name_, "-only"));
  response.add_templates()->set_template_id(absl::StrCat(name_, "-only"));
  response.add_templates()->set_template_id("shared");
  Answering(reply, std::move(response));
}

void StubBackend::GetEnvironment(const Call&, const std::string& template_id,
                                 Reply<v1::Environment> reply) {
  CheckNotInReply();
  const absl::Status reach = Read(reach_);
  if (!reach.ok()) return Answering(reply, reach);
  if (template_id == "none") return Answering(reply, absl::NotFoundError("no such template"));
  v1::Environment environment;
  environment.set_template_id(absl::StrCat(name_, "/", template_id));
  Answering(reply, std::move(environment));
}

void StubBackend::ListPackages(const Call&, Reply<v1::ListStoredPackagesResponse> reply) {
  CheckNotInReply();
  Answering(reply, absl::InternalError(name_));
}

}  // namespace warren
