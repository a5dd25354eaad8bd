#include "runtime/launch/launcher/launcher.h"

#include <sys/wait.h>

#include <algorithm>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxRequest = 64 << 10;
// All times are those of a host of pace 1 (docs/TIMING.md): see Launcher::AtPace.
constexpr seconds kLaunchDeadline(30);
constexpr seconds kZygoteDeadline(120);
// From a kill to the end of nearly all sandboxes.
constexpr milliseconds kUsualEnd(50);
// Between the attempts to remove a dead sandbox's cgroup: twice as long each time, up to the
// longest, however many it takes. The slot with its user ids is given to nobody else before that is
// done.
constexpr milliseconds kFirstRemoveInterval(2);
constexpr milliseconds kLongestRemoveInterval(64);
// How often the sandboxes are sorted by their CPU time, and the share of a processor that one may
// use in between before it runs in the background. A cell of an agent at work takes milliseconds.
constexpr milliseconds kSortInterval(250);
constexpr int kCpuAllowanceShare = 5;
// After an interrupt; see SandboxProcess::Nudge.
constexpr milliseconds kNudgeDelays[] = {milliseconds(10), milliseconds(100), milliseconds(1000)};

// Names become directories of a cgroup file system.
bool ValidSandboxId(const std::string& id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
}

std::string NotReadyWithin(EventLoop::Clock::duration time) {
  return absl::StrCat("not ready within ", std::chrono::round<seconds>(time).count(), " s");
}

}  // namespace

Launcher::Launcher(const LauncherConfig& config, EventLoop loop, IdZones ids, Janitor janitor,
                   LaunchResources resources, std::map<std::string, LaunchTemplate> templates)
    : config_(config),
      loop_(std::move(loop)),
      ids_(std::move(ids)),
      janitor_(std::move(janitor)),
      resources_(std::move(resources)),
      templates_(std::move(templates)),
      slots_(config.max_sandboxes),
      pace_(std::max(resources_.facts.pace(), 1.0)) {}

Launcher::~Launcher() {
  // First the processes, all at once through the anchor; then what the kernel leaves behind.
  resources_.anchor.Stop();
  zygotes_.clear();
  sandboxes_.clear();
  janitor_.Finish();
}

absl::Status Launcher::Run() {
  internal::LauncherReply hello;
  *hello.mutable_hello()->mutable_facts() = resources_.facts;
  Send(hello, {});
  WARREN_RETURN_IF_ERROR(loop_.Watch(config_.socket, [this] { OnSupervisor(); }));
  WARREN_RETURN_IF_ERROR(loop_.Watch(resources_.anchor.pidfd(), [this] {
    spdlog::critical("event=anchor_died");
    loop_.Stop();
  }));
  loop_.After(AtPace(kSortInterval), [this] { SortByCpuTime(); });
  return loop_.Run();
}

EventLoop::Clock::duration Launcher::AtPace(milliseconds time) const {
  return std::chrono::duration_cast<EventLoop::Clock::duration>(time * pace_);
}

void Launcher::OnSupervisor() {
  absl::StatusOr<Message> message = ReceiveMessage(config_.socket, kMaxRequest);
  if (!message.ok() || message->data.empty()) {
    loop_.Stop();
    return;
  }
  internal::LauncherRequest request;
  if (!request.ParseFromString(message->data) || request.request_id() == 0) {
    spdlog::critical("event=bad_request bytes={}", message->data.size());
    loop_.Stop();
    return;
  }
  Dispatch(request);
}

void Launcher::Dispatch(const internal::LauncherRequest& request) {
  uint64_t id = request.request_id();
  absl::Status status;
  switch (request.request_case()) {
    case internal::LauncherRequest::kStartZygote:
      status = HandleStartZygote(id, request.start_zygote());
      break;
    case internal::LauncherRequest::kLaunchSandbox:
      status = HandleLaunch(id, request.launch_sandbox());
      break;
    case internal::LauncherRequest::kStopZygote:
      EndZygote(request.stop_zygote().zygote_id(), "stopped");
      return Reply(id, absl::OkStatus());
    case internal::LauncherRequest::kInterruptContext:
      return Reply(id, HandleInterrupt(request.interrupt_context().sandbox_id()));
    case internal::LauncherRequest::kDestroySandbox:
      return Reply(id, HandleDestroy(request.destroy_sandbox().sandbox_id()));
    case internal::LauncherRequest::REQUEST_NOT_SET:
      status = absl::InvalidArgumentError("a request of no known kind");
  }
  // StartZygote and LaunchSandbox reply later, when they go well.
  if (!status.ok()) Reply(id, status);
}

