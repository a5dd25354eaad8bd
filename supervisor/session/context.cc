#include "supervisor/session/context.h"

#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
#include "runtime/base/status.h"
#include "spdlog/spdlog.h"
#include "supervisor/session/public_events.h"

// How a context starts, is read, and ends. What happens to its cells is in context_cells.cc.
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

Context::Context(SandboxHost& shared, ContextHost& host, std::string id, WorkerPipes pipes,
                 ContextSpec spec)
    : shared_(shared),
      id_(std::move(id)),
      host_(&host),
      spec_(std::move(spec)),
      channel_(std::move(pipes)),
      unsent_code_(&shared.memory) {}

// ---- Start ------------------------------------------------------------------------------------

absl::Status Context::Start(std::shared_ptr<void> keep, ReadyCallback on_ready) {
  MutexLock lock(&mu_);
  WARREN_RETURN_IF_ERROR(WatchPipe(channel_.pipes().events.get(), Pipe::kEvents, keep));
  WARREN_RETURN_IF_ERROR(WatchPipe(channel_.pipes().standard_output.get(), Pipe::kStdout, keep));
  WARREN_RETURN_IF_ERROR(WatchPipe(channel_.pipes().standard_error.get(), Pipe::kStderr, keep));
  keep_ = keep;
  on_ready_ = std::move(on_ready);
  ArmReadyTimeout();
  // The worker finds it in its pipe when it is ready: no round trip of its own.
  if (!spec_.plain()) SendConfigure(ToConfigure(spec_));
  return absl::OkStatus();
}

void Context::ArmReadyTimeout() {
  Arm(end_timer_, MonotonicClock::now() + AtPace(kReadyTimeout), [](Context& self) {
    self.mu_.AssertHeld();
    self.ReportReady(absl::DeadlineExceededError(absl::StrCat(
        "sandbox ", self.host_->id(), ": its worker was not ready within ",
        std::chrono::round<std::chrono::seconds>(self.AtPace(kReadyTimeout)).count(), " s")));
    self.KillLocked(StopReason::kViolation);
  });
}

// Edge-triggered: a pipe that nobody wants to read, between cells or behind a slow client, costs no
// wake-up, and none of it needs a system call to change.
absl::Status Context::WatchPipe(int fd, Pipe pipe, const std::shared_ptr<void>& keep) {
  auto watch = shared_.loop.Watch(fd, EPOLLIN | EPOLLET,
                                  [self = shared_from_this(), keep, pipe](uint32_t events) {
                                    self->OnPipeReady(pipe, events);
                                  });
  if (!watch.ok()) {
    CloseWatches();
    return watch.status();
  }
  watches_.push_back(*watch);
  return absl::OkStatus();
}

void Context::ReportReady(absl::Status status) {
  if (!on_ready_) return;
  Cancel(end_timer_);
  if (status.ok()) state_ = State::kAlive;
  shared_.loop.Post([on_ready = std::move(on_ready_), status = std::move(status)]() mutable {
    on_ready(std::move(status));
  });
  on_ready_ = nullptr;
}

