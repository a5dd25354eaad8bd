#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/session/sandbox.h"

// A sandbox's further contexts: how they are started, take another's place, and are taken off.
namespace warren {

absl::Status Sandbox::CheckRuns() const {
  if (end_reason_ != StopReason::kNone || gone_) {
    return absl::FailedPreconditionError(
        absl::StrCat("sandbox ", identity_.id, " is ending; create a new one"));
  }
  return pause_.runs() ? absl::OkStatus() : PausedError();
}

absl::Status Sandbox::Admit(const std::string& context_id) const {
  WARREN_RETURN_IF_ERROR(CheckRuns());
  const auto listed = std::count_if(members_.begin(), members_.end(),
                                    [](const Member& member) { return member.listed(); });
  const bool taken = context_id == kDefaultContextId || starting_.contains(context_id) ||
                     std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
                       return member.listed() && member.context->id() == context_id;
                     });
  if (taken) {
    return absl::AlreadyExistsError(
        absl::StrCat("sandbox ", identity_.id, " has a context \"", context_id, "\" already"));
  }
  if (static_cast<size_t>(listed) + starting_.size() >= kMaxContexts) {
    return absl::ResourceExhaustedError(
        absl::StrCat("sandbox ", identity_.id, " has ", kMaxContexts,
                     " contexts, those that have ended included; delete one first"));
  }
  return absl::OkStatus();
}

absl::Status Sandbox::TakeFurtherContext() {
  if (host_.further_contexts.TryTake()) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "all sandboxes together have ", host_.further_contexts.most(),
      " contexts beside their first ones, which is what the server's open files are enough for: "
      "delete some, or raise its hard limit (ulimit -Hn)"));
}

absl::Status Sandbox::StartContext(std::string context_id, uint64_t zygote_id,
                                   ReadyCallback on_ready, ContextSpec spec) {
  {
    MutexLock lock(&mu_);
    WARREN_RETURN_IF_ERROR(Admit(context_id));
    WARREN_RETURN_IF_ERROR(TakeFurtherContext());
    starting_.insert(context_id);
  }
  AskLauncher(Making{std::move(context_id), std::move(spec), /*counted=*/true, /*first=*/false,
                     std::move(on_ready)},
              zygote_id);
  return absl::OkStatus();
}

absl::Status Sandbox::RestartContext(const std::string& context_id, uint64_t zygote_id,
                                     ReadyCallback on_ready) {
  std::shared_ptr<Context> old;
  Making start;
  {
    MutexLock lock(&mu_);
    WARREN_RETURN_IF_ERROR(CheckRuns());
    WARREN_ASSIGN_OR_RETURN(Member * member, FindSettled(context_id));
    start.first = member->first;
    start.counted = !member->first;
    // One that lives hands on what it has taken.
    const bool hands_on = member->counted && !member->dead;
    if (start.counted && !hands_on) WARREN_RETURN_IF_ERROR(TakeFurtherContext());
    member->counted = member->counted && !hands_on;
    old = member->context;
    starting_.insert(old->id());
  }
  start.context_id = old->id();
  start.spec = old->spec();
  start.on_ready = std::move(on_ready);
  // Its memory is on its way back before the new one needs any.
  old->Kill(StopReason::kRestarted);
  AskLauncher(std::move(start), zygote_id);
  return absl::OkStatus();
}

absl::Status Sandbox::DeleteContext(const std::string& context_id) {
  std::shared_ptr<Context> context;
  {
    MutexLock lock(&mu_);
    if (!pause_.runs()) return PausedError();
    WARREN_ASSIGN_OR_RETURN(Member * member, FindSettled(context_id));
    context = member->context;
    if (context == first_) first_gone_.store(true, std::memory_order_release);
    member->hidden = true;
    if (member->dead) members_.erase(members_.begin() + (member - members_.data()));
  }
  context->Kill(StopReason::kDeleted);
  return absl::OkStatus();
}

absl::StatusOr<Sandbox::Member*> Sandbox::FindSettled(const std::string& context_id) {
  Member* member = FindListed(context_id);
  if (member == nullptr) return absl::NotFoundError("no such context");
  if (starting_.contains(member->context->id())) {
    return absl::FailedPreconditionError("the context is being restarted; wait until it is there");
  }
  return member;
}

void Sandbox::AskLauncher(Making start, uint64_t zygote_id) {
  internal::LauncherRequest request;
  internal::StartProcess& process = *request.mutable_start_process();
  process.set_sandbox_id(identity_.id);
  process.set_kind(internal::StartProcess::CONTEXT);
  process.set_zygote_id(zygote_id);
  host_.link.Call(std::move(request), [self = shared_from_this(), start = std::move(start)](
                                          absl::StatusOr<LauncherMessage> reply) mutable {
    self->OnContextStarted(std::move(start), std::move(reply));
  });
}