void Launcher::Reply(uint64_t request_id, const absl::Status& status) {
  internal::LauncherReply reply;
  reply.set_request_id(request_id);
  reply.set_code(static_cast<int32_t>(status.code()));
  reply.set_message(std::string(status.message()));
  Send(reply, {});
}

void Launcher::Send(const internal::LauncherReply& reply, std::span<const int> fds) {
  absl::Status status = SendMessage(config_.socket, reply.SerializeAsString(), fds);
  // The supervisor is gone: nothing here has a purpose any more.
  if (!status.ok()) loop_.Stop();
}

absl::StatusOr<LaunchTemplate*> Launcher::FindTemplate(const std::string& id) {
  auto found = templates_.find(id);
  if (found == templates_.end())
    return absl::NotFoundError(absl::StrCat("no template \"", absl::CEscape(id), "\""));
  const std::string& unavailable = found->second.source.unavailable;
  if (!unavailable.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("template ", id, " is ", unavailable));
  }
  return &found->second;
}

// ---- Zygotes
// --------------------------------------------------------------------------------------------------------

absl::Status Launcher::HandleStartZygote(uint64_t request_id,
                                         const internal::StartZygote& request) {
  WARREN_ASSIGN_OR_RETURN(LaunchTemplate * source, FindTemplate(request.template_id()));
  uint64_t id = next_id_++;
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<ZygoteProcess> process,
                          ZygoteProcess::Start(resources_, id, *source));
  WARREN_RETURN_IF_ERROR(loop_.Watch(process->control(), [this, id] { OnZygote(id); }));
  Zygote& zygote = zygotes_[id];
  zygote.process = std::move(process);
  zygote.request_id = request_id;
  zygote.started = EventLoop::Clock::now();
  zygote.deadline = loop_.After(AtPace(kZygoteDeadline), [this, id] {
    EndZygote(id, NotReadyWithin(AtPace(kZygoteDeadline)));
  });
  return absl::OkStatus();
}

void Launcher::OnZygote(uint64_t zygote_id) {
  auto found = zygotes_.find(zygote_id);
  if (found == zygotes_.end()) return;
  Zygote& zygote = found->second;
  absl::StatusOr<ZygoteProcess::Event> event = zygote.process->Receive();
  if (!event.ok()) {
    if (!absl::IsUnavailable(event.status()))
      EndZygote(zygote_id, std::string(event.status().message()));
    return;
  }
  const ZygoteMessage& message = event->message;
  switch (message.kind) {
    case ZygoteMessageKind::kReady:
      return OnZygoteReady(zygote, event->text);
    case ZygoteMessageKind::kForked:
      return OnForked(message.context_id, zygote, *std::move(event));
    case ZygoteMessageKind::kExited:
      return OnContextExited(zygote, message.pid, message.status);
    case ZygoteMessageKind::kFailed:
      break;
  }
  auto fork = forks_.find(message.context_id);
  std::string why = absl::StrCat("zygote of ", zygote.process->template_id(), ": ", event->text);
  // Context 0 is the zygote itself.
  if (message.context_id == 0) return EndZygote(zygote_id, why);
  // Destroyed meanwhile.
  if (fork == forks_.end()) return;
  std::string sandbox_id = fork->second;
  FailLaunch(sandbox_id, absl::InternalError(why));
}

void Launcher::OnZygoteReady(Zygote& zygote, const std::string& version) {
  if (zygote.request_id == 0) return;
  loop_.Cancel(zygote.deadline);
  auto elapsed = std::chrono::duration_cast<milliseconds>(EventLoop::Clock::now() - zygote.started);
  internal::LauncherReply reply;
  reply.set_request_id(zygote.request_id);
  zygote.request_id = 0;
  reply.mutable_zygote_started()->set_zygote_id(zygote.process->id());
  reply.mutable_zygote_started()->set_python_version(version);
  reply.mutable_zygote_started()->set_warm_ms(elapsed.count());
  spdlog::info("event=zygote_ready zygote={} template={} ms={}", zygote.process->id(),
               zygote.process->template_id(), elapsed.count());
  Send(reply, {});
}

