#ifndef WARREN_SUPERVISOR_SESSION_SANDBOX_H_
#define WARREN_SUPERVISOR_SESSION_SANDBOX_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/session/execution.h"
#include "supervisor/session/io_loop.h"
#include "supervisor/session/launcher_link.h"
#include "supervisor/session/sandbox_stats.h"
#include "supervisor/session/worker_channel.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// What all sandboxes use; outlives them.
struct SandboxHost {
  IoLoop& loop;
  LauncherLink& link;
  // HostFacts.pace, at least 1: what waits for a sandbox waits so many times as long.
  const double pace = 1;
  // What to do about a module that a template lacks, in no word of the sandbox's; empty for
  // nothing. Thread-safe, and quick: a sandbox calls it under its lock.
  std::function<std::string(const std::string& template_id, absl::string_view module)> module_hint;
  // Cells that run now, in all sandboxes: the pool refills gently while there are any.
  std::atomic<int> running_cells{0};
};

// What a sandbox used in its whole life.
struct SandboxTotals {
  CpuTime cpu;
  int64_t peak_memory_bytes = 0;
  int64_t peak_pids = 0;
  int64_t output_bytes = 0;
};

// One live sandbox with its context: the worker's pipes, the queue of its cells, their deadlines
// and how they end.
//
// Lifecycle: constructor → Start → (Ready: the callback) → Execute* → Destroy, or death by itself →
// OnGone. It keeps itself alive, through its watches, from Start until its context is dead.
// Thread-safe. The functions that say so are for the IO thread; the others are for any: a cell goes
// from the caller's thread straight into the worker's pipe when the context is idle. One lock, held
// for short, non-blocking work only.
class Sandbox final : public std::enable_shared_from_this<Sandbox>, private WorkerChannel::Sink {
 public:
  // Cells that may wait behind the running one.
  static constexpr size_t kMaxWaiting = 64;
  // From an interrupt to the kill, on a host of pace 1.
  static constexpr std::chrono::milliseconds kGrace{2000};

