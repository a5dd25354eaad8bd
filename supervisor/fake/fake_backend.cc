#include "supervisor/fake/fake_backend.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "supervisor/backend/validate.h"
#include "supervisor/backend/validate_package.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

constexpr char kDefaultTemplate[] = "base";
constexpr size_t kMaxPageBytes = 2 << 20;

absl::Status CheckTemplate(const std::string& template_id) {
  if (template_id == "base" || template_id == "slow") return absl::OkStatus();
  if (template_id == "broken") {
    return absl::FailedPreconditionError("template \"broken\" cannot be used: not built");
  }
  return absl::NotFoundError(
      absl::StrCat("there is no template \"", template_id, "\"; there are: base, broken, slow"));
}

bool Matches(const v1::Sandbox& sandbox, const v1::ListSandboxesRequest& request) {
  const auto& states = request.states();
  if (!states.empty() && std::find(states.begin(), states.end(), sandbox.state()) == states.end())
    return false;
  if (!request.template_id().empty() && request.template_id() != sandbox.template_id())
    return false;
  if (request.has_created_after() &&
      ToTime(sandbox.created_at()) < ToTime(request.created_after())) {
    return false;
  }
  return std::all_of(request.metadata().begin(), request.metadata().end(), [&](const auto& wanted) {
    auto found = sandbox.metadata().find(wanted.first);
    return found != sandbox.metadata().end() && found->second == wanted.second;
  });
}

}  // namespace

class FakeBackend::CreateOperation final : public Operation {
 public:
  CreateOperation(FakeBackend& backend, std::shared_ptr<Waiting> waiting)
      : backend_(backend), waiting_(std::move(waiting)) {}
  void Resume() override {}
  void Cancel() override {
    if (waiting_ != nullptr) backend_.CancelCreate(waiting_);
  }

 private:
  FakeBackend& backend_;
  const std::shared_ptr<Waiting> waiting_;
};

FakeBackend::~FakeBackend() {
  std::vector<std::thread> openers;
  {
    MutexLock lock(&mu_);
    openers.swap(openers_);
  }
  for (std::thread& opener : openers) opener.join();
  packages_->End();
  for (const auto& sandbox : Live()) sandbox->Kill();
}

size_t FakeBackend::waiting_creates() {
  MutexLock lock(&mu_);
  return waiting_.size();
}

size_t FakeBackend::sandboxes() { return Live().size(); }

int FakeBackend::paused_cells() {
  int paused = 0;
  for (const auto& sandbox : Live()) paused += sandbox->paused_cells();
  return paused;
}

absl::Status FakeBackend::TellNetwork(const std::string& sandbox_id,
                                      const v1::NetworkEvent& event) {
  auto sandbox = Find(sandbox_id);
  if (!sandbox.ok()) return sandbox.status();
  (*sandbox)->TellNetwork(event);
  return absl::OkStatus();
}

size_t FakeBackend::network_watchers() {
  size_t watchers = 0;
  for (const auto& sandbox : Live()) watchers += sandbox->network_watchers();
  return watchers;
}

void FakeBackend::SetHealth(absl::Status health) {
  MutexLock lock(&mu_);
  health_ = std::move(health);
}

absl::Time FakeBackend::last_deadline() {
  MutexLock lock(&mu_);
  return last_deadline_;
}

absl::Status FakeBackend::health() const {
  MutexLock lock(&mu_);
  return health_;
}

void FakeBackend::FinishCreates() {
  std::list<std::shared_ptr<Waiting>> waiting;
  {
    MutexLock lock(&mu_);
    waiting.swap(waiting_);
  }
  for (const auto& create : waiting) create->reply(Make(create->tenant, create->request));
}

void FakeBackend::DeafenCreates() {
  MutexLock lock(&mu_);
  deaf_ = true;
}

int FakeBackend::late_cancels() {
  MutexLock lock(&mu_);
  return late_cancels_;
}

void FakeBackend::CancelCreate(const std::shared_ptr<Waiting>& waiting) {
  {
    MutexLock lock(&mu_);
    if (deaf_) {
      ++late_cancels_;
      return;
    }
    auto found = std::find(waiting_.begin(), waiting_.end(), waiting);
    if (found == waiting_.end()) return;
    waiting_.erase(found);
  }
  waiting->reply(absl::CancelledError("the client went away"));
}

std::unique_ptr<Operation> FakeBackend::Create(const Call& call,
                                               const v1::CreateSandboxRequest& request,
                                               Reply<v1::Sandbox> reply) {
  v1::CreateSandboxRequest valid = request;
  absl::Status status = ValidateCreate(valid);
  if (valid.template_id().empty()) valid.set_template_id(kDefaultTemplate);
  if (status.ok()) status = CheckTemplate(valid.template_id());
  {
    MutexLock lock(&mu_);
    last_deadline_ = call.deadline;
  }
  if (!status.ok()) {
    reply(status);
    return std::make_unique<CreateOperation>(*this, nullptr);
  }
  if (valid.template_id() != "slow") {
    reply(Make(call.who.tenant, valid));
    return std::make_unique<CreateOperation>(*this, nullptr);
  }
  auto waiting =
      std::make_shared<Waiting>(Waiting{call.who.tenant, std::move(valid), std::move(reply)});
  MutexLock lock(&mu_);
  waiting_.push_back(waiting);
  return std::make_unique<CreateOperation>(*this, std::move(waiting));
}