void Launcher::OnForked(uint64_t context_id, Zygote& zygote, ZygoteProcess::Event event) {
  auto fork = forks_.find(context_id);
  // Destroyed meanwhile.
  if (fork == forks_.end()) return;
  std::string id = fork->second;
  forks_.erase(fork);
  Sandbox& sandbox = sandboxes_.at(id);
  zygote.contexts[event.message.pid] = id;
  sandbox.process->OnForked(std::move(event.pidfd));
  ReplyWhenComplete(id, sandbox);
}

void Launcher::ReplyWhenComplete(const std::string& id, Sandbox& sandbox) {
  if (!sandbox.process->complete()) return;
  absl::StatusOr<SandboxProcess::Reply> parts = sandbox.process->TakeReply();
  if (!parts.ok()) return FailLaunch(id, parts.status());
  internal::LauncherReply reply;
  reply.set_request_id(sandbox.request_id);
  *reply.mutable_sandbox_launched() = std::move(parts->message);
  std::vector<int> fds;
  for (const UniqueFd& fd : parts->fds) fds.push_back(fd.get());
  loop_.Cancel(sandbox.deadline);
  sandbox.request_id = 0;
  Send(reply, fds);
}

void Launcher::OnContextExited(Zygote& zygote, int32_t pid, int32_t wait_status) {
  auto found = zygote.contexts.find(pid);
  if (found == zygote.contexts.end()) return;
  internal::LauncherReply event;
  internal::ContextExited* exited = event.mutable_context_exited();
  exited->set_sandbox_id(found->second);
  auto sandbox = sandboxes_.find(found->second);
  exited->set_sandbox_ends(sandbox != sandboxes_.end() &&
                           (sandbox->second.dying || sandbox->second.process->RanOutOfMemory()));
  zygote.contexts.erase(found);
  if (WIFSIGNALED(wait_status)) {
    exited->set_signal(WTERMSIG(wait_status));
  } else {
    exited->set_exit_code(WEXITSTATUS(wait_status));
  }
  Send(event, {});
}

void Launcher::EndZygote(uint64_t zygote_id, const std::string& reason) {
  auto found = zygotes_.find(zygote_id);
  if (found == zygotes_.end()) return;
  Zygote zygote = std::move(found->second);
  zygotes_.erase(found);
  loop_.Unwatch(zygote.process->control());
  loop_.Cancel(zygote.deadline);
  spdlog::info("event=zygote_ended zygote={} reason=\"{}\"", zygote_id, absl::CEscape(reason));
  if (zygote.request_id != 0) Reply(zygote.request_id, absl::InternalError(reason));
  std::vector<std::string> waiting;
  for (const auto& [id, sandbox] : sandboxes_) {
    if (sandbox.zygote_id == zygote_id && sandbox.request_id != 0) waiting.push_back(id);
  }
  for (const std::string& id : waiting)
    FailLaunch(id, absl::UnavailableError(absl::StrCat("zygote ended: ", reason)));
  internal::LauncherReply event;
  event.mutable_zygote_exited()->set_zygote_id(zygote_id);
  event.mutable_zygote_exited()->set_reason(reason);
  Send(event, {});
}

// ---- Sandboxes
// ------------------------------------------------------------------------------------------------------

absl::Status Launcher::HandleLaunch(uint64_t request_id, const internal::LaunchSandbox& request) {
  const std::string& id = request.plan().sandbox_id();
  if (!ValidSandboxId(id) || sandboxes_.contains(id)) {
    return absl::InvalidArgumentError("the plan's sandbox id is malformed or taken");
  }
  WARREN_ASSIGN_OR_RETURN(LaunchTemplate * source, FindTemplate(request.plan().template_id()));
  auto zygote = zygotes_.find(request.zygote_id());
  if (zygote == zygotes_.end() ||
      zygote->second.process->template_id() != request.plan().template_id()) {
    return absl::UnavailableError(absl::StrCat("zygote ", request.zygote_id(), " is gone"));
  }
  WARREN_ASSIGN_OR_RETURN(uint32_t slot, slots_.Take());
  absl::StatusOr<std::unique_ptr<SandboxProcess>> process =
      SandboxProcess::Start(resources_, request.plan(), slot);
  if (!process.ok()) {
    slots_.Return(slot);
    return process.status();
  }
  Sandbox& sandbox = sandboxes_[id];
  sandbox.process = *std::move(process);
  sandbox.request_id = request_id;
  sandbox.zygote_id = request.zygote_id();
  sandbox.context_id = next_id_++;
  sandbox.deadline = loop_.After(AtPace(kLaunchDeadline), [this, id] {
    FailLaunch(id, absl::DeadlineExceededError(NotReadyWithin(AtPace(kLaunchDeadline))));
  });
  absl::Status status = sandbox.process->SetUp(resources_, *source);
  // Also after a failure: its end is waited for as any other's.
  if (sandbox.process->pidfd() >= 0) status.Update(WatchSandbox(id, *sandbox.process));
  // At once: the heavy fork and init's set-up take place side by side.
  forks_[sandbox.context_id] = id;
  if (status.ok()) {
    status = sandbox.process->Fork(*zygote->second.process, sandbox.context_id, resources_);
  }
  if (!status.ok()) FailLaunch(id, status);
  return absl::OkStatus();
}

