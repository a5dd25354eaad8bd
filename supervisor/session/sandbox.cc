#include "supervisor/session/sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {

Sandbox::Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes)
    : host_(host),
      identity_(std::move(identity)),
      first_(std::make_shared<Context>(host, static_cast<ContextHost&>(*this), kDefaultContextId,
                                       std::move(pipes))),
      stats_(std::move(stats)) {
  members_.push_back(Member{kFirstProcess, first_, /*ready=*/true});
}

Sandbox::~Sandbox() {
  std::vector<std::shared_ptr<Context>> left = AllContexts();
  for (const auto& context : left) context->Abandon();
}

// ---- Contexts ---------------------------------------------------------------------------------

absl::Status Sandbox::Start(ReadyCallback on_ready, DeathCallback on_death) {
  {
    MutexLock lock(&mu_);
    on_death_ = std::move(on_death);
  }
  return first_->Start(shared_from_this(), std::move(on_ready));
}

absl::Status Sandbox::Admit(const std::string& context_id) const {
  if (end_reason_ != StopReason::kNone || gone_) {
    return absl::FailedPreconditionError(
        absl::StrCat("sandbox ", identity_.id, " is ending; create a new one"));
  }
  const bool taken = context_id == kDefaultContextId || starting_.contains(context_id) ||
                     std::any_of(members_.begin(), members_.end(), [&](const Member& member) {
                       return member.context->id() == context_id;
                     });
  if (taken) {
    return absl::AlreadyExistsError(
        absl::StrCat("sandbox ", identity_.id, " has a context \"", context_id, "\" already"));
  }
  if (members_.size() + starting_.size() >= kMaxContexts) {
    return absl::ResourceExhaustedError(
        absl::StrCat("sandbox ", identity_.id, " has ", kMaxContexts,
                     " contexts, those that have ended included; delete one first"));
  }
  return absl::OkStatus();
}

absl::Status Sandbox::StartContext(std::string context_id, uint64_t zygote_id,
                                   ReadyCallback on_ready) {
  {
    MutexLock lock(&mu_);
    WARREN_RETURN_IF_ERROR(Admit(context_id));
    if (!host_.further_contexts.TryTake()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "all sandboxes together have ", host_.further_contexts.most(),
          " contexts beside their first ones, which is what the server's open files are enough "
          "for: delete some, or raise its hard limit (ulimit -Hn)"));
    }
    starting_.insert(context_id);
  }
  internal::LauncherRequest request;
  internal::StartProcess& start = *request.mutable_start_process();
  start.set_sandbox_id(identity_.id);
  start.set_kind(internal::StartProcess::CONTEXT);
  start.set_zygote_id(zygote_id);
  host_.link.Call(std::move(request),
                  [self = shared_from_this(), context_id = std::move(context_id),
                   on_ready = std::move(on_ready)](absl::StatusOr<LauncherMessage> reply) mutable {
                    self->OnContextStarted(context_id, std::move(reply), std::move(on_ready));
                  });
  return absl::OkStatus();
}

