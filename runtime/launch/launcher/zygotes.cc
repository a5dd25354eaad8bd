#include <sys/wait.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "runtime/launch/launcher/launcher.h"
#include "spdlog/spdlog.h"

// The launcher's zygotes: started, asked, ended.
namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// On a host of pace 1 (docs/TIMING.md): see Launcher::AtPace.
constexpr seconds kZygoteDeadline(120);
// The one that is forked from, the next one while it warms up, and those whose last forks are under
// way.
constexpr int kMaxZygotesPerTemplate = 4;
// One that is ended alive could go on for ever.
constexpr int kMaxLastWords = 1000;

std::string HowItEnded(int wait_status) {
  if (WIFSTOPPED(wait_status)) {
    return absl::StrCat("stopped by signal ", WSTOPSIG(wait_status),
                        "; a zygote that is stopped forks nothing, so it is killed");
  }
  return WIFSIGNALED(wait_status) ? absl::StrCat("killed by signal ", WTERMSIG(wait_status))
                                  : absl::StrCat("exited with status ", WEXITSTATUS(wait_status));
}

constexpr size_t kMaxLanguages = 32;
constexpr size_t kMaxLanguageName = 32;

bool IsLanguageName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxLanguageName &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_+-") ==
             absl::string_view::npos;
}

}  // namespace

absl::Status Launcher::HandleStartZygote(uint64_t request_id,
                                         const internal::StartZygote& request) {
  WARREN_ASSIGN_OR_RETURN(LaunchTemplate * source, FindTemplate(request.template_id()));
  const auto others = std::count_if(zygotes_.begin(), zygotes_.end(), [&](const auto& other) {
    return other.second.process->template_id() == request.template_id();
  });
  if (others >= kMaxZygotesPerTemplate) {
    return absl::ResourceExhaustedError(absl::StrCat("template ", request.template_id(), " has ",
                                                     others, " zygotes: stop one first"));
  }
  uint64_t id = next_id_++;
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<ZygoteProcess> process,
                          ZygoteProcess::Start(resources_, id, *source));
  WARREN_RETURN_IF_ERROR(loop_.Watch(process->control(), [this, id] { OnZygote(id); }));
  clones_.insert(process->pid());
  LiveZygote& zygote = zygotes_[id];
  zygote.process = std::move(process);
  zygote.request_id = request_id;
  zygote.started = EventLoop::Clock::now();
  const auto deadline = AtPace(kZygoteDeadline);
  zygote.deadline = loop_.After(deadline, [this, id, deadline] {
    EndZygote(
        id, absl::StrCat("not ready within ", std::chrono::round<seconds>(deadline).count(), " s"));
  });
  return absl::OkStatus();
}

absl::StatusOr<Launcher::LiveZygote*> Launcher::FindZygote(uint64_t id,
                                                           const std::string& template_id) {
  auto found = zygotes_.find(id);
  if (found == zygotes_.end() || found->second.process->template_id() != template_id) {
    return absl::UnavailableError(absl::StrCat("zygote ", id, " is gone"));
  }
  return &found->second;
}

void Launcher::OnZygote(uint64_t zygote_id) {
  auto found = zygotes_.find(zygote_id);
  if (found == zygotes_.end()) return;
  absl::StatusOr<ZygoteProcess::Event> event = found->second.process->Receive();
  if (!event.ok()) {
    if (!absl::IsUnavailable(event.status()))
      EndZygote(zygote_id, std::string(event.status().message()));
    return;
  }
  const ZygoteMessage& message = event->message;
  switch (message.kind) {
    case ZygoteMessageKind::kReady:
      return OnZygoteReady(found->second, event->text);
    case ZygoteMessageKind::kForked:
      return OnForked(*std::move(event));
    case ZygoteMessageKind::kExited:
      return OnProcessReport(message.pid, message.status, zygote_id);
    case ZygoteMessageKind::kFailed:
      // Context 0 is the zygote itself.
      if (message.context_id == 0) return EndZygote(zygote_id, event->text);
      return OnForkFailed(found->second, *event);
  }
}

void Launcher::OnForkFailed(LiveZygote& zygote, const ZygoteProcess::Event& event) {
  auto fork = forks_.find(event.message.context_id);
  // Destroyed meanwhile.
  if (fork == forks_.end()) return;
  FailStart(ProcessKey(fork->second),
            absl::InternalError(
                absl::StrCat("zygote of ", zygote.process->template_id(), ": ", event.text)));
}

// `facts`: Python's version, and the languages of its contexts.
void Launcher::OnZygoteReady(LiveZygote& zygote, const std::string& facts) {
  if (zygote.request_id == 0) return;
  loop_.Cancel(zygote.deadline);
  auto elapsed = std::chrono::duration_cast<milliseconds>(EventLoop::Clock::now() - zygote.started);
  internal::LauncherReply reply;
  reply.set_request_id(std::exchange(zygote.request_id, 0));
  reply.mutable_zygote_started()->set_zygote_id(zygote.process->id());
  const std::vector<std::string> words = absl::StrSplit(facts, ' ');
  reply.mutable_zygote_started()->set_python_version(words[0]);
  for (size_t i = 1; i < words.size() && i <= kMaxLanguages; ++i) {
    if (IsLanguageName(words[i])) reply.mutable_zygote_started()->add_languages(words[i]);
  }
  reply.mutable_zygote_started()->set_warm_ms(elapsed.count());
  spdlog::info("event=zygote_ready zygote={} template={} ms={}", zygote.process->id(),
               zygote.process->template_id(), elapsed.count());
  Send(reply, {});
}

void Launcher::OnZygoteReport(uint64_t zygote_id, int wait_status) {
  EndZygote(zygote_id, HowItEnded(wait_status));
}

void Launcher::EndZygote(uint64_t zygote_id, const std::string& reason) {
  auto found = zygotes_.find(zygote_id);
  if (found == zygotes_.end()) return;
  LiveZygote zygote = std::move(found->second);
  zygotes_.erase(found);
  loop_.Unwatch(zygote.process->control());
  loop_.Cancel(zygote.deadline);
  spdlog::info("event=zygote_ended zygote={} reason=\"{}\"", zygote_id, absl::CEscape(reason));
  if (zygote.request_id != 0) Reply(zygote.request_id, absl::InternalError(reason));
  // Before what fails by it: so the supervisor knows that it may try that again with another.
  internal::LauncherReply event;
  event.mutable_zygote_exited()->set_zygote_id(zygote_id);
  event.mutable_zygote_exited()->set_reason(reason);
  Send(event, {});
  HearLastOf(*zygote.process);
  // Those that it has not forked yet; the contexts that it has forked live on.
  std::vector<ProcessKey> waiting;
  for (const auto& [fork_id, name] : forks_) {
    LiveProcess* process = FindProcess(name);
    if (process != nullptr && process->zygote_id == zygote_id) waiting.push_back(name);
  }
  for (const ProcessKey& name : waiting)
    FailStart(name, absl::UnavailableError(absl::StrCat("zygote ended: ", reason)));
}

// Ends that it has told of: it has reaped those, so nobody else ever will. What it has forked
// unheard fails with the other starts.
void Launcher::HearLastOf(ZygoteProcess& zygote) {
  for (int i = 0; i < kMaxLastWords && zygote.has_said(); ++i) {
    absl::StatusOr<ZygoteProcess::Event> event = zygote.Receive();
    if (!event.ok()) return;
    if (event->message.kind == ZygoteMessageKind::kExited)
      OnProcessReport(event->message.pid, event->message.status, zygote.id());
  }
}

}  // namespace warren