absl::Status Launcher::WatchSandbox(const std::string& id, SandboxProcess& process) {
  WARREN_RETURN_IF_ERROR(loop_.Watch(process.control(), [this, id] { OnInitReady(id); }));
  WARREN_RETURN_IF_ERROR(loop_.Watch(process.pidfd(), [this, id] { OnSandboxDead(id); }));
  if (process.out_of_memory_event() < 0) return absl::OkStatus();
  return loop_.Watch(process.out_of_memory_event(), [this, id] { OnOutOfMemory(id); });
}

void Launcher::OnInitReady(const std::string& id) {
  Sandbox& sandbox = sandboxes_.at(id);
  // Init says one thing in its life; after that its pidfd tells the rest.
  loop_.Unwatch(sandbox.process->control());
  if (sandbox.dying) return;
  absl::Status status = sandbox.process->OnInitReady();
  if (!status.ok()) return FailLaunch(id, status);
  ReplyWhenComplete(id, sandbox);
}

void Launcher::OnOutOfMemory(const std::string& id) {
  Sandbox& sandbox = sandboxes_.at(id);
  // The kernel kills one process; the promise is that the whole sandbox goes. Reading the eventfd
  // is not needed: the watch ends here.
  loop_.Unwatch(sandbox.process->out_of_memory_event());
  if (!sandbox.dying) KillSandbox(sandbox, internal::SandboxGone::OUT_OF_MEMORY);
}

void Launcher::FailLaunch(const std::string& id, const absl::Status& status) {
  auto found = sandboxes_.find(id);
  if (found == sandboxes_.end() || found->second.dying) return;
  Sandbox& sandbox = found->second;
  spdlog::warn("event=launch_failed sandbox={} error=\"{}\"", id, absl::CEscape(status.message()));
  uint64_t request_id = std::exchange(sandbox.request_id, 0);
  KillSandbox(sandbox, internal::SandboxGone::SETUP_FAILED);
  if (request_id != 0) Reply(request_id, status);
  if (sandbox.process->pidfd() < 0) OnSandboxDead(id);
}

void Launcher::KillSandbox(Sandbox& sandbox, internal::SandboxGone::Reason reason) {
  sandbox.dying = true;
  sandbox.reason = reason;
  forks_.erase(sandbox.context_id);
  loop_.Cancel(sandbox.deadline);
  sandbox.process->Kill();
  // Until OnSandboxDead. Not at once: lifting the quota costs every sandbox more than it helps
  // most.
  sandbox.deadline =
      loop_.After(AtPace(kUsualEnd), [process = sandbox.process.get()] { process->HurryEnd(); });
}

void Launcher::SortByCpuTime() {
  loop_.After(AtPace(kSortInterval), [this] { SortByCpuTime(); });
  absl::StatusOr<int64_t> now = resources_.cgroups.CpuTimeUs();
  if (!now.ok()) return;
  // Where all of them together keep within what one may use, a thousand need not be asked.
  const int64_t share =
      std::chrono::duration_cast<std::chrono::microseconds>(AtPace(kSortInterval)).count() /
      kCpuAllowanceShare;
  bool busy = *now - std::exchange(cpu_time_us_, *now) > share;
  bool was_busy = std::exchange(busy_, busy);
  if (!busy && !was_busy) return;
  // The first time after a rest tells only from where to count.
  const int64_t allowance = was_busy ? share : std::numeric_limits<int64_t>::max();
  for (auto& [id, sandbox] : sandboxes_) {
    if (!sandbox.dying) sandbox.process->SortByCpuTime(allowance);
  }
}

