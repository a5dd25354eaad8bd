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
  ContextProcess process;
  process.interrupt = [this](absl::AnyInvocable<void()> on_sent) {
    SendInterrupt(std::move(on_sent));
  };
  members_.push_back(Member{first_, std::move(process)});
}

Sandbox::~Sandbox() {
  std::vector<std::shared_ptr<Context>> left = contexts();
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

absl::StatusOr<std::shared_ptr<Context>> Sandbox::AddContext(std::string context_id,
                                                             ContextProcess process,
                                                             WorkerPipes pipes,
                                                             ReadyCallback on_ready) {
  auto context = std::make_shared<Context>(host_, static_cast<ContextHost&>(*this),
                                           std::move(context_id), std::move(pipes));
  {
    MutexLock lock(&mu_);
    if (end_reason_ != StopReason::kNone || gone_) {
      return absl::FailedPreconditionError(
          absl::StrCat("sandbox ", identity_.id, " is ending; create a new one"));
    }
    for (const Member& member : members_) {
      if (member.context->id() != context->id()) continue;
      return absl::AlreadyExistsError(
          absl::StrCat("sandbox ", identity_.id, " has a context \"", context->id(), "\" already"));
    }
    members_.push_back(Member{context, std::move(process)});
    ++living_;
  }
  absl::Status started = context->Start(shared_from_this(), std::move(on_ready));
  if (started.ok()) return context;
  // Nothing has seen it, and it sees nothing.
  MutexLock lock(&mu_);
  Find(*context)->dead = true;
  --living_;
  return started;
}

std::shared_ptr<Context> Sandbox::FindContext(const std::string& context_id) const {
  if (context_id.empty() || context_id == kDefaultContextId) return first_;
  MutexLock lock(&mu_);
  for (const Member& member : members_) {
    if (member.context->id() == context_id) return member.context;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Context>> Sandbox::contexts() const {
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
  for (const auto& context : contexts()) {
    if (context->alive()) return true;
  }
  return false;
}

void Sandbox::Interrupt(Context& context, absl::AnyInvocable<void()> on_sent) {
  std::function<void(absl::AnyInvocable<void()>)> interrupt;
  {
    MutexLock lock(&mu_);
    Member* member = Find(context);
    if (member != nullptr) interrupt = member->process.interrupt;
  }
  if (interrupt) return interrupt(std::move(on_sent));
  host_.loop.Post(std::move(on_sent));
}

void Sandbox::SendInterrupt(absl::AnyInvocable<void()> on_sent) {
  internal::LauncherRequest request;
  internal::SignalProcess& signal = *request.mutable_signal_process();
  signal.set_sandbox_id(identity_.id);
  signal.set_process_id(kFirstProcess);
  signal.set_signal(internal::SignalProcess::INTERRUPT);
  host_.link.Call(std::move(request), [on_sent = std::move(on_sent)](
                                          absl::StatusOr<LauncherMessage>) mutable { on_sent(); });
}

// ---- The end ----------------------------------------------------------------------------------

ContextHost::Reach Sandbox::Kill(Context& context, StopReason reason) {
  MutexLock lock(&mu_);
  Member* member = Find(context);
  const bool last = living_ <= 1;
  if (!last && reason != StopReason::kCpuLimit && member != nullptr && member->process.kill) {
    member->process.kill();
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
  for (const auto& context : contexts()) context->End(reason);
  MutexLock lock(&mu_);
  SendDestroy(reason);
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
  if (member == nullptr || std::exchange(member->dead, true) || --living_ > 0) return;
  ReadTotalsLocked();
  stats_ = SandboxStats();
  death_reason_ = why;
  // What its contexts left running ends with them.
  SendDestroy(StopReason::kDestroyed);
  if (on_death_) host_.loop.Post(std::move(on_death_));
  on_death_ = nullptr;
}

void Sandbox::OnProcessExited(const internal::ProcessExited& event) {
  if (event.process_id() != kFirstProcess) return;
  first_->OnExited(ContextExit{event.exit_code(), event.signal(), event.sandbox_ends()});
}

void Sandbox::OnGone(const internal::SandboxGone& event) {
  {
    MutexLock lock(&mu_);
    gone_ = true;
    if (end_reason_ == StopReason::kNone) end_reason_ = StopReason::kDestroyed;
    if (living_ > 0 && !event.stats().empty()) stats_ = SandboxStats(event.stats());
  }
  const bool out_of_memory = event.reason() == internal::SandboxGone::OUT_OF_MEMORY;
  for (const auto& context : contexts()) context->OnSandboxGone(out_of_memory);
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
