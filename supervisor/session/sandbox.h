#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_H_

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/control/launcher_client.h"
#include "supervisor/base/mutex.h"
#include "supervisor/session/context.h"
#include "supervisor/session/context_host.h"
#include "supervisor/session/sandbox_host.h"
#include "supervisor/session/sandbox_stats.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// The id of the context that a sandbox comes with.
inline constexpr char kDefaultContextId[] = "default";

// One live sandbox: who it is, the contexts that live in it, what they use together, and its end.
// It ends when it is destroyed, when its memory or its CPU time is used up, and with the last of
// its contexts; the end of one among several takes nothing else along.
//
// Lifecycle: constructor → Start → (Ready: the callback) → StartContext* → Destroy, or death by
// itself → OnGone. Its contexts keep it from their start until they are dead. Thread-safe; the
// functions that say so are for the IO thread. No context is called with its lock held.
class Sandbox final : public std::enable_shared_from_this<Sandbox>, private ContextHost {
 public:
  // What the launcher calls the context that a sandbox comes with.
  static constexpr uint64_t kFirstProcess = 1;
  // Contexts on its list, dead ones and those that are being started included. Below the launcher's
  // own bound on the processes of a sandbox.
  static constexpr size_t kMaxContexts = 16;

  struct Identity {
    std::string id;
    std::string template_id;
    warren::v1::Limits limits;
  };
  using ReadyCallback = Context::ReadyCallback;
  using DeathCallback = absl::AnyInvocable<void()>;
  // `pipes` are those of its first context.
  Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes);
  ~Sandbox();

  // ---- IO thread ----
  // Starts the first context, with `on_ready` as Context::Start has it. `on_death` runs once, from
  // a task of its own, when no context lives any more.
  absl::Status Start(ReadyCallback on_ready, DeathCallback on_death);
  // The launcher's events.
  void OnProcessExited(const internal::ProcessExited& event);
  void OnGone(const internal::SandboxGone& event);

  // ---- Any thread ----
  const Identity& identity() const { return identity_; }
  // Asks the launcher for a further context, a fork of `zygote_id`, which must be of its template.
  // `on_ready` runs once, on the IO thread and from a task of its own: with OK when FindContext has
  // it and it takes cells, else with what went wrong (UNAVAILABLE: the zygote is gone, or the
  // launcher), and then there is no such context. Until then it counts as living: the end of the
  // others does not take the sandbox along.
  // Refused at once, and `on_ready` is not called: FAILED_PRECONDITION, the sandbox is ending;
  // ALREADY_EXISTS; RESOURCE_EXHAUSTED.
  absl::Status StartContext(std::string context_id, uint64_t zygote_id, ReadyCallback on_ready);
  // A context is alive, or being started.
  bool alive() const;
  // Null when there is none; empty for the first.
  std::shared_ptr<Context> FindContext(const std::string& context_id) const;
  // In the order in which they were made; dead ones too, but none that is being started.
  std::vector<std::shared_ptr<Context>> contexts() const;
  // Takes a dead one off the list.
  void RemoveContext(const Context& context);
  // Kills everything in it. What still runs ends with a termination that fits `reason`.
  void Destroy(StopReason reason);

  // Why it is dead; empty while it is alive.
  std::string death_reason() const;
  SandboxTotals Totals() { return ReadTotals(); }
  // 0 when it is dead.
  int64_t ReadMemory() const;

 private:
  struct Member {
    // As the launcher calls it.
    uint64_t process_id;
    std::shared_ptr<Context> context;
    // Somebody was told that it is there.
    bool ready = false;
    bool dead = false;
  };

  // ContextHost.
  const std::string& id() const override { return identity_.id; }
  const std::string& template_id() const override { return identity_.template_id; }
  const warren::v1::Limits& limits() const override { return identity_.limits; }
  void Interrupt(Context& context, absl::AnyInvocable<void()> on_sent) override;
  Reach Kill(Context& context, StopReason reason) override;
  void OnDead(Context& context, const std::string& why) override;
  CpuTime ReadCpu() override;
  SandboxTotals ReadTotals() override;
  void CountOutput(int64_t bytes) override;
  std::optional<int64_t> ReadOomKills() override;

  // Whether one more may be started, under this name.
  absl::Status Admit(const std::string& context_id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // IO thread: the reply to StartProcess, and what came of it.
  void OnContextStarted(const std::string& context_id, absl::StatusOr<LauncherMessage> reply,
                        ReadyCallback on_ready);
  absl::StatusOr<std::shared_ptr<Context>> AddContext(const std::string& context_id,
                                                      LauncherMessage started);
  absl::Status OnContextReady(const Context& context, absl::Status status);
  void MarkDead(Member& member) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Those that live, and those that are being started, unless it is ending anyway.
  size_t Living() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What its contexts left running ends with the last of them.
  void EndIfLast(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  std::vector<std::shared_ptr<Context>> AllContexts() const;
  Member* Find(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SandboxTotals ReadTotalsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendDestroy(StopReason reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `on_sent` runs on the IO thread; it may be null.
  void SendSignal(uint64_t process_id, internal::SignalProcess::Signal signal,
                  absl::AnyInvocable<void()> on_sent);

  SandboxHost& host_;
  const Identity identity_;
  const std::shared_ptr<Context> first_;

  mutable Mutex mu_;
  SandboxStats stats_ ABSL_GUARDED_BY(mu_);
  std::vector<Member> members_ ABSL_GUARDED_BY(mu_);
  // Members that are not dead.
  size_t living_ ABSL_GUARDED_BY(mu_) = 1;
  // Names of contexts that the launcher was asked for and has not told of.
  std::set<std::string> starting_ ABSL_GUARDED_BY(mu_);
  DeathCallback on_death_ ABSL_GUARDED_BY(mu_);
  SandboxTotals totals_ ABSL_GUARDED_BY(mu_);
  std::atomic<int64_t> output_bytes_{0};

  // How it ends.
  StopReason end_reason_ ABSL_GUARDED_BY(mu_) = StopReason::kNone;
  bool destroy_sent_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  std::string death_reason_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_H_
