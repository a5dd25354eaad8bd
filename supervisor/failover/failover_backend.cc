#include "supervisor/failover/failover_backend.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "supervisor/failover/answered_within.h"
#include "supervisor/failover/ask_patience.h"
#include "supervisor/failover/backend_list.h"
#include "supervisor/failover/backend_questions.h"
#include "supervisor/failover/list_pages.h"
#include "supervisor/failover/no_such_sandbox.h"
#include "supervisor/failover/open_placement.h"
#include "supervisor/failover/sandbox_search.h"

namespace warren {
namespace {

int DrawAtRandom() {
  thread_local absl::InsecureBitGen random;
  return absl::Uniform<int>(random, 0, Routes::kDraws);
}

class AttemptsOperation final : public Operation {
 public:
  explicit AttemptsOperation(std::shared_ptr<CreateAttempts> attempts)
      : attempts_(std::move(attempts)) {}
  void Resume() override {}
  void Cancel() override { attempts_->Cancel(); }

 private:
  const std::shared_ptr<CreateAttempts> attempts_;
};

// For what was refused.
class NoOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

absl::Status NoPackageStore() {
  return absl::UnimplementedError("no backend of the configuration has a store of packages");
}

// A retired member goes when it has no sandbox any more; what it says itself counts, for not every
// one tells what it forgets.
void DropIfEmpty(const std::shared_ptr<Timers>& timers, const std::shared_ptr<MemberTable>& table,
                 const std::weak_ptr<Prober>& prober, const std::shared_ptr<Member>& member) {
  Call call;
  call.deadline = timers->WallNow() + kAskPatience;
  v1::ListSandboxesRequest request;
  request.set_page_size(1);
  member->backend().List(
      call, request,
      AnsweredWithin<v1::ListSandboxesResponse>(
          timers, kAskPatience,
          [table, prober, member](const absl::StatusOr<v1::ListSandboxesResponse>& answer) {
            if (!answer.ok() || !answer->sandboxes().empty() ||
                !answer->next_page_token().empty() || !answer->missing_backends().empty()) {
              return;
            }
            if (!table->DropRetired(member)) return;
            if (auto watching = prober.lock()) watching->Unwatch(member);
            spdlog::info("event=backend_dropped backend={}", member->name());
          }));
}

}  // namespace

FailoverBackend::FailoverBackend(Options options)
    : timers_(options.timers),
      draw_(options.draw != nullptr ? std::move(options.draw) : DrawAtRandom),
      lost_(std::make_shared<LostSandboxes>(timers_)),
      prober_(MakeProber(options.pace)),
      tools_{timers_, prober_, lost_, options.pace},
      recreator_(std::make_shared<Recreator>(tools_, placements_)) {}

std::shared_ptr<Prober> FailoverBackend::MakeProber(double pace) const {
  auto self = std::make_shared<std::weak_ptr<Prober>>();
  auto prober = std::make_shared<Prober>(timers_, pace,
                                         [timers = timers_, table = table_, lost = lost_,
                                          self](const std::shared_ptr<Member>& member) {
                                           if (!member->problem().ok()) return;
                                           lost->Sweep(member);
                                           if (member->retired())
                                             DropIfEmpty(timers, table, *self, member);
                                         });
  *self = prober;
  return prober;
}

void FailoverBackend::ListenTo(const std::shared_ptr<Member>& member) {
  // The member has its backend, and that this; placements have their members.
  member->backend().OnForgotten([weak_placements = std::weak_ptr<Placements>(placements_),
                                 forgetting = forgetting_,
                                 weak = std::weak_ptr<Member>(member)](const std::string& id) {
    const auto placements = weak_placements.lock();
    const auto forgetful = weak.lock();
    if (placements == nullptr || forgetful == nullptr) return;
    const std::optional<std::string> public_id = placements->ForgetInner(*forgetful, id);
    std::function<void(const std::string&)> tell;
    {
      MutexLock lock(&forgetting->mu);
      tell = forgetting->tell;
    }
    if (public_id.has_value() && tell != nullptr) tell(*public_id);
  });
}

absl::Status FailoverBackend::Configure(const config::Configuration& configuration,
                                        const std::vector<MemberSpec>& members) {
  absl::Status status =
      table_->Configure(configuration, members, [this](const auto& added) { ListenTo(added); });
  if (!status.ok()) return status;
  for (const auto& member : table_->Get()->all()) prober_->Watch(member);
  return absl::OkStatus();
}

void FailoverBackend::OnForgotten(std::function<void(const std::string&)> on_forgotten) {
  MutexLock lock(&forgetting_->mu);
  forgetting_->tell = std::move(on_forgotten);
}

absl::Status FailoverBackend::health() const {
  const auto members = table_->Get();
  if (const Member* alone = members->alone()) return alone->backend().health();
  std::string problems;
  for (const auto& member : members->active) {
    if (!member->down()) return absl::OkStatus();
    absl::StrAppend(&problems, problems.empty() ? "" : "; ", member->name(), ": ",
                    member->problem().message());
  }
  return absl::UnavailableError(absl::StrCat("no backend can serve: ", problems));
}

void FailoverBackend::ListBackends(const Call&, const v1::ListBackendsRequest& request,
                                   Reply<v1::ListBackendsResponse> reply) {
  auto members = table_->Get();
  if (!request.probe()) {
    return reply(DescribeBackends(*members, *placements_, timers_->Now(), Probed::kBefore));
  }
  ProbeAll(
      timers_, prober_, *members,
      [members, placements = placements_, timers = timers_, reply = std::move(reply)]() mutable {
        reply(DescribeBackends(*members, *placements, timers->Now(), Probed::kNow));
      });
}

std::unique_ptr<Operation> FailoverBackend::Create(const Call& call,
                                                   const v1::CreateSandboxRequest& request,
                                                   Reply<v1::Sandbox> reply) {
  Placement placement;
  placement.owner = call.who.tenant;
  placement.draw = draw_();
  if (request.on_backend_loss() == v1::ON_BACKEND_LOSS_RECREATE)
    placement.recreate = std::make_shared<const v1::CreateSandboxRequest>(request);
  auto attempts = std::make_shared<CreateAttempts>(
      tools_, table_->Get()->Choose(call.who.tenant, request.template_id(), placement.draw), call,
      request,
      [placements = placements_, placement,
       reply = std::move(reply)](absl::StatusOr<CreateAttempts::Made> made) mutable {
        if (!made.ok()) return reply(made.status());
        made->sandbox.set_backend(made->member->name());
        placement.member = std::move(made->member);
        placement.inner_id = made->sandbox.sandbox_id();
        placements->Put(made->sandbox.sandbox_id(), std::move(placement));
        reply(std::move(made->sandbox));
      });
  attempts->Start();
  return std::make_unique<AttemptsOperation>(std::move(attempts));
}

void FailoverBackend::Open(const Call& call, const std::string& sandbox_id,
                           Reply<std::shared_ptr<SandboxHandle>> reply) {
  const auto members = table_->Get();
  Member* alone = members->alone();
  if (alone != nullptr && !placements_->has_renamed())
    return alone->backend().Open(call, sandbox_id, std::move(reply));
  const auto placement = placements_->Find(sandbox_id);
  // Whose it is must be known before anything is told of it.
  if (placement != nullptr && (placement->owner.has_value() || call.who.is_operator())) {
    if (!call.who.MayUse(placement->owner.value_or(""))) return reply(NoSuchSandbox());
    return OpenPlaced(call, sandbox_id, placement, std::move(reply));
  }
  if (placements_->HasEnded(sandbox_id) ||
      unknown_->Has(call.who.tenant, sandbox_id, timers_->Now())) {
    return reply(NoSuchSandbox());
  }
  Search(*members, call, sandbox_id, std::move(reply));
}

void FailoverBackend::OpenPlaced(const Call& call, const std::string& id,
                                 const std::shared_ptr<const Placement>& placement,
                                 Reply<std::shared_ptr<SandboxHandle>> reply) {
  const Member& member = *placement->member;
  if (!member.lost()) return OpenPlacement(placements_, call, id, *placement, std::move(reply));
  std::vector<std::shared_ptr<Member>> others;
  if (placement->recreate != nullptr) {
    others = table_->Get()->Choose(*placement->owner, placement->recreate->template_id(),
                                   placement->draw);
    others.erase(std::remove(others.begin(), others.end(), placement->member), others.end());
  }
  if (!others.empty())
    return recreator_->Open(call, id, placement, std::move(others), std::move(reply));
  reply(absl::UnavailableError(
      absl::StrCat("sandbox ", id, " lives on backend ", member.name(),
                   ", which cannot be reached (", member.problem().message(),
                   "); it is not made anew elsewhere: wait for it, or make a new sandbox")));
}

void FailoverBackend::Search(const Members& members, const Call& call, const std::string& id,
                             Reply<std::shared_ptr<SandboxHandle>> reply) {
  auto search = std::make_shared<SandboxSearch>(
      timers_, call, id,
      [placements = placements_, unknown = unknown_, timers = timers_, tenant = call.who.tenant, id,
       reply = std::move(reply)](absl::StatusOr<SandboxSearch::Found> found) mutable {
        if (absl::IsNotFound(found.status())) unknown->Add(tenant, id, timers->Now());
        if (!found.ok()) return reply(found.status());
        Placement placement;
        placement.member = std::move(found->member);
        placement.inner_id = id;
        if (!tenant.empty()) placement.owner = tenant;
        placements->Put(id, std::move(placement));
        reply(std::move(found->handle));
      });
  search->Start(members.all());
}

void FailoverBackend::List(const Call& call, const v1::ListSandboxesRequest& request,
                           Reply<v1::ListSandboxesResponse> reply) {
  const auto members = table_->Get();
  Member* alone = members->alone();
  if (alone != nullptr && !placements_->has_renamed()) {
    return alone->backend().List(call, request,
                                 [name = alone->name(), reply = std::move(reply)](
                                     absl::StatusOr<v1::ListSandboxesResponse> answer) mutable {
                                   if (answer.ok()) {
                                     for (v1::Sandbox& sandbox : *answer->mutable_sandboxes())
                                       sandbox.set_backend(name);
                                   }
                                   reply(std::move(answer));
                                 });
  }
  std::make_shared<ListPages>(ListPages::Tools{timers_, placements_, lost_}, members->all(), call,
                              request, std::move(reply))
      ->Start();
}

void FailoverBackend::ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) {
  const auto members = table_->Get();
  if (Member* alone = members->alone())
    return alone->backend().ListTemplates(call, std::move(reply));
  AskTemplates(timers_, members->active, members->Choose(call.who.tenant, "", 0), call,
               std::move(reply));
}