  struct Identity {
    std::string id;
    std::string template_id;
    warren::v1::Limits limits;
  };
  using ReadyCallback = absl::AnyInvocable<void(absl::Status)>;
  using DeathCallback = absl::AnyInvocable<void()>;

  Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes);
  ~Sandbox();

  // ---- IO thread ----
  // `on_ready` runs once, from a task of its own: with OK when the worker is confined and waits,
  // else with what went wrong. `on_death` runs once, from a task of its own, when the context of a
  // sandbox that was ready is dead.
  absl::Status Start(ReadyCallback on_ready, DeathCallback on_death);
  // The launcher's events.
  void OnContextExited(const internal::ContextExited& event);
  void OnGone(const internal::SandboxGone& event);

  // ---- Any thread ----
  const Identity& identity() const { return identity_; }
  bool alive() const;
  // FAILED_PRECONDITION: the context is gone; RESOURCE_EXHAUSTED: too many cells wait. Otherwise
  // the cell's stream says all that follows.
  absl::Status Execute(std::shared_ptr<Execution> execution);
  // The client cancelled or vanished.
  void Cancel(const Execution& execution);
  // As Ctrl-C does. FAILED_PRECONDITION when nothing runs.
  absl::Status Interrupt();
  // Kills everything in it. What still runs ends with a termination that fits `reason`.
  void Destroy(StopReason reason);

  // Why it is dead; empty while it is alive.
  std::string death_reason() const;
  int execution_count() const;
  SandboxTotals ReadTotals();
  // 0 when it is dead.
  int64_t ReadMemory() const;
  // "join" and "reseed", as the worker measured them; after Ready.
  std::vector<warren::v1::StageTiming> worker_stages() const;

 private:
  enum class State { kStarting, kAlive, kDead };
  enum class Pipe { kEvents, kStdout, kStderr };

  // The cell that runs.
  struct Running {
    std::shared_ptr<Execution> execution;
    uint64_t number;
    MonotonicTime started;
    CpuTime cpu_at_start;
    int64_t output_bytes = 0;
    StopReason stop = StopReason::kNone;
    bool error_seen = false;
    // An interrupt was asked for; one came before the cell began.
    bool interrupted = false;
    bool interrupt_missed = false;
    TimerId timer = 0;
    TimerId cpu_timer = 0;
  };

  // WorkerChannel::Sink, with mu_ held.
  absl::Status OnOutput(uint64_t execution_id, WorkerChannel::Stream stream,
                        absl::string_view data) override;
  absl::Status OnEvent(const internal::WorkerEvent& event) override;
  bool WantsMore() const override;

  void OnPipeReady(Pipe pipe, uint32_t events);
  void OnRequestPipeWritable();

  // Everything below: with mu_ held.
  absl::Status WatchPipe(int fd, Pipe pipe);
  void ReadPipe(Pipe pipe);
  void ReadAll();
  void PostReadAll();
  void OnPipeClosed();
  absl::Status OnStartEvent(const internal::WorkerEvent& event);
  // What may come of a thread that any cell has left behind.
  bool IsForAnyCell(const internal::WorkerEvent& event) const;
  absl::Status OnDisplay(const internal::WorkerEvent& event);
  void OnUnimplemented(const internal::WorkerUnimplemented& unimplemented);
  absl::Status OnError(const internal::WorkerError& error);
  void OnDone(const internal::WorkerDone& done);
  bool OverOutputLimit(size_t bytes) const;

  void Begin(std::shared_ptr<Execution> execution);
  void BeginNext();
  void SendToWorker(const Execution& execution);
  void ArmDeadline();
  void ArmCpuCheck();
  void RequestStop(StopReason reason);
  void SendInterrupt();
  absl::Status OnInterruptMissed();
  void Kill(StopReason reason);
  void Violation(const absl::Status& what);
  void Finish(warren::v1::Termination termination, int execution_count,
              const internal::WorkerDone& done);
  // Frees the context for its next cell.
  std::shared_ptr<Execution> TakeRunning();
  void Die();
  void DieAfter(std::chrono::milliseconds time);
  void CloseWatches();
  void NoteOomKills();
  void ReportReady(absl::Status status);
  warren::v1::Usage UsageOfRunning();
  SandboxTotals ReadTotalsLocked();

  // `time` of a host of pace 1, on this one.
  std::chrono::nanoseconds AtPace(std::chrono::milliseconds time) const;
  // Runs `task` under the lock on the IO thread at `when`, unless the sandbox is gone by then.
  using TimedTask = void (*)(Sandbox&);
  TimerId At(MonotonicTime when, TimedTask task);
  // The same for the running cell: nothing happens when that cell has ended meanwhile.
  TimerId AtForRunning(MonotonicTime when, TimedTask task);

  SandboxHost& host_;
  const Identity identity_;

  mutable std::mutex mu_;
  State state_ = State::kStarting;
  WorkerChannel channel_;
  SandboxStats stats_;
  std::vector<IoLoop::WatchId> watches_;
  IoLoop::WatchId request_watch_ = IoLoop::kNoWatch;
  ReadyCallback on_ready_;
  DeathCallback on_death_;
  std::vector<warren::v1::StageTiming> worker_stages_;

  std::optional<Running> running_;
  std::deque<std::shared_ptr<Execution>> waiting_;
  uint64_t last_number_ = 0;
  int execution_count_ = 0;
  // A pipe became readable while nobody wanted to read it.
  bool unread_ = false;
  // The client is slower than the cell.
  bool paused_ = false;
  // An interrupt that is on its way must not hit the next cell.
  int interrupts_in_flight_ = 0;

  // How it ends.
  StopReason end_reason_ = StopReason::kNone;
  std::string violation_;
  ContextEnd end_;
  bool kill_sent_ = false;
  bool gone_ = false;
  TimerId end_timer_ = 0;
  std::string death_reason_;
  SandboxTotals totals_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_SANDBOX_H_
