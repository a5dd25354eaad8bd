#include "supervisor/session/sandbox.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// Empty for the default one.
absl::string_view NameOf(const std::string& context_id) {
  return context_id.empty() ? absl::string_view(kDefaultContextId) : context_id;
}

// Of one that ended without a context that could tell.
std::string ReasonOf(internal::SandboxGone::Reason reason) {
  switch (reason) {
    case internal::SandboxGone::OUT_OF_MEMORY:
      return "the sandbox used more memory than its limit and was killed; use less, or create it "
             "with a higher memory limit";
    case internal::SandboxGone::INIT_DIED:
      return "the sandbox's init ended, and everything with it";
    default:
      return "it was destroyed";
  }
}

}  // namespace

Sandbox::Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes)
    : host_(host),
      identity_(std::move(identity)),
      first_(std::make_shared<Context>(host, static_cast<ContextHost&>(*this), kDefaultContextId,
                                       std::move(pipes))),
      pause_(host.loop, host.link, identity_.id, *this),
      cpu_millis_(identity_.limits.cpu_millis()),
      output_bytes_limit_(identity_.limits.output_bytes()),
      limits_(identity_.limits),
      stats_(std::move(stats)) {
  members_.push_back(
      Member{kFirstProcess, first_, /*ready=*/true, /*counted=*/false, /*first=*/true});
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

std::shared_ptr<Context> Sandbox::FindContext(const std::string& context_id) const {
  if ((context_id.empty() || context_id == kDefaultContextId) &&
      !first_gone_.load(std::memory_order_acquire)) {
    return first_;
  }
  const absl::string_view name = NameOf(context_id);
  MutexLock lock(&mu_);
  for (const Member& member : members_) {
    if (member.listed() && member.context->id() == name) return member.context;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Context>> Sandbox::contexts() const {
  MutexLock lock(&mu_);
  std::vector<std::shared_ptr<Context>> result;
  for (const Member& member : members_) {
    if (member.listed()) result.push_back(member.context);
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

Sandbox::Member* Sandbox::FindListed(const std::string& context_id) {
  const absl::string_view name = NameOf(context_id);
  auto found = std::find_if(members_.begin(), members_.end(), [&](const Member& member) {
    return member.listed() && member.context->id() == name;
  });
  return found == members_.end() ? nullptr : &*found;
}

bool Sandbox::alive() const {
  MutexLock lock(&mu_);
  return end_reason_ == StopReason::kNone && !gone_;
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
  pause_.Signal(std::move(request),
                [on_sent = std::move(on_sent)](absl::StatusOr<LauncherMessage>) mutable {
                  if (on_sent) on_sent();
                });
}

// ---- The agent and its processes
// --------------------------------------------------------------------------------

std::shared_ptr<AgentLink> Sandbox::agent() {
  MutexLock lock(&mu_);
  return AgentLocked();
}

std::shared_ptr<AgentLink> Sandbox::AgentLocked() {
  if (agent_ == nullptr) {
    agent_ = std::make_shared<AgentLink>(host_, identity_.id);
    // It will not be told.
    if (gone_) agent_->OnSandboxEnds();
  }
  return agent_;
}

std::shared_ptr<ProcessTable> Sandbox::processes() {
  MutexLock lock(&mu_);
  if (processes_ == nullptr) {
    const std::shared_ptr<ProcessHost> self(shared_from_this(), static_cast<ProcessHost*>(this));
    processes_ = std::make_shared<ProcessTable>(host_, self, identity_.id, AgentLocked(), *env_);
  }
  return processes_;
}

void Sandbox::NoteScript(const std::string& execution_id) {
  MutexLock lock(&mu_);
  scripts_.insert(execution_id);
}

void Sandbox::ForgetScript(const std::string& execution_id) {
  MutexLock lock(&mu_);
  scripts_.erase(execution_id);
}

bool Sandbox::HasScript(const std::string& execution_id) const {
  MutexLock lock(&mu_);
  return scripts_.contains(execution_id);
}

void Sandbox::Signal(internal::LauncherRequest request) {
  pause_.Signal(std::move(request), nullptr);
}

std::pair<std::shared_ptr<AgentLink>, std::shared_ptr<ProcessTable>> Sandbox::FindProcesses()
    const {
  MutexLock lock(&mu_);
  return {agent_, processes_};
}

// ---- The end ----------------------------------------------------------------------------------

ContextHost::Reach Sandbox::Kill(Context& context, StopReason reason) {
  if (reason == StopReason::kCpuLimit) {
    // The others must know why before it happens, and their locks must not be taken here.
    host_.loop.Post([weak = weak_from_this(), reason] {
      if (auto self = weak.lock()) self->Destroy(reason);
    });
    return Reach::kSandbox;
  }
  MutexLock lock(&mu_);
  if (end_reason_ != StopReason::kNone) return Reach::kSandbox;
  if (Member* member = Find(context)) {
    SendSignal(member->process_id, internal::SignalProcess::KILL, nullptr);
  }
  return Reach::kContext;
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
}

void Sandbox::SendDestroy(StopReason reason) {
  if (end_reason_ == StopReason::kNone) end_reason_ = reason;
  if (std::exchange(destroy_sent_, true) || gone_) return;
  // Before the launcher can tell of it.
  if (processes_ != nullptr) processes_->NoteEnding(end_reason_);
  // While the cgroup can still tell them.
  ReadTotalsLocked();
  internal::LauncherRequest request;
  request.mutable_destroy_sandbox()->set_sandbox_id(identity_.id);
  host_.link.Call(std::move(request), nullptr);
}

void Sandbox::OnDead(Context& context, const std::string& why, Reach reach) {
  MutexLock lock(&mu_);
  Member* member = Find(context);
  if (member == nullptr || member->dead) return;
  // While the cgroup can still tell them.
  ReadTotalsLocked();
  MarkDead(*member);
  if (reach == Reach::kSandbox) EndLocked(why);
}

void Sandbox::MarkDead(Member& member) {
  member.dead = true;
  if (member.counted) host_.further_contexts.Return();
  if (member.process_id == kFirstProcess && on_death_) {
    host_.loop.Post(std::exchange(on_death_, nullptr));
  }
  // Nobody knows of it.
  if (!member.listed()) members_.erase(members_.begin() + (&member - members_.data()));
}

void Sandbox::EndLocked(const std::string& why) {
  if (death_reason_.empty()) death_reason_ = why;
  SendDestroy(StopReason::kDestroyed);
}

void Sandbox::OnProcessExited(const internal::ProcessExited& event) {
  std::shared_ptr<Context> context;
  {
    MutexLock lock(&mu_);
    for (const Member& member : members_) {
      if (member.process_id == event.process_id()) context = member.context;
    }
  }
  if (!context) {
    auto [agent, processes] = FindProcesses();
    if (agent) agent->OnProcessExited(event.process_id());
    if (processes) processes->OnExited(event);
    return;
  }
  context->OnExited(ContextExit{event.exit_code(), event.signal(), event.sandbox_ends()});
}

void Sandbox::OnGone(const internal::SandboxGone& event) {
  {
    MutexLock lock(&mu_);
    gone_ = true;
    if (end_reason_ == StopReason::kNone) end_reason_ = StopReason::kDestroyed;
    if (!event.stats().empty()) stats_ = SandboxStats(event.stats());
  }
  const bool out_of_memory = event.reason() == internal::SandboxGone::OUT_OF_MEMORY;
  for (const auto& context : AllContexts()) context->OnSandboxGone(out_of_memory);
  auto [agent, processes] = FindProcesses();
  // In this order: those that were being started are told that the sandbox ended, not its agent.
  if (processes) processes->OnSandboxGone(out_of_memory);
  if (agent) agent->OnSandboxEnds();
  if (auto network = FindNetwork()) network->OnSandboxEnds();
  if (auto ports = FindPorts()) ports->OnSandboxEnds();
  MutexLock lock(&mu_);
  ReadTotalsLocked();
  stats_ = SandboxStats();
  if (death_reason_.empty()) death_reason_ = ReasonOf(event.reason());
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