void FailoverBackend::GetEnvironment(const Call& call, const std::string& template_id,
                                     Reply<v1::Environment> reply) {
  const auto members = table_->Get();
  if (Member* alone = members->alone())
    return alone->backend().GetEnvironment(call, template_id, std::move(reply));
  AskEnvironment(timers_, members->Choose(call.who.tenant, template_id, 0), call, template_id,
                 std::move(reply));
}

std::shared_ptr<Member> FailoverBackend::PackageMember() const {
  for (const auto& member : table_->Get()->active) {
    if (member->kind() == v1::BackendStatus::LOCAL || member->kind() == v1::BackendStatus::REMOTE)
      return member;
  }
  return nullptr;
}

std::unique_ptr<Operation> FailoverBackend::Prefetch(const Call& call,
                                                     v1::PrefetchPackagesRequest request,
                                                     std::shared_ptr<InstallSink> sink) {
  if (auto member = PackageMember())
    return member->backend().Prefetch(call, std::move(request), std::move(sink));
  sink->End(NoPackageStore());
  return std::make_unique<NoOperation>();
}

void FailoverBackend::ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) {
  if (auto member = PackageMember()) return member->backend().ListPackages(call, std::move(reply));
  reply(NoPackageStore());
}

void FailoverBackend::PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& request,
                                    Reply<v1::PruneStoredPackagesResponse> reply) {
  if (auto member = PackageMember())
    return member->backend().PrunePackages(call, request, std::move(reply));
  reply(NoPackageStore());
}

void FailoverBackend::VerifyPackages(const Call& call,
                                     Reply<v1::VerifyStoredPackagesResponse> reply) {
  if (auto member = PackageMember())
    return member->backend().VerifyPackages(call, std::move(reply));
  reply(NoPackageStore());
}

}  // namespace warren
