#ifndef WARREN_SUPERVISOR_SESSION_CONTEXT_H_
#define WARREN_SUPERVISOR_SESSION_CONTEXT_H_

#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "runtime/base/mutex.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/session/context_host.h"
#include "supervisor/session/context_spec.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/execution_runner.h"
#include "supervisor/session/sandbox_host.h"
#include "supervisor/session/termination.h"
#include "supervisor/session/worker_channel.h"

namespace warren {

// How a context's process ended, as the launcher tells it.
struct ContextExit {
  int exit_code = 0;
  int signal = 0;
  // Its sandbox is being killed, by the launcher or for memory by the kernel: Sandbox's OnGone
  // follows and says why.
  bool sandbox_ends = false;
};

// One interpreter: the worker's pipes, the queue of its cells, their deadlines and how they end,
// and its own end, which is nobody else's.
//
// Lifecycle: constructor → Start → (Ready: the callback) → Execute* → End, or death by itself →
// ContextHost::OnDead. Its watches keep it, and the sandbox that it lives in, from Start until it
// is dead. Thread-safe. The functions that say so are for the IO thread; the others are for any: a
// cell goes from the caller's thread straight into the worker's pipe when the context is idle. One
// lock, held for short, non-blocking work only; a sandbox's is never held when it is taken.
class Context final : public ExecutionRunner,
                      public std::enable_shared_from_this<Context>,
                      private WorkerChannel::Sink {
 public:
  // Cells that may wait behind the running one.
  static constexpr size_t kMaxWaiting = 64;
  // From an interrupt to the kill, on a host of pace 1.
  static constexpr std::chrono::milliseconds kGrace{2000};

  using ReadyCallback = absl::AnyInvocable<void(absl::Status)>;

  // `shared` outlives it; `host` says by Abandon that it goes.
  Context(SandboxHost& shared, ContextHost& host, std::string id, WorkerPipes pipes,
          ContextSpec spec = {});

  // ---- IO thread ----
  // `on_ready` runs once, from a task of its own: with OK when the worker is confined, is what its
  // spec says, and waits, else with what went wrong (INVALID_ARGUMENT: its working directory cannot
  // be entered). `keep` is held until the context is dead.
  absl::Status Start(std::shared_ptr<void> keep, ReadyCallback on_ready);
  void OnExited(const ContextExit& exit);
  // Nothing of the sandbox is left.
  void OnSandboxGone(bool out_of_memory);

  // ---- Any thread ----
  const std::string& id() const { return id_; }
  bool alive() const;
  ContextSpec spec() const;
  // Of one that is ready and has run nothing: cells wait until it is done.
  void SetEnvironment(std::map<std::string, std::string> env);
  // FAILED_PRECONDITION: the context is gone; RESOURCE_EXHAUSTED: too many cells wait, or too much
  // code. Otherwise the execution says all that follows.
  absl::Status Execute(std::shared_ptr<Execution> execution);
  void Cancel(std::shared_ptr<Execution> execution) override;
  void Resume(std::shared_ptr<Execution> execution) override;
  // As Ctrl-C does. FAILED_PRECONDITION when nothing runs.
  absl::Status Interrupt();
  // Its process is about to be killed by its sandbox, for this reason.
  void End(StopReason reason);
  // Kills it alone.
  void Kill(StopReason reason);
  // The execution runs or waits here.
  bool Has(const std::string& execution_id) const;
  // Its host goes while it lives, at the end of everything.
  void Abandon();

  // Its sandbox is being paused, or runs again: meanwhile its deadlines stand still and it takes no
  // cell. GoOn is for the IO thread.
  void StandStill();
  void GoOn();

  // Why it is dead; empty while it is alive.
  std::string death_reason() const;
  int execution_count() const;
  // "join" and "reseed", as the worker measured them; after Ready.
  std::vector<warren::v1::StageTiming> worker_stages() const;

 private:
  enum class State { kStarting, kAlive, kDead };
  enum class Pipe { kEvents, kStdout, kStderr };

  // A task that runs under the lock on the IO thread, unless the context is gone by then.
  using LockedTask = void (*)(Context&);
  // One that stands still with the sandbox.
  struct Timer {
    TimerId id = 0;
    MonotonicTime when;
    LockedTask task = nullptr;
    // Of the cell that runs: not for a later one.
    bool of_cell = false;
    // While it stands still.
    MonotonicTime::duration left{0};
  };

  // The cell that runs.
  struct Running {
    std::shared_ptr<Execution> execution;
    uint64_t number;
    MonotonicTime started;
    CpuTime cpu_at_start;
    int64_t max_output_bytes;
    int64_t output_bytes = 0;
    StopReason stop = StopReason::kNone;
    bool error_seen = false;
    // Of the worker's output files: those that came, and those that came after a stop.
    int output_files = 0;
    int untold_files = 0;
    // An interrupt was asked for; one came before the cell began.
    bool interrupted = false;
    bool interrupt_missed = false;
    Timer timer;
    Timer cpu_timer;
  };

  // WorkerChannel::Sink, from within what this calls of the channel's.
  absl::Status OnOutput(uint64_t execution_id, WorkerChannel::Stream stream,
                        absl::string_view data) override;
  absl::Status OnEvent(const internal::WorkerEvent& event) override;
  bool WantsMore() const override;

  void OnPipeReady(Pipe pipe, uint32_t events);
  void OnRequestPipeWritable();

  absl::Status WatchPipe(int fd, Pipe pipe, const std::shared_ptr<void>& keep)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WatchRequestPipe() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool WantsMoreLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Read(std::initializer_list<Pipe> pipes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReadPipe(Pipe pipe, size_t most) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GoOnReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void HoldUntil(std::optional<MonotonicTime> time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReadAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PostReadAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnPipeClosed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnStartEvent(const internal::WorkerEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What may come of a thread that any cell has left behind.
  bool IsForAnyCell(const internal::WorkerEvent& event) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnDisplay(const internal::WorkerEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnUnimplemented(const internal::WorkerUnimplemented& unimplemented)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnOutputFile(const internal::WorkerOutputFile& file)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnError(const internal::WorkerError& error) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void OnDone(const internal::WorkerDone& done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  absl::Status Enqueue(std::shared_ptr<Execution> execution) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Begin(std::shared_ptr<Execution> execution) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendToWorker(Execution& execution) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendRequest(const internal::WorkerRequest& request, int64_t bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // ---- context_configure.cc
  void SendConfigure(const internal::WorkerConfigure& configure) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnConfigured(const internal::WorkerEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmReadyTimeout() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmDeadline() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmCpuCheck() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CancelLocked(const Execution& execution) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RequestStop(StopReason reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendInterrupt() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status OnInterruptMissed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of the cell that runs.
  void CountOutput(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The client has no room for what the cell says after it was made to stop.
  bool DropsOutput() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void KillLocked(StopReason reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteReason(StopReason reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Violation(const absl::Status& what) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(warren::v1::Termination termination, int execution_count, int64_t time_unix_nanos,
              const internal::WorkerDone& done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Why not all of its output files were told, where some were asked for.
  void TellIncomplete(const internal::WorkerDone& done,
                      warren::v1::ExecutionEvent::Finished* finished)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Frees the context for its next cell.
  std::shared_ptr<Execution> TakeRunning() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // IO thread.
  void Die() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DieAfter(std::chrono::milliseconds time) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseWatches() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteOomKills() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReportReady(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  warren::v1::Usage UsageOfRunning() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AliveLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // `time` of a host of pace 1, on this one.
  std::chrono::nanoseconds AtPace(std::chrono::milliseconds time) const;
  // As soon as may be, at a time, and at a time unless the cell that runs now has ended.
  void Post(LockedTask task);
  TimerId At(MonotonicTime when, LockedTask task);
  TimerId AtForRunning(MonotonicTime when, LockedTask task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // ---- context_pause.cc. Instead of what the timer had to do before.
  void Arm(Timer& timer, MonotonicTime when, LockedTask task) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ArmForRunning(Timer& timer, MonotonicTime when, LockedTask task)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Begin(Timer& timer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Cancel(Timer& timer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Hold(Timer& timer, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Release(Timer& timer, MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GoOnLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  SandboxHost& shared_;
  const std::string id_;

  mutable Mutex mu_;
  // Null once it is dead.
  ContextHost* host_ ABSL_GUARDED_BY(mu_);
  ContextSpec spec_ ABSL_GUARDED_BY(mu_);
  // The number of the configure that the worker has not answered; 0 for none.
  uint64_t configuring_ ABSL_GUARDED_BY(mu_) = 0;
  // What its watches hold.
  std::weak_ptr<void> keep_ ABSL_GUARDED_BY(mu_);
  State state_ ABSL_GUARDED_BY(mu_) = State::kStarting;
  WorkerChannel channel_ ABSL_GUARDED_BY(mu_);
  std::vector<IoLoop::WatchId> watches_ ABSL_GUARDED_BY(mu_);
  IoLoop::WatchId request_watch_ ABSL_GUARDED_BY(mu_) = IoLoop::kNoWatch;
  ReadyCallback on_ready_ ABSL_GUARDED_BY(mu_);
  std::vector<warren::v1::StageTiming> worker_stages_ ABSL_GUARDED_BY(mu_);

  std::optional<Running> running_ ABSL_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<Execution>> waiting_ ABSL_GUARDED_BY(mu_);
  // Of what the worker was asked for last.
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  int execution_count_ ABSL_GUARDED_BY(mu_) = 0;
  // Code of the running cell that its pipe had no room for yet.
  MemoryCharge unsent_code_ ABSL_GUARDED_BY(mu_);
  // A pipe became readable while nobody wanted to read it.
  bool unread_ ABSL_GUARDED_BY(mu_) = false;
  // The client is slower than the cell.
  bool paused_ ABSL_GUARDED_BY(mu_) = false;
  // Others have their turn.
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  ReadTurns::Turn turn_ ABSL_GUARDED_BY(mu_);
  // An interrupt that is on its way must not hit the next cell.
  int interrupts_in_flight_ ABSL_GUARDED_BY(mu_) = 0;

  // How it ends.
  StopReason end_reason_ ABSL_GUARDED_BY(mu_) = StopReason::kNone;
  std::string violation_ ABSL_GUARDED_BY(mu_);
  ContextEnd end_ ABSL_GUARDED_BY(mu_);
  // What ends it ends its sandbox.
  bool sandbox_ends_ ABSL_GUARDED_BY(mu_) = false;
  bool kill_sent_ ABSL_GUARDED_BY(mu_) = false;
  // How it ended is known, but for whether it was for memory; its pipes' ends tell nothing new.
  bool account_awaited_ ABSL_GUARDED_BY(mu_) = false;
  Timer end_timer_ ABSL_GUARDED_BY(mu_);
  // Its sandbox is paused, or about to be.
  bool still_ ABSL_GUARDED_BY(mu_) = false;
  std::string death_reason_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_CONTEXT_H_