absl::Status Context::OnStartEvent(const WorkerEvent& event) {
  if (event.has_ready()) {
    if (!worker_stages_.empty()) return absl::InvalidArgumentError("a second Ready");
    worker_stages_.push_back(Stage("join", event.ready().join_ns()));
    worker_stages_.push_back(Stage("reseed", event.ready().reseed_ns()));
    if (configuring_ == 0) ReportReady(absl::OkStatus());
    return absl::OkStatus();
  }
  if (event.has_setup_failed()) {
    const auto& failed = event.setup_failed();
    errno = failed.error_number();
    ReportReady(
        absl::InternalError(absl::StrCat("sandbox ", host_->id(), ": set-up stage \"",
                                         absl::CHexEscape(failed.stage().substr(0, kMaxStageName)),
                                         "\" failed", Errno("").message())));
    KillLocked(StopReason::kViolation);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("an event before Ready");
}

// ---- Reading ----------------------------------------------------------------------------------

bool Context::WantsMore() const {
  mu_.AssertHeld();
  return WantsMoreLocked();
}

bool Context::WantsMoreLocked() const {
  if (state_ == State::kStarting) return true;
  // Between cells nothing is read: a background thread that floods fills its pipe and blocks there.
  if (state_ != State::kAlive || !violation_.empty()) return false;
  if (configuring_ != 0) return true;
  if (!running_) return false;
  // A worker that was asked to stop must not be blocked on a full pipe, however slow the client is.
  return (!paused_ && !held_) || running_->stop != StopReason::kNone;
}

void Context::OnPipeReady(Pipe pipe, uint32_t events) {
  MutexLock lock(&mu_);
  if (state_ == State::kDead) return;
  if (WantsMoreLocked()) {
    Read({pipe});
  } else {
    unread_ = true;
  }
  // The pipe's last writer is gone: whatever it still holds is read when the end is dealt with.
  if (pipe == Pipe::kEvents && (events & (EPOLLHUP | EPOLLERR)) != 0) OnPipeClosed();
}

void Context::Read(std::initializer_list<Pipe> pipes) {
  // What a context says as it starts is nobody's work yet.
  if (!running_) {
    for (Pipe pipe : pipes) ReadPipe(pipe, WorkerChannel::kTurnBytes);
    return GoOnReading();
  }
  const MonotonicTime now = MonotonicClock::now();
  const size_t allowance = running_->stop == StopReason::kNone ? shared_.turns.Allowance(turn_, now)
                                                               : ReadTurns::kUnbounded;
  const size_t before = channel_.bytes_read();
  for (Pipe pipe : pipes) {
    const size_t left = allowance - std::min(allowance, channel_.bytes_read() - before);
    ReadPipe(pipe, std::max(left, ReadTurns::kLeast));
  }
  if (const size_t bytes = channel_.bytes_read() - before; bytes > 0)
    HoldUntil(shared_.turns.OnRead(turn_, bytes, now));
  GoOnReading();
}

void Context::ReadPipe(Pipe pipe, size_t most) {
  if (state_ == State::kDead) return;
  WorkerChannel::Outcome outcome;
  if (pipe == Pipe::kEvents) {
    auto read = channel_.ReadEvents(*this, most);
    if (!read.ok()) return Violation(read.status());
    outcome = *read;
    if (outcome == WorkerChannel::Outcome::kClosed) return OnPipeClosed();
  } else {
    outcome = channel_.ReadOutput(
        pipe == Pipe::kStdout ? ExecutionEvent::Output::STDOUT : ExecutionEvent::Output::STDERR,
        *this, most);
  }
  if (outcome == WorkerChannel::Outcome::kMore) unread_ = true;
}

// The turn is over, not the wish: after the other sandboxes' turns.
void Context::GoOnReading() {
  if (unread_ && WantsMoreLocked()) PostReadAll();
}

void Context::HoldUntil(std::optional<MonotonicTime> time) {
  if (!time || held_ || !running_ || running_->stop != StopReason::kNone) return;
  held_ = true;
  unread_ = true;
  At(*time, [](Context& self) {
    self.mu_.AssertHeld();
    self.held_ = false;
    self.ReadAll();
  });
}

void Context::PostReadAll() {
  Post([](Context& self) {
    self.mu_.AssertHeld();
    self.ReadAll();
  });
}

void Context::ReadAll() {
  if (state_ == State::kDead || !WantsMoreLocked() || !std::exchange(unread_, false)) return;
  Read({Pipe::kStdout, Pipe::kStderr, Pipe::kEvents});
}

absl::Status Context::OnEvent(const WorkerEvent& event) {
  mu_.AssertHeld();
  if (event.has_configured()) return OnConfigured(event);
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
    case WorkerEvent::kOutputFile:
      return OnOutputFile(event.output_file());
    case WorkerEvent::kInterruptMissed:
      return OnInterruptMissed();
    case WorkerEvent::kUnimplemented:
    case WorkerEvent::kDone:
      break;
    default:
      return absl::InvalidArgumentError("an answer to a request that was not made");
  }
  if (channel_.has_unsent()) {
    return absl::InvalidArgumentError("the end of a cell that it has not read");
  }
  if (event.has_done()) {
    OnDone(event.done());
  } else {
    OnUnimplemented(event.unimplemented());
  }
  return absl::OkStatus();
}

// ---- The end ----------------------------------------------------------------------------------

void Context::Violation(const absl::Status& what) {
  if (!violation_.empty() || state_ == State::kDead) return;
  violation_ = std::string(what.message());
  spdlog::warn("event=protocol_violation sandbox={} context={} error=\"{}\"", host_->id(), id_,
               absl::CEscape(violation_));
  ReportReady(absl::InternalError(
      absl::StrCat("sandbox ", host_->id(), ": its worker broke the protocol: ", violation_)));
  KillLocked(StopReason::kViolation);
}

void Context::NoteReason(StopReason reason) {
  if (end_reason_ == StopReason::kNone) end_reason_ = reason;
  if (running_ && running_->stop == StopReason::kNone) running_->stop = reason;
}

void Context::End(StopReason reason) {
  MutexLock lock(&mu_);
  if (state_ == State::kDead) return;
  NoteReason(reason);
  // Paused or not, it is killed.
  GoOnLocked();
  sandbox_ends_ = true;
  if (std::exchange(kill_sent_, true)) return;
  // The call's end does not hang on a launcher that is slow: the kill has been asked for.
  DieAfter(kKilledTimeout);
}

void Context::Kill(StopReason reason) {
  MutexLock lock(&mu_);
  if (state_ != State::kDead) KillLocked(reason);
}

void Context::KillLocked(StopReason reason) {
  NoteReason(reason);
  if (std::exchange(kill_sent_, true)) return;
  if (host_->Kill(*this, reason) == ContextHost::Reach::kSandbox) sandbox_ends_ = true;
  DieAfter(kKilledTimeout);
}