// In place: what the launcher says next may be that it has ended.
void Sandbox::OnContextStarted(Making start, absl::StatusOr<LauncherMessage> reply) {
  absl::Status status = reply.status();
  // Its member is what has taken of further_contexts.
  bool added_once = false;
  if (status.ok()) {
    const uint64_t process_id = reply->reply.process_started().process_id();
    absl::StatusOr<std::shared_ptr<Context>> added = AddContext(start, *std::move(reply));
    if (added.ok()) {
      auto report = std::make_shared<ReadyCallback>(std::move(start.on_ready));
      status = (*added)->Start(
          shared_from_this(), [weak = weak_from_this(), context = std::weak_ptr<Context>(*added),
                               id = start.context_id, report](absl::Status ready) {
            // Nobody holds a context any more that has ended already.
            auto self = weak.lock();
            if (self) ready = self->OnContextReady(id, context.lock(), std::move(ready));
            (*report)(std::move(ready));
          });
      // It came while the pause was on its way.
      if (!pause_.runs()) (*added)->StandStill();
      if (status.ok()) return;
      start.on_ready = std::move(*report);
      added_once = true;
      MutexLock lock(&mu_);
      if (Member* member = Find(**added)) MarkDead(*member);
    } else {
      status = added.status();
    }
    // It is there all the same, unless the sandbox ends.
    if (!absl::IsCancelled(status)) {
      SendSignal(process_id, internal::SignalProcess::KILL, nullptr);
    }
  }
  {
    MutexLock lock(&mu_);
    starting_.erase(start.context_id);
    if (!added_once && start.counted) host_.further_contexts.Return();
    // NOT_FOUND: as the launcher says it, which may have heard of the end first.
    const bool ended = end_reason_ != StopReason::kNone || gone_ || absl::IsNotFound(status);
    if (!status.ok() && ended) status = EndedMeanwhile();
  }
  host_.loop.Post([on_ready = std::move(start.on_ready), status = std::move(status)]() mutable {
    on_ready(std::move(status));
  });
}

absl::StatusOr<std::shared_ptr<Context>> Sandbox::AddContext(const Making& start,
                                                             LauncherMessage started) {
  WARREN_ASSIGN_OR_RETURN(WorkerPipes pipes, TakeWorkerPipes(started.fds));
  auto context = std::make_shared<Context>(host_, static_cast<ContextHost&>(*this),
                                           start.context_id, std::move(pipes), start.spec);
  MutexLock lock(&mu_);
  if (end_reason_ != StopReason::kNone || gone_) return EndedMeanwhile();
  members_.push_back(Member{started.reply.process_started().process_id(), context,
                            /*ready=*/false, start.counted, start.first});
  return context;
}

absl::Status Sandbox::EndedMeanwhile() const {
  return absl::CancelledError(absl::StrCat("sandbox ", identity_.id,
                                           " ended while a context of it was being started",
                                           death_reason_.empty() ? "" : ": ", death_reason_));
}

absl::Status Sandbox::OnContextReady(const std::string& context_id,
                                     const std::shared_ptr<Context>& context, absl::Status status) {
  MutexLock lock(&mu_);
  starting_.erase(context_id);
  if (!status.ok() && (end_reason_ != StopReason::kNone || gone_)) return EndedMeanwhile();
  if (!status.ok()) return status;
  if (!context || Find(*context) == nullptr)
    return absl::InternalError("the context died as it became ready");
  TakePlace(*context);
  return absl::OkStatus();
}

void Sandbox::TakePlace(const Context& context) {
  Member* fresh = Find(context);
  Member* old = FindListed(context.id());
  fresh->ready = true;
  if (old == nullptr) return;
  if (old->context == first_) first_gone_.store(true, std::memory_order_release);
  // In its place on the list; the old one is behind it, until it is dead.
  std::swap(*fresh, *old);
  fresh->hidden = true;
  if (fresh->dead) members_.erase(members_.begin() + (fresh - members_.data()));
}

void Sandbox::SetEnv(Environment env) {
  if (env.empty()) return;
  {
    MutexLock lock(&mu_);
    env_ = std::make_shared<const Environment>(env);
  }
  first_->SetEnvironment(std::move(env));
}

std::shared_ptr<const Sandbox::Environment> Sandbox::env() const {
  MutexLock lock(&mu_);
  return env_;
}

}  // namespace warren