// In place: what the launcher says next may be that it has ended.
void Sandbox::OnContextStarted(const std::string& context_id, absl::StatusOr<LauncherMessage> reply,
                               ReadyCallback on_ready) {
  absl::Status status = reply.status();
  // AddContext took it off those that are starting.
  bool added_once = false;
  if (status.ok()) {
    const uint64_t process_id = reply->reply.process_started().process_id();
    absl::StatusOr<std::shared_ptr<Context>> added = AddContext(context_id, *std::move(reply));
    if (added.ok()) {
      auto report = std::make_shared<ReadyCallback>(std::move(on_ready));
      status = (*added)->Start(shared_from_this(),
                               [weak = weak_from_this(), context = std::weak_ptr<Context>(*added),
                                report](absl::Status ready) {
                                 auto self = weak.lock();
                                 auto started = context.lock();
                                 if (self && started)
                                   ready = self->OnContextReady(*started, std::move(ready));
                                 (*report)(std::move(ready));
                               });
      if (status.ok()) return;
      on_ready = std::move(*report);
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
    // By then another may be starting under its name.
    if (!added_once && starting_.erase(context_id) > 0) host_.further_contexts.Return();
    EndIfLast(std::string(status.message()));
  }
  host_.loop.Post([on_ready = std::move(on_ready), status = std::move(status)]() mutable {
    on_ready(std::move(status));
  });
}

absl::StatusOr<std::shared_ptr<Context>> Sandbox::AddContext(const std::string& context_id,
                                                             LauncherMessage started) {
  WARREN_ASSIGN_OR_RETURN(WorkerPipes pipes, TakeWorkerPipes(started.fds));
  auto context = std::make_shared<Context>(host_, static_cast<ContextHost&>(*this), context_id,
                                           std::move(pipes));
  MutexLock lock(&mu_);
  if (end_reason_ != StopReason::kNone || gone_) {
    return absl::CancelledError(
        absl::StrCat("sandbox ", identity_.id, " ended while a context of it was being started"));
  }
  starting_.erase(context_id);
  members_.push_back(Member{started.reply.process_started().process_id(), context});
  ++living_;
  return context;
}

absl::Status Sandbox::OnContextReady(const Context& context, absl::Status status) {
  if (!status.ok()) return status;
  MutexLock lock(&mu_);
  Member* member = Find(context);
  if (member == nullptr) return absl::InternalError("the context died as it became ready");
  member->ready = true;
  return absl::OkStatus();
}

std::shared_ptr<Context> Sandbox::FindContext(const std::string& context_id) const {
  if (context_id.empty() || context_id == kDefaultContextId) return first_;
  MutexLock lock(&mu_);
  for (const Member& member : members_) {
    if (member.ready && member.context->id() == context_id) return member.context;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Context>> Sandbox::contexts() const {
  MutexLock lock(&mu_);
  std::vector<std::shared_ptr<Context>> result;
  for (const Member& member : members_) {
    if (member.ready) result.push_back(member.context);
  }
  return result;
}

std::vector<std::shared_ptr<Context>> Sandbox::AllContexts() const {
  MutexLock lock(&mu_);
  std::vector<std::shared_ptr<Context>> result;
  result.reserve(members_.size());
  for (const Member& member : members_) result.push_back(member.context);
  return result;
}

Sandbox::Member* Sandbox::Find(const Context& context) {
  auto found = std::find_if(members_.begin(), members_.end(),
                            [&](const Member& member) { return member.context.get() == &context; });
  return found == members_.end() ? nullptr : &*found;
}

void Sandbox::RemoveContext(const Context& context) {
  MutexLock lock(&mu_);
  members_.erase(std::remove_if(members_.begin(), members_.end(),
                                [&](const Member& member) {
                                  return member.dead && member.context.get() == &context;
                                }),
                 members_.end());
}

bool Sandbox::alive() const {
  if (first_->alive()) return true;
  for (const auto& context : AllContexts()) {
    if (context->alive()) return true;
  }
  MutexLock lock(&mu_);
  if (end_reason_ != StopReason::kNone || gone_) return false;
  return !starting_.empty() ||
         std::any_of(members_.begin(), members_.end(),
                     [](const Member& member) { return !member.ready && !member.dead; });
}

size_t Sandbox::Living() const {
  return living_ + (end_reason_ == StopReason::kNone && !gone_ ? starting_.size() : 0);
}

void Sandbox::Interrupt(Context& context, absl::AnyInvocable<void()> on_sent) {
  uint64_t process_id;
  {
    MutexLock lock(&mu_);
    Member* member = Find(context);
    if (member == nullptr) return host_.loop.Post(std::move(on_sent));
    process_id = member->process_id;
  }
  SendSignal(process_id, internal::SignalProcess::INTERRUPT, std::move(on_sent));
}

void Sandbox::SendSignal(uint64_t process_id, internal::SignalProcess::Signal signal,
                         absl::AnyInvocable<void()> on_sent) {
  internal::LauncherRequest request;
  internal::SignalProcess& send = *request.mutable_signal_process();
  send.set_sandbox_id(identity_.id);
  send.set_process_id(process_id);
  send.set_signal(signal);
  host_.link.Call(std::move(request),
                  [on_sent = std::move(on_sent)](absl::StatusOr<LauncherMessage>) mutable {
                    if (on_sent) on_sent();
                  });
}

// ---- The end ----------------------------------------------------------------------------------

ContextHost::Reach Sandbox::Kill(Context& context, StopReason reason) {
  MutexLock lock(&mu_);
  Member* member = Find(context);
  const bool last = Living() <= 1;
  if (!last && reason != StopReason::kCpuLimit && member != nullptr) {
    SendSignal(member->process_id, internal::SignalProcess::KILL, nullptr);
    return Reach::kContext;
  }
  if (last) {
    SendDestroy(reason);
  } else {
    // The others must know why before it happens, and their locks must not be taken here.
    host_.loop.Post([weak = weak_from_this(), reason] {
      if (auto self = weak.lock()) self->Destroy(reason);
    });
  }
  return Reach::kSandbox;
}

void Sandbox::Destroy(StopReason reason) {
  {
    MutexLock lock(&mu_);
    // From here on nothing is added.
    if (end_reason_ == StopReason::kNone) end_reason_ = reason;
  }
  for (const auto& context : AllContexts()) context->End(reason);
  MutexLock lock(&mu_);
  SendDestroy(reason);
  EndIfLast("it was destroyed while its only context was being started");
}

void Sandbox::SendDestroy(StopReason reason) {
  if (end_reason_ == StopReason::kNone) end_reason_ = reason;
  if (std::exchange(destroy_sent_, true) || gone_) return;
  // While the cgroup can still tell them.
  ReadTotalsLocked();
  internal::LauncherRequest request;
  request.mutable_destroy_sandbox()->set_sandbox_id(identity_.id);
  host_.link.Call(std::move(request), nullptr);
}

void Sandbox::OnDead(Context& context, const std::string& why) {
  MutexLock lock(&mu_);
  Member* member = Find(context);
  if (member == nullptr || member->dead) return;
  MarkDead(*member);
  EndIfLast(why);
}

void Sandbox::MarkDead(Member& member) {
  member.dead = true;
  --living_;
  if (member.process_id != kFirstProcess) host_.further_contexts.Return();
  // Nobody knows of it.
  if (!member.ready) members_.erase(members_.begin() + (&member - members_.data()));
}

void Sandbox::EndIfLast(const std::string& why) {
  if (Living() > 0 || !death_reason_.empty()) return;
  ReadTotalsLocked();
  stats_ = SandboxStats();
  death_reason_ = why;
  SendDestroy(StopReason::kDestroyed);
  if (on_death_) host_.loop.Post(std::move(on_death_));
  on_death_ = nullptr;
}

void Sandbox::OnProcessExited(const internal::ProcessExited& event) {
  std::shared_ptr<Context> context;
  {
    MutexLock lock(&mu_);
    for (const Member& member : members_) {
      if (member.process_id == event.process_id()) context = member.context;
    }
  }
  if (!context) return;
  context->OnExited(ContextExit{event.exit_code(), event.signal(), event.sandbox_ends()});
}

void Sandbox::OnGone(const internal::SandboxGone& event) {
  {
    MutexLock lock(&mu_);
    gone_ = true;
    if (end_reason_ == StopReason::kNone) end_reason_ = StopReason::kDestroyed;
    if (living_ > 0 && !event.stats().empty()) stats_ = SandboxStats(event.stats());
    EndIfLast("it ended while its only context was being started");
  }
  const bool out_of_memory = event.reason() == internal::SandboxGone::OUT_OF_MEMORY;
  for (const auto& context : AllContexts()) context->OnSandboxGone(out_of_memory);
}

// ---- Facts ------------------------------------------------------------------------------------

std::string Sandbox::death_reason() const {
  MutexLock lock(&mu_);
  return death_reason_;
}

int64_t Sandbox::ReadMemory() const {
  MutexLock lock(&mu_);
  return stats_.ReadMemory().value_or(0);
}

CpuTime Sandbox::ReadCpu() {
  MutexLock lock(&mu_);
  return stats_.ReadCpu().value_or(totals_.cpu);
}

std::optional<int64_t> Sandbox::ReadOomKills() {
  MutexLock lock(&mu_);
  return stats_.ReadOomKills();
}

void Sandbox::CountOutput(int64_t bytes) {
  output_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

SandboxTotals Sandbox::ReadTotals() {
  MutexLock lock(&mu_);
  return ReadTotalsLocked();
}

// Keeps the last values that could be read: the cgroup goes before the question does.
SandboxTotals Sandbox::ReadTotalsLocked() {
  if (auto cpu = stats_.ReadCpu()) totals_.cpu = *cpu;
  // Where the kernel keeps no mark they are current values, and nothing is left at the end.
  if (auto peak = stats_.ReadPeakMemory()) {
    totals_.peak_memory_bytes = std::max(totals_.peak_memory_bytes, *peak);
  }
  if (auto pids = stats_.ReadPeakPids()) totals_.peak_pids = std::max(totals_.peak_pids, *pids);
  totals_.output_bytes = output_bytes_.load(std::memory_order_relaxed);
  return totals_;
}

}  // namespace warren