void Context::OnPipeClosed() {
  if (state_ == State::kDead || end_.closed_pipe || account_awaited_) return;
  host_->ReadTotals();
  NoteOomKills();
  if (end_.known || kill_sent_) return Die();
  end_.closed_pipe = true;
  // The exit code, or the signal, comes from the launcher.
  DieAfter(kClosedPipeTimeout);
}

void Context::OnExited(const ContextExit& exit) {
  MutexLock lock(&mu_);
  if (state_ == State::kDead) return;
  end_.known = true;
  end_.closed_pipe = false;
  if (exit.sandbox_ends) sandbox_ends_ = true;
  end_.exit_code = exit.exit_code;
  end_.signal = exit.signal;
  host_->ReadTotals();
  NoteOomKills();
  if (kill_sent_ || end_.signal != SIGKILL || end_.out_of_memory || !exit.sandbox_ends) {
    return Die();
  }
  // On v1 the launcher kills at the kernel's warning, before a kill is counted, and on v2 the
  // cgroup may be gone already: SandboxGone says whether it was for memory.
  account_awaited_ = true;
  DieAfter(kAccountTimeout);
}

void Context::OnSandboxGone(bool out_of_memory) {
  MutexLock lock(&mu_);
  if (state_ == State::kDead) return;
  kill_sent_ = true;
  sandbox_ends_ = true;
  if (out_of_memory) end_.out_of_memory = true;
  if (!end_.known) {
    end_.known = true;
    end_.closed_pipe = false;
    end_.signal = SIGKILL;
  }
  Die();
}

void Context::NoteOomKills() {
  auto kills = host_->ReadOomKills();
  // The cgroup cannot tell any more.
  if (!kills) return;
  // A context that ended otherwise was not what the kernel killed.
  if (*kills > 0 && (!end_.known || end_.signal == SIGKILL)) end_.out_of_memory = true;
}

void Context::Die() {
  if (state_ == State::kDead) return;
  state_ = State::kDead;
  Cancel(end_timer_);
  // One that closed its pipe and lives on must not.
  if (!end_.known && !std::exchange(kill_sent_, true)) host_->Kill(*this, StopReason::kViolation);
  if (end_.known && end_.signal != SIGKILL) end_.out_of_memory = false;
  if (end_.out_of_memory) sandbox_ends_ = true;
  end_.sandbox_lives = !sandbox_ends_;
  if (running_) channel_.ReadRemains(*this).IgnoreError();
  warren::v1::Termination termination =
      TerminationOfDeadCell(running_ ? running_->stop : end_reason_, end_, violation_);
  death_reason_ = termination.message();
  // Before anybody is told: who then asks for the sandbox is to find it dead.
  host_->OnDead(*this, death_reason_,
                sandbox_ends_ ? ContextHost::Reach::kSandbox : ContextHost::Reach::kContext);
  if (running_) Finish(std::move(termination), 0, absl::GetCurrentTimeNanos(), {});
  for (auto& execution : std::exchange(waiting_, {})) {
    execution->code_charge().Clear();
    execution->Fail(
        absl::FailedPreconditionError(absl::StrCat("the context is gone: ", death_reason_)));
  }
  ReportReady(absl::InternalError(
      absl::StrCat("sandbox ", host_->id(), ": it ended before it was ready: ", death_reason_)));
  host_ = nullptr;
  // The watches may be the last to hold the sandbox, whose destructor must not find this lock held.
  shared_.loop.Post([keep = keep_.lock()] {});
  CloseWatches();
  channel_.Close();
  unsent_code_.Clear();
}

void Context::DieAfter(std::chrono::milliseconds time) {
  Arm(end_timer_, MonotonicClock::now() + AtPace(time), [](Context& self) {
    self.mu_.AssertHeld();
    spdlog::warn("event=end_not_told sandbox={} context={}", self.host_->id(), self.id_);
    self.Die();
  });
}

void Context::CloseWatches() {
  for (IoLoop::WatchId watch : watches_) shared_.loop.Unwatch(watch);
  watches_.clear();
  shared_.loop.Unwatch(std::exchange(request_watch_, IoLoop::kNoWatch));
}

void Context::Abandon() {
  MutexLock lock(&mu_);
  state_ = State::kDead;
  host_ = nullptr;
  running_.reset();
  waiting_.clear();
}

// ---- Facts ------------------------------------------------------------------------------------

bool Context::AliveLocked() const {
  return state_ == State::kAlive && end_reason_ == StopReason::kNone && !end_.closed_pipe;
}

bool Context::alive() const {
  MutexLock lock(&mu_);
  return AliveLocked();
}

ContextSpec Context::spec() const {
  MutexLock lock(&mu_);
  return spec_;
}

std::string Context::death_reason() const {
  MutexLock lock(&mu_);
  return death_reason_;
}

int Context::execution_count() const {
  MutexLock lock(&mu_);
  return execution_count_;
}

std::vector<warren::v1::StageTiming> Context::worker_stages() const {
  MutexLock lock(&mu_);
  return worker_stages_;
}

}  // namespace warren
