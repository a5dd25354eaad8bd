#include "supervisor/session/sandbox.h"

#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"

// How a sandbox starts, is read, and ends. What happens to its cells is in sandbox_cells.cc.
namespace warren {
namespace {

using internal::WorkerEvent;
using warren::v1::ExecutionEvent;

// All times are those of a host of pace 1 (docs/TIMING.md).
// From the reply that the context is forked until it says Ready. Templates that start by exec
// import everything anew.
constexpr std::chrono::seconds kReadyTimeout{30};
// From our kill until its effect is no longer waited for: why the cell ended is known.
constexpr std::chrono::seconds kKilledTimeout{2};
// From the end of a context's event pipe until the launcher has told of its end. A context that
// closed the pipe and lives on has no end to be told of.
constexpr std::chrono::seconds kClosedPipeTimeout{4};
// From the exit of a context in a sandbox that ends until the launcher has said whether it was for
// memory. Only a launcher that hangs reaches it: the end of one is noticed.
constexpr std::chrono::seconds kAccountTimeout{30};
constexpr size_t kMaxStageName = 64;

warren::v1::StageTiming Stage(const char* name, uint64_t nanoseconds) {
  warren::v1::StageTiming stage;
  stage.set_stage(name);
  // The worker's word: bounded, so that it stays a valid Duration.
  *stage.mutable_duration() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
      static_cast<int64_t>(std::min<uint64_t>(nanoseconds, 3600'000'000'000)));
  return stage;
}

}  // namespace

Sandbox::Sandbox(SandboxHost& host, Identity identity, SandboxStats stats, WorkerPipes pipes)
    : host_(host),
      identity_(std::move(identity)),
      channel_(std::move(pipes)),
      stats_(std::move(stats)) {}

Sandbox::~Sandbox() = default;

// ---- Start ------------------------------------------------------------------------------------

absl::Status Sandbox::Start(ReadyCallback on_ready, DeathCallback on_death) {
  std::lock_guard lock(mu_);
  WARREN_RETURN_IF_ERROR(WatchPipe(channel_.pipes().events.get(), Pipe::kEvents));
  WARREN_RETURN_IF_ERROR(WatchPipe(channel_.pipes().standard_output.get(), Pipe::kStdout));
  WARREN_RETURN_IF_ERROR(WatchPipe(channel_.pipes().standard_error.get(), Pipe::kStderr));
  on_ready_ = std::move(on_ready);
  on_death_ = std::move(on_death);
  end_timer_ = At(MonotonicClock::now() + AtPace(kReadyTimeout), [](Sandbox& self) {
    self.ReportReady(absl::DeadlineExceededError(absl::StrCat(
        "sandbox ", self.identity_.id, ": its worker was not ready within ",
        std::chrono::round<std::chrono::seconds>(self.AtPace(kReadyTimeout)).count(), " s")));
    self.Kill(StopReason::kViolation);
  });
  return absl::OkStatus();
}

// Edge-triggered: a pipe that nobody wants to read, between cells or behind a slow client, costs no
// wake-up, and none of it needs a system call to change.
absl::Status Sandbox::WatchPipe(int fd, Pipe pipe) {
  auto watch = host_.loop.Watch(
      fd, EPOLLIN | EPOLLET,
      [self = shared_from_this(), pipe](uint32_t events) { self->OnPipeReady(pipe, events); });
  if (!watch.ok()) {
    CloseWatches();
    return watch.status();
  }
  watches_.push_back(*watch);
  return absl::OkStatus();
}

void Sandbox::ReportReady(absl::Status status) {
  if (!on_ready_) return;
  host_.loop.CancelTimer(std::exchange(end_timer_, 0));
  if (status.ok()) state_ = State::kAlive;
  host_.loop.Post([on_ready = std::move(on_ready_), status = std::move(status)]() mutable {
    on_ready(std::move(status));
  });
  on_ready_ = nullptr;
}

absl::Status Sandbox::OnStartEvent(const WorkerEvent& event) {
  if (event.has_ready()) {
    worker_stages_.push_back(Stage("join", event.ready().join_ns()));
    worker_stages_.push_back(Stage("reseed", event.ready().reseed_ns()));
    ReportReady(absl::OkStatus());
    return absl::OkStatus();
  }
  if (event.has_setup_failed()) {
    const auto& failed = event.setup_failed();
    errno = failed.error_number();
    ReportReady(
        absl::InternalError(absl::StrCat("sandbox ", identity_.id, ": set-up stage \"",
                                         absl::CHexEscape(failed.stage().substr(0, kMaxStageName)),
                                         "\" failed", Errno("").message())));
    Kill(StopReason::kViolation);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("an event before Ready");
}

// ---- Reading ----------------------------------------------------------------------------------

bool Sandbox::WantsMore() const {
  if (state_ == State::kStarting) return true;
  // Between cells nothing is read: a background thread that floods fills its pipe and blocks there.
  return state_ == State::kAlive && running_.has_value() && !paused_ && violation_.empty();
}

void Sandbox::OnPipeReady(Pipe pipe, uint32_t events) {
  std::lock_guard lock(mu_);
  if (state_ == State::kDead) return;
  if (WantsMore()) {
    ReadPipe(pipe);
  } else {
    unread_ = true;
  }
  // The pipe's last writer is gone: whatever it still holds is read when the end is dealt with.
  if (pipe == Pipe::kEvents && (events & (EPOLLHUP | EPOLLERR)) != 0) OnPipeClosed();
}

void Sandbox::ReadPipe(Pipe pipe) {
  WorkerChannel::Outcome outcome;
  if (pipe == Pipe::kEvents) {
    auto read = channel_.ReadEvents(*this);
    if (!read.ok()) return Violation(read.status());
    outcome = *read;
    if (outcome == WorkerChannel::Outcome::kClosed) return OnPipeClosed();
  } else {
    outcome = channel_.ReadOutput(
        pipe == Pipe::kStdout ? ExecutionEvent::Output::STDOUT : ExecutionEvent::Output::STDERR,
        *this);
  }
  if (outcome != WorkerChannel::Outcome::kMore) return;
  unread_ = true;
  // The turn is over, not the wish: go on after the other sandboxes' turns.
  if (WantsMore()) PostReadAll();
}

void Sandbox::PostReadAll() {
  host_.loop.Post([weak = weak_from_this()] {
    if (auto self = weak.lock()) {
      std::lock_guard lock(self->mu_);
      self->ReadAll();
    }
  });
}

void Sandbox::ReadAll() {
  if (state_ == State::kDead || !WantsMore() || !std::exchange(unread_, false)) return;
  ReadPipe(Pipe::kStdout);
  ReadPipe(Pipe::kStderr);
  if (state_ != State::kDead) ReadPipe(Pipe::kEvents);
}

absl::Status Sandbox::OnEvent(const WorkerEvent& event) {
  if (on_ready_) return OnStartEvent(event);
  if (event.has_ready() || event.has_setup_failed()) {
    return absl::InvalidArgumentError("a start-up event after the start");
  }
  if (!running_) return absl::InvalidArgumentError("an event while no cell runs");
  if (IsForAnyCell(event)) return OnDisplay(event);
  if (event.execution_id() != running_->number) {
    return absl::InvalidArgumentError("an event of a cell that does not run");
  }
  switch (event.event_case()) {
    case WorkerEvent::kError:
      return OnError(event.error());
    case WorkerEvent::kInterruptMissed:
      return OnInterruptMissed();
    case WorkerEvent::kUnimplemented:
      OnUnimplemented(event.unimplemented());
      return absl::OkStatus();
    case WorkerEvent::kDone:
      OnDone(event.done());
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("an answer to a request that was not made");
  }
}

// ---- The end ----------------------------------------------------------------------------------

void Sandbox::Violation(const absl::Status& what) {
  if (!violation_.empty() || state_ == State::kDead) return;
  violation_ = std::string(what.message());
  spdlog::warn("sandbox {}: protocol violation, killing it: {}", identity_.id, violation_);
  ReportReady(absl::InternalError(
      absl::StrCat("sandbox ", identity_.id, ": its worker broke the protocol: ", violation_)));
  Kill(StopReason::kViolation);
}

void Sandbox::Destroy(StopReason reason) {
  std::lock_guard lock(mu_);
  Kill(reason);
}

void Sandbox::Kill(StopReason reason) {
  if (end_reason_ == StopReason::kNone) end_reason_ = reason;
  if (running_ && running_->stop == StopReason::kNone) running_->stop = reason;
  if (std::exchange(kill_sent_, true) || gone_) return;
  // The totals while the cgroup can still tell them.
  ReadTotalsLocked();
  internal::LauncherRequest request;
  request.mutable_destroy_sandbox()->set_sandbox_id(identity_.id);
  host_.link.Call(std::move(request), nullptr);
  if (state_ == State::kDead) return;
  // The call's end does not hang on a launcher that is slow: the kill has been asked for.
  DieAfter(kKilledTimeout);
}

void Sandbox::OnPipeClosed() {
  if (state_ == State::kDead || end_.closed_pipe) return;
  ReadTotalsLocked();
  NoteOomKills();
  if (end_.known || kill_sent_) return Die();
  end_.closed_pipe = true;
  // The exit code, or the signal, comes from the launcher.
  DieAfter(kClosedPipeTimeout);
}

void Sandbox::OnContextExited(const internal::ContextExited& event) {
  std::lock_guard lock(mu_);
  if (state_ == State::kDead) return;
  end_.known = true;
  end_.closed_pipe = false;
  end_.exit_code = event.exit_code();
  end_.signal = event.signal();
  ReadTotalsLocked();
  NoteOomKills();
  if (kill_sent_ || end_.signal != SIGKILL || end_.out_of_memory || !event.sandbox_ends()) {
    return Die();
  }
  // On v1 the launcher kills at the kernel's warning, before a kill is counted, and on v2 the
  // cgroup may be gone already: SandboxGone says whether it was for memory.
  DieAfter(kAccountTimeout);
}

void Sandbox::OnGone(const internal::SandboxGone& event) {
  std::lock_guard lock(mu_);
  gone_ = true;
  if (state_ == State::kDead) return;
  if (!event.stats().empty()) stats_ = SandboxStats(event.stats());
  if (event.reason() == internal::SandboxGone::OUT_OF_MEMORY) end_.out_of_memory = true;
  if (!end_.known) {
    end_.known = true;
    end_.closed_pipe = false;
    end_.signal = SIGKILL;
  }
  Die();
}

void Sandbox::NoteOomKills() {
  auto kills = stats_.ReadOomKills();
  // The cgroup cannot tell any more.
  if (!kills) return;
  // A context that ended otherwise was not what the kernel killed.
  if (*kills > 0 && (!end_.known || end_.signal == SIGKILL)) end_.out_of_memory = true;
}

// IO thread.
void Sandbox::Die() {
  if (state_ == State::kDead) return;
  const bool was_ready = !on_ready_;
  state_ = State::kDead;
  host_.loop.CancelTimer(std::exchange(end_timer_, 0));
  if (end_.known && end_.signal != SIGKILL) end_.out_of_memory = false;
  if (running_) channel_.ReadRemains(*this).IgnoreError();
  warren::v1::Termination termination =
      TerminationOfDeadCell(running_ ? running_->stop : end_reason_, end_, violation_);
  death_reason_ = termination.message();
  if (running_) Finish(std::move(termination), 0, {});
  for (auto& execution : std::exchange(waiting_, {})) {
    execution->stream.Fail(
        absl::FailedPreconditionError(absl::StrCat("the context is gone: ", death_reason_)));
  }
  ReadTotalsLocked();
  CloseWatches();
  channel_.Close();
  stats_ = SandboxStats();
  // What the context left running ends with it.
  Kill(StopReason::kDestroyed);
  ReportReady(absl::InternalError(
      absl::StrCat("sandbox ", identity_.id, ": it ended before it was ready: ", death_reason_)));
  if (was_ready && on_death_) host_.loop.Post(std::move(on_death_));
  on_death_ = nullptr;
}

void Sandbox::DieAfter(std::chrono::milliseconds time) {
  host_.loop.CancelTimer(end_timer_);
  end_timer_ = At(MonotonicClock::now() + AtPace(time), [](Sandbox& self) {
    spdlog::warn("sandbox {}: the launcher has not said how it ended", self.identity_.id);
    self.Die();
  });
}

void Sandbox::CloseWatches() {
  for (IoLoop::WatchId watch : watches_) host_.loop.Unwatch(watch);
  watches_.clear();
  host_.loop.Unwatch(std::exchange(request_watch_, IoLoop::kNoWatch));
}

// ---- Facts ------------------------------------------------------------------------------------

bool Sandbox::alive() const {
  std::lock_guard lock(mu_);
  return state_ == State::kAlive && end_reason_ == StopReason::kNone && !end_.closed_pipe;
}

std::string Sandbox::death_reason() const {
  std::lock_guard lock(mu_);
  return death_reason_;
}

int Sandbox::execution_count() const {
  std::lock_guard lock(mu_);
  return execution_count_;
}

int64_t Sandbox::ReadMemory() const {
  std::lock_guard lock(mu_);
  return stats_.ReadMemory().value_or(0);
}

std::vector<warren::v1::StageTiming> Sandbox::worker_stages() const {
  std::lock_guard lock(mu_);
  return worker_stages_;
}

SandboxTotals Sandbox::ReadTotals() {
  std::lock_guard lock(mu_);
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
  return totals_;
}

}  // namespace warren