absl::Status Launcher::HandleInterrupt(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end()) return absl::NotFoundError("no such sandbox");
  WARREN_RETURN_IF_ERROR(found->second.process->Interrupt());
  // Instead of those after an earlier one: a client may ask a thousand times a second.
  std::vector<EventLoop::TimerId>& nudges = found->second.nudges;
  for (EventLoop::TimerId nudge : std::exchange(nudges, {})) loop_.Cancel(nudge);
  for (auto delay : kNudgeDelays) {
    nudges.push_back(loop_.After(AtPace(delay), [this, sandbox_id] {
      auto interrupted = sandboxes_.find(sandbox_id);
      if (interrupted != sandboxes_.end()) interrupted->second.process->Nudge();
    }));
  }
  return absl::OkStatus();
}

absl::Status Launcher::HandleDestroy(const std::string& sandbox_id) {
  auto found = sandboxes_.find(sandbox_id);
  if (found == sandboxes_.end()) return absl::NotFoundError("no such sandbox");
  Sandbox& sandbox = found->second;
  if (sandbox.dying) return absl::OkStatus();
  uint64_t request_id = std::exchange(sandbox.request_id, 0);
  KillSandbox(sandbox, internal::SandboxGone::DESTROYED);
  if (request_id != 0) Reply(request_id, absl::CancelledError("destroyed while it was being made"));
  return absl::OkStatus();
}

void Launcher::OnSandboxDead(const std::string& id) {
  Sandbox& sandbox = sandboxes_.at(id);
  loop_.Unwatch(sandbox.process->pidfd());
  loop_.Unwatch(sandbox.process->control());
  loop_.Unwatch(sandbox.process->out_of_memory_event());
  loop_.Cancel(sandbox.deadline);
  // Nobody asked for it: was it the kernel, for memory? (v2's group kill takes init along; during
  // the set-up its control socket's end, which fails the launch, is noticed first.)
  if (sandbox.reason != internal::SandboxGone::DESTROYED && sandbox.process->RanOutOfMemory())
    sandbox.reason = internal::SandboxGone::OUT_OF_MEMORY;
  // The supervisor may come to read them when the cgroup is gone. It has, before it destroys.
  if (sandbox.reason != internal::SandboxGone::DESTROYED) {
    sandbox.last_stats = sandbox.process->ReadStats();
  }
  if (sandbox.request_id != 0) {
    Reply(std::exchange(sandbox.request_id, 0),
          absl::InternalError("the sandbox's init died during its set-up"));
  }
  sandbox.dying = true;
  forks_.erase(sandbox.context_id);
  RemoveSandbox(id, 0);
}

void Launcher::RemoveSandbox(const std::string& id, int attempts) {
  constexpr int kDoublings = 5;
  // Some seconds.
  constexpr int kUnusual = 100;
  Sandbox& sandbox = sandboxes_.at(id);
  absl::Status status = sandbox.process->Remove();
  if (absl::IsFailedPrecondition(status)) {
    // Something in it still ends; a slow host takes its time.
    if (attempts == kUnusual) spdlog::warn("event=remove_takes_long sandbox={}", id);
    const milliseconds wait = kFirstRemoveInterval * (1 << std::min(attempts, kDoublings));
    loop_.After(std::min(wait, kLongestRemoveInterval),
                [this, id, attempts] { RemoveSandbox(id, attempts + 1); });
    return;
  }
  if (!status.ok())
    spdlog::error("event=remove_failed sandbox={} error=\"{}\"", id, std::string(status.message()));
  internal::LauncherReply event;
  event.mutable_sandbox_gone()->set_sandbox_id(id);
  event.mutable_sandbox_gone()->set_reason(sandbox.reason);
  *event.mutable_sandbox_gone()->mutable_stats() = std::move(sandbox.last_stats);
  slots_.Return(sandbox.process->slot());
  auto zygote = zygotes_.find(sandbox.zygote_id);
  if (zygote != zygotes_.end()) {
    std::erase_if(zygote->second.contexts,
                  [&](const auto& context) { return context.second == id; });
  }
  sandboxes_.erase(id);
  Send(event, {});
}

}  // namespace warren
