#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_H_

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/mutex.h"
#include "runtime/control/launcher_client.h"
#include "supervisor/session/agent_link.h"
#include "supervisor/session/context.h"
#include "supervisor/session/context_host.h"
#include "supervisor/session/pause_control.h"
#include "supervisor/session/process_table.h"
#include "supervisor/session/sandbox_host.h"
#include "supervisor/session/sandbox_network.h"
#include "supervisor/session/sandbox_ports.h"
#include "supervisor/session/sandbox_stats.h"
#include "supervisor/session/sandbox_use.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

class DiskUse;

// The id of the context that a sandbox comes with.
inline constexpr char kDefaultContextId[] = "default";

// One live sandbox: who it is, the contexts that live in it, what they use together, and its end.
// It ends when it is destroyed, when its memory or its CPU time is used up, and with its init; the
// end of a context, the last one's too, takes nothing else along.
//
// Lifecycle: constructor → Start → (Ready: the callback) → (StartContext | RestartContext |
// DeleteContext)* → Destroy, or death by itself → OnGone. Its contexts keep it from their start
// until they are dead. Thread-safe; the functions that say so are for the IO thread. No context is
// called with its lock held.
class Sandbox final : public std::enable_shared_from_this<Sandbox>,
                      private ContextHost,
                      private PauseControl::Host,
                      private ProcessHost {
 public:
  // What the launcher calls the context that a sandbox comes with.
  static constexpr uint64_t kFirstProcess = 1;
  // Contexts on its list, dead ones and those that are being started included, but for one that is
  // being restarted. Below the launcher's own bound on the processes of a sandbox.
  static constexpr size_t kMaxContexts = 16;

  struct Identity {
    std::string id;
    std::string template_id;
    warren::v1::Limits limits;
    // What its contexts run as.
    std::string profile = "user";
  };
  using ReadyCallback = Context::ReadyCallback;
  using DeathCallback = absl::AnyInvocable<void()>;
  // `pipes` are those of its first context.
  Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes);
  ~Sandbox();

  // ---- IO thread ----
  // Starts the first context, with `on_ready` as Context::Start has it. `on_death` runs once, from
  // a task of its own, when that is dead: of a sandbox that nobody has seen nothing can be made
  // then.
  absl::Status Start(ReadyCallback on_ready, DeathCallback on_death);
  // The launcher's events.
  void OnProcessExited(const internal::ProcessExited& event);
  void OnGone(const internal::SandboxGone& event);

  // ---- Any thread ----
  const Identity& identity() const { return identity_; }
  // Name of the backend that it is of.
  const std::string& backend() const { return host_.backend; }
  // Asks the launcher for a further context, a fork of `zygote_id`, which must be of its template.
  // `on_ready` runs once, on the IO thread and from a task of its own: with OK when FindContext has
  // it and it takes cells, else with what went wrong (UNAVAILABLE: the zygote is gone, or the
  // launcher), and then there is no such context.
  // Refused at once, and `on_ready` is not called: FAILED_PRECONDITION, the sandbox is ending;
  // ALREADY_EXISTS; RESOURCE_EXHAUSTED.
  absl::Status StartContext(std::string context_id, uint64_t zygote_id, ReadyCallback on_ready,
                            ContextSpec spec = {});
  // Kills the context of this name and starts one like it, which takes its place when it is ready;
  // the rest as StartContext. NOT_FOUND; FAILED_PRECONDITION: it is being restarted. After a
  // failure the name has the dead one.
  absl::Status RestartContext(const std::string& context_id, uint64_t zygote_id,
                              ReadyCallback on_ready);
  // Kills it, and takes it off the list at once. NOT_FOUND; FAILED_PRECONDITION: it is being
  // restarted.
  absl::Status DeleteContext(const std::string& context_id);
  // Nothing has ended it. It may have no living context.
  bool alive() const;
  // Null when there is none; empty for the default one.
  std::shared_ptr<Context> FindContext(const std::string& context_id) const;
  // In the order in which they were made; dead ones too, but none that is being started.
  std::vector<std::shared_ptr<Context>> contexts() const;
  // Whether it takes what needs one of its processes. FAILED_PRECONDITION: it is paused, or ends.
  absl::Status Usable() const;
  // As PauseControl has them; `done` runs on the IO thread.
  void Pause(PauseControl::Done done) { pause_.Pause(shared_from_this(), std::move(done)); }
  void Resume(PauseControl::Done done) { pause_.Resume(shared_from_this(), std::move(done)); }
  // Held while a call uses it.
  SandboxUse Use() { return SandboxUse(uses_); }
  UseMeter& uses() const { return *uses_; }
  // As they are now.
  warren::v1::Limits CurrentLimits() const;
  // Makes its limits those of `wanted` where set, which the policy must allow. `done` runs on the
  // IO thread; FAILED_PRECONDITION: it uses more than it would be left, or is dead.
  void ChangeLimits(const warren::v1::Limits& wanted, PauseControl::Done done);
  // Environment of every process of it, beside its template's. Set once, when it is leased, before
  // any client knows of it; the default context has it before its first cell.
  using Environment = std::map<std::string, std::string>;
  void SetEnv(Environment env);
  std::shared_ptr<const Environment> env() const;
  // For the IO thread; made by the first call, and the agent itself by its first use.
  std::shared_ptr<AgentLink> agent();
  // Null before the first call of agent().
  std::shared_ptr<AgentLink> FindAgent() const { return FindProcesses().first; }
  std::shared_ptr<ProcessTable> processes();
  // What it may reach outside, for the IO thread but for its watchers; made by the first call.
  std::shared_ptr<SandboxNetwork> network();
  // Null before the first call of network().
  std::shared_ptr<SandboxNetwork> FindNetwork() const;
  // IO thread. As SandboxNetwork::Set; FAILED_PRECONDITION where it is dead or paused.
  void SetNetwork(warren::v1::NetworkPolicy resolved, SandboxNetwork::Done done);
  // As a client asked for the one that holds; null where none did. Any thread.
  void NoteAskedNetwork(const warren::v1::NetworkPolicy& asked);
  std::shared_ptr<const warren::v1::NetworkPolicy> asked_network() const;
  // The connections to ports inside; made by the first call.
  std::shared_ptr<SandboxPorts> ports();
  // The executions of its scripts that run.
  void NoteScript(const std::string& execution_id);
  void ForgetScript(const std::string& execution_id);
  bool HasScript(const std::string& execution_id) const;
  // Kills everything in it. What still runs ends with a termination that fits `reason`.
  void Destroy(StopReason reason) override;

  // Why it is dead; empty while it is alive.
  std::string death_reason() const;
  SandboxTotals Totals() { return ReadTotals(); }
  // 0 when it is dead.
  int64_t ReadMemory() const;
  // Its disk_bytes is what was noted last.
  warren::v1::SandboxMetrics ReadMetrics();
  void NoteDiskUse(int64_t bytes);
  // IO thread: the question for it that is under way.
  std::weak_ptr<DiskUse>& disk_question() { return disk_question_; }

 private:
  struct Member {
    // As the launcher calls it.
    uint64_t process_id;
    std::shared_ptr<Context> context;
    // Somebody was told that it is there.
    bool ready = false;
    // It has taken of SandboxHost::further_contexts.
    bool counted = true;
    // It is what the sandbox may have beside that: the default one, in its first life or a later.
    bool first = false;
    bool dead = false;
    // Deleted, or another has its place: it is here until it is dead.
    bool hidden = false;
    bool listed() const { return ready && !hidden; }
  };
  // A context in the making.
  struct Making {
    std::string context_id;
    ContextSpec spec;
    bool counted = true;
    bool first = false;
    ReadyCallback on_ready;
  };

  // ContextHost.
  const std::string& id() const override { return identity_.id; }
  const std::string& template_id() const override { return identity_.template_id; }
  const warren::v1::Limits& limits() const override { return identity_.limits; }
  int32_t cpu_millis() const override { return cpu_millis_.load(std::memory_order_relaxed); }
  int64_t output_bytes_limit() const override {
    return output_bytes_limit_.load(std::memory_order_relaxed);
  }
  void Interrupt(Context& context, absl::AnyInvocable<void()> on_sent) override;
  Reach Kill(Context& context, StopReason reason) override;
  void OnDead(Context& context, const std::string& why, Reach reach) override;
  CpuTime ReadCpu() override;
  SandboxTotals ReadTotals() override;
  void CountOutput(int64_t bytes) override;
  std::optional<int64_t> ReadOomKills() override;

  // ProcessHost.
  void Signal(internal::LauncherRequest request) override;

  // PauseControl::Host.
  void StandStill() override;
  void GoOn() override;
  void ApplyLimits(const warren::v1::Limits& wanted) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // Whether it takes what makes or ends a process of it. FAILED_PRECONDITION: it ends, or is
  // paused.
  absl::Status CheckRuns() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether one more may be started, under this name.
  absl::Status Admit(const std::string& context_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What a context's start is answered with that its sandbox did not live to see.
  absl::Status EndedMeanwhile() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status TakeFurtherContext();
  void AskLauncher(Making start, uint64_t zygote_id);
  // IO thread: the reply to StartProcess, and what came of it.
  void OnContextStarted(Making start, absl::StatusOr<LauncherMessage> reply);
  absl::StatusOr<std::shared_ptr<Context>> AddContext(const Making& start, LauncherMessage started);
  // `context` is null where it has ended already.
  absl::Status OnContextReady(const std::string& context_id,
                              const std::shared_ptr<Context>& context, absl::Status status);
  // The one that has `context`'s name makes room for it.
  void TakePlace(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MarkDead(Member& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndLocked(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::vector<std::shared_ptr<Context>> AllContexts() const;
  // Null where it was not asked for.
  std::shared_ptr<SandboxPorts> FindPorts() const;
  // Nulls where they were not asked for.
  std::pair<std::shared_ptr<AgentLink>, std::shared_ptr<ProcessTable>> FindProcesses() const;
  std::shared_ptr<AgentLink> AgentLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Member* Find(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Member* FindListed(const std::string& context_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Member*> FindSettled(const std::string& context_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SandboxTotals ReadTotalsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendDestroy(StopReason reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `on_sent` runs on the IO thread; it may be null.
  void SendSignal(uint64_t process_id, internal::SignalProcess::Signal signal,
                  absl::AnyInvocable<void()> on_sent);

  SandboxHost& host_;
  const Identity identity_;
  // The default one, as long as first_gone_ does not say that another has its place, or none:
  // found without a lock.
  const std::shared_ptr<Context> first_;
  const std::shared_ptr<UseMeter> uses_ = std::make_shared<UseMeter>();
  PauseControl pause_;
  // Of limits_, for contexts, which ask at the start of each cell.
  std::atomic<int32_t> cpu_millis_;
  std::atomic<int64_t> output_bytes_limit_;
  std::atomic<bool> first_gone_{false};

  mutable Mutex mu_;
  warren::v1::Limits limits_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const Environment> env_ ABSL_GUARDED_BY(mu_) = std::make_shared<Environment>();
  SandboxStats stats_ ABSL_GUARDED_BY(mu_);
  std::vector<Member> members_ ABSL_GUARDED_BY(mu_);
  // Names of contexts that are being started, or restarted.
  std::set<std::string> starting_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> scripts_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<AgentLink> agent_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<ProcessTable> processes_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<SandboxNetwork> network_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const warren::v1::NetworkPolicy> asked_network_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<SandboxPorts> ports_ ABSL_GUARDED_BY(mu_);
  DeathCallback on_death_ ABSL_GUARDED_BY(mu_);
  SandboxTotals totals_ ABSL_GUARDED_BY(mu_);
  std::optional<int64_t> disk_bytes_ ABSL_GUARDED_BY(mu_);
  std::weak_ptr<DiskUse> disk_question_;
  std::atomic<int64_t> output_bytes_{0};

  // How it ends.
  StopReason end_reason_ ABSL_GUARDED_BY(mu_) = StopReason::kNone;
  bool destroy_sent_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  std::string death_reason_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_H_
