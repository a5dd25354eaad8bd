#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
// Lifecycle: constructor → Start → (Ready: the callback) → AddContext* → Destroy, or death by
// itself → OnGone. Its contexts keep it from their start until they are dead. Thread-safe; the
// functions that say so are for the IO thread. No context is called with its lock held.
class Sandbox final : public std::enable_shared_from_this<Sandbox>, private ContextHost {
 public:
  // What the launcher calls the context that a sandbox comes with.
  static constexpr uint64_t kFirstProcess = 1;

  struct Identity {
    std::string id;
    std::string template_id;
    warren::v1::Limits limits;
  };
  using ReadyCallback = Context::ReadyCallback;
  using DeathCallback = absl::AnyInvocable<void()>;
  // How the launcher is told to signal a context's process.
  struct ContextProcess {
    // SIGINT. `on_sent` runs on the IO thread when the signal is sent, or cannot be.
    std::function<void(absl::AnyInvocable<void()> on_sent)> interrupt;
    // SIGKILL to it alone; empty where only the whole sandbox can be killed.
    std::function<void()> kill;
  };

  // `pipes` are those of its first context.
  Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes);
  ~Sandbox();

  // ---- IO thread ----
  // Starts the first context, with `on_ready` as Context::Start has it. `on_death` runs once, from
  // a task of its own, when no context lives any more.
  absl::Status Start(ReadyCallback on_ready, DeathCallback on_death);
  // A further context. FAILED_PRECONDITION when the sandbox is ending; ALREADY_EXISTS.
  absl::StatusOr<std::shared_ptr<Context>> AddContext(std::string context_id,
                                                      ContextProcess process, WorkerPipes pipes,
                                                      ReadyCallback on_ready);
  // The launcher's events. ProcessExited is of the first context.
  void OnProcessExited(const internal::ProcessExited& event);
  void OnGone(const internal::SandboxGone& event);

  // ---- Any thread ----
  const Identity& identity() const { return identity_; }
  // A context is alive.
  bool alive() const;
  // Null when there is none; empty for the first.
  std::shared_ptr<Context> FindContext(const std::string& context_id) const;
  // In the order in which they were made; dead ones too.
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
    std::shared_ptr<Context> context;
    ContextProcess process;
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

  Member* Find(const Context& context) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SandboxTotals ReadTotalsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendDestroy(StopReason reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendInterrupt(absl::AnyInvocable<void()> on_sent);

  SandboxHost& host_;
  const Identity identity_;
  const std::shared_ptr<Context> first_;

  mutable Mutex mu_;
  SandboxStats stats_ ABSL_GUARDED_BY(mu_);
  std::vector<Member> members_ ABSL_GUARDED_BY(mu_);
  int living_ ABSL_GUARDED_BY(mu_) = 1;
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