absl::StatusOr<v1::Sandbox> FakeBackend::Make(const std::string& tenant,
                                              const v1::CreateSandboxRequest& request) {
  if (Live().size() >= kMaxSandboxes) {
    return absl::ResourceExhaustedError(absl::StrCat("there are ", kMaxSandboxes, " sandboxes"));
  }
  MutexLock lock(&mu_);
  auto sandbox = std::make_shared<FakeSandbox>(absl::StrFormat("sb%020d", ++last_number_), tenant,
                                               request, packages_);
  sandboxes_.push_back(sandbox);
  return sandbox->description();
}

std::vector<std::shared_ptr<FakeSandbox>> FakeBackend::Live() {
  std::vector<std::shared_ptr<FakeSandbox>> gone;
  std::vector<std::shared_ptr<FakeSandbox>> live;
  MutexLock lock(&mu_);
  for (auto& sandbox : sandboxes_) (sandbox->gone() ? gone : live).push_back(std::move(sandbox));
  sandboxes_.assign(live.begin(), live.end());
  // `gone` waits for threads, behind the lock.
  return live;
}

absl::StatusOr<std::shared_ptr<FakeSandbox>> FakeBackend::Find(const std::string& sandbox_id) {
  for (auto& sandbox : Live()) {
    if (sandbox->id() == sandbox_id) return sandbox;
  }
  return NoSuchFakeSandbox();
}

void FakeBackend::Open(const Call& call, const std::string& sandbox_id,
                       Reply<std::shared_ptr<SandboxHandle>> reply) {
  auto found = Find(sandbox_id);
  if (found.ok() && !call.who.MayUse((*found)->tenant())) found = NoSuchFakeSandbox();
  if (opens_ == Opens::kInPlace) return reply(std::move(found));
  MutexLock lock(&mu_);
  openers_.emplace_back(
      [found = std::move(found), reply = std::move(reply)]() mutable { reply(std::move(found)); });
}

void FakeBackend::List(const Call& call, const v1::ListSandboxesRequest& request,
                       Reply<v1::ListSandboxesResponse> reply) {
  v1::ListSandboxesRequest valid = request;
  if (absl::Status status = ValidateList(valid); !status.ok()) return reply(status);
  // The token is the last id of the page before, and ids grow.
  const std::string& after = valid.page_token();
  if (!after.empty() && (after.size() != 22 || after.compare(0, 2, "sb") != 0)) {
    return reply(absl::InvalidArgumentError("page_token is none that a page ended with"));
  }
  v1::ListSandboxesResponse response;
  size_t bytes = 0;
  auto live = Live();
  if (valid.newest_first()) std::reverse(live.begin(), live.end());
  for (const auto& sandbox : live) {
    if (!call.who.MayUse(sandbox->tenant())) continue;
    v1::Sandbox described = sandbox->description();
    const int place = described.sandbox_id().compare(after);
    const bool behind = after.empty() || (valid.newest_first() ? place < 0 : place > 0);
    if (!behind || !Matches(described, valid)) continue;
    bytes += described.ByteSizeLong() + 8;
    if (response.sandboxes_size() == valid.page_size() || bytes > kMaxPageBytes) {
      response.set_next_page_token(response.sandboxes().rbegin()->sandbox_id());
      break;
    }
    *response.add_sandboxes() = std::move(described);
  }
  if (after.empty() && call.who.is_operator())
    response.add_pools()->set_template_id(kDefaultTemplate);
  reply(std::move(response));
}

void FakeBackend::ListTemplates(const Call&, Reply<v1::ListTemplatesResponse> reply) {
  v1::ListTemplatesResponse response;
  response.set_default_template_id(kDefaultTemplate);
  for (const char* id : {"base", "broken", "slow"}) {
    response.add_templates()->set_template_id(id);
  }
  response.mutable_templates(1)->set_unavailable("not built");
  reply(std::move(response));
}

void FakeBackend::GetEnvironment(const Call&, const std::string& template_id,
                                 Reply<v1::Environment> reply) {
  absl::Status status = CheckTemplate(template_id);
  if (absl::IsNotFound(status)) return reply(status);
  reply(FakeEnvironment(template_id));
}

std::unique_ptr<Operation> FakeBackend::Prefetch(const Call&, v1::PrefetchPackagesRequest request,
                                                 std::shared_ptr<InstallSink> sink) {
  absl::Status status = ValidatePrefetch(request);
  if (status.ok() && !request.template_id().empty()) status = CheckTemplate(request.template_id());
  if (status.ok()) return packages_->Install("", request.what(), std::move(sink));
  sink->End(status);
  return std::make_unique<CreateOperation>(*this, nullptr);
}

void FakeBackend::ListPackages(const Call&, Reply<v1::ListStoredPackagesResponse> reply) {
  reply(packages_->List());
}

void FakeBackend::PrunePackages(const Call&, const v1::PruneStoredPackagesRequest& request,
                                Reply<v1::PruneStoredPackagesResponse> reply) {
  if (absl::Status status = ValidatePrune(request); !status.ok()) return reply(status);
  reply(packages_->Prune(ToDuration(request.unused_for())));
}

void FakeBackend::VerifyPackages(const Call&, Reply<v1::VerifyStoredPackagesResponse> reply) {
  reply(packages_->Verify());
}

}  // namespace warren
