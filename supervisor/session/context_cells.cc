#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"
#include "supervisor/session/context.h"
#include "supervisor/session/pause_control.h"
#include "supervisor/session/public_events.h"

// The cells of a context: queue, output, deadlines. How the context itself starts and ends is in
// context.cc.
namespace warren {
namespace {

using internal::WorkerDone;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

constexpr size_t kMaxUnimplementedName = 128;
// CPU seconds are looked at when they could be used up at the earliest, but no oftener than this.
constexpr std::chrono::milliseconds kMinCpuCheck{50};
// What an empty pipe takes at once: shorter code is not held here when its cell begins.
constexpr size_t kPipeBytes = 60 << 10;
// What a waiting cell takes beside its code.
constexpr int64_t kCellBytes = 2048;
constexpr int kMaxOutputFiles = 1000;
constexpr size_t kMaxIncomplete = 1024;

// What of a request waits for the worker.
int64_t WaitingBytes(const warren::v1::ExecuteCodeRequest& request) {
  size_t bytes = request.code().size();
  for (const auto& file : request.input_files()) bytes += file.path().size() + file.data().size();
  return static_cast<int64_t>(bytes);
}

CodeEnd CodeEndOf(const WorkerDone& done) {
  if (done.outcome() == WorkerDone::OK) return CodeEnd::kReached;
  return done.not_run() ? CodeEnd::kNotBegun : CodeEnd::kRaised;
}

absl::Status NoMemory(const MemoryBudget& memory) {
  return absl::ResourceExhaustedError(
      absl::StrCat("the server holds ", memory.limit() >> 20,
                   " MiB of waiting code and unread output, which is all that it may: wait until "
                   "cells have ended, read or cancel open streams, or start warrend with a larger "
                   "--buffer-memory"));
}

}  // namespace

// ---- Asked by clients -------------------------------------------------------------------------

absl::Status Context::Execute(std::shared_ptr<Execution> execution) {
  MutexLock lock(&mu_);
  if (!AliveLocked()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the context is gone: ", death_reason_.empty() ? "it is being killed" : death_reason_,
        sandbox_ends_ ? "; create a new sandbox" : "; restart it, or create another one"));
  }
  if (still_) return PausedError();
  const int64_t code_bytes = WaitingBytes(execution->request());
  execution->code_charge() = MemoryCharge(&shared_.memory);
  if (!running_ && waiting_.empty() && interrupts_in_flight_ == 0 && configuring_ == 0) {
    if (shared_.memory.exhausted() || (code_bytes > static_cast<int64_t>(kPipeBytes) &&
                                       !execution->code_charge().TryAdd(code_bytes))) {
      return NoMemory(shared_.memory);
    }
    Begin(std::move(execution));
    return absl::OkStatus();
  }
  if (waiting_.size() >= kMaxWaiting) {
    return absl::ResourceExhaustedError(absl::StrCat(
        kMaxWaiting, " cells wait for this context already; wait until some have ended"));
  }
  if (!execution->code_charge().TryAdd(code_bytes + kCellBytes)) return NoMemory(shared_.memory);
  waiting_.push_back(std::move(execution));
  return absl::OkStatus();
}

void Context::Cancel(std::shared_ptr<Execution> execution) {
  shared_.loop.Post([weak = weak_from_this(), execution = std::move(execution)] {
    auto self = weak.lock();
    if (!self) return;
    MutexLock lock(&self->mu_);
    self->CancelLocked(*execution);
  });
}

void Context::CancelLocked(const Execution& execution) {
  if (running_ && running_->execution.get() == &execution) {
    return RequestStop(StopReason::kCancelled);
  }
  auto found = std::find_if(waiting_.begin(), waiting_.end(),
                            [&](const auto& waiting) { return waiting.get() == &execution; });
  if (found == waiting_.end()) return;
  std::shared_ptr<Execution> cancelled = std::move(*found);
  waiting_.erase(found);
  cancelled->code_charge().Clear();
  cancelled->Fail(absl::CancelledError("the cell was cancelled before it ran"));
}

void Context::Resume(std::shared_ptr<Execution> execution) {
  shared_.loop.Post([weak = weak_from_this(), execution = std::move(execution)] {
    auto self = weak.lock();
    if (!self) return;
    MutexLock lock(&self->mu_);
    if (!self->running_ || self->running_->execution != execution) return;
    self->paused_ = false;
    self->ReadAll();
  });
}

bool Context::Has(const std::string& execution_id) const {
  MutexLock lock(&mu_);
  if (running_ && running_->execution->id() == execution_id) return true;
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [&](const auto& waiting) { return waiting->id() == execution_id; });
}

absl::Status Context::Interrupt() {
  MutexLock lock(&mu_);
  if (still_) return PausedError();
  if (!running_) return absl::FailedPreconditionError("nothing runs in this context");
  SendInterrupt();
  return absl::OkStatus();
}

// ---- A cell's beginning -----------------------------------------------------------------------

void Context::Begin(std::shared_ptr<Execution> execution) {
  running_ = Running{};
  running_->execution = std::move(execution);
  running_->number = ++last_number_;
  const int64_t wanted_bytes = running_->execution->request().max_output_bytes();
  running_->max_output_bytes = wanted_bytes > 0 ? wanted_bytes : host_->output_bytes_limit();
  running_->cpu_at_start = host_->ReadCpu();
  running_->started = MonotonicClock::now();
  paused_ = false;
  shared_.running_cells.fetch_add(1, std::memory_order_relaxed);

  Execution& cell = *running_->execution;
  SendToWorker(cell);
  ExecutionEvent event;
  event.mutable_started()->set_execution_id(cell.id());
  paused_ = cell.Push(std::move(event), absl::GetCurrentTimeNanos()) == Flow::kPause;
  ArmDeadline();
  ArmCpuCheck();
  // What a background thread wrote since the last cell may fill the pipe: without a new edge nobody
  // would read it.
  if (unread_) PostReadAll();
}

void Context::SendToWorker(Execution& execution) {
  internal::WorkerRequest request;
  request.set_execution_id(running_->number);
  const int64_t code_bytes = WaitingBytes(execution.request());
  FillExecute(execution.request(), request.mutable_execute());
  request.mutable_execute()->set_code(execution.TakeCode());
  if (execution.request().input_files_size() > 0)
    MoveInputFiles(execution.TakeInputFiles(), request.mutable_execute());
  SendRequest(request, code_bytes);
  execution.code_charge().Clear();
}

void Context::SendRequest(const internal::WorkerRequest& request, int64_t bytes) {
  // A closed pipe shows as the end of events.
  if (channel_.Send(request) != WorkerChannel::Outcome::kMore) return;
  unsent_code_.Add(bytes);
  Post([](Context& self) {
    self.mu_.AssertHeld();
    self.WatchRequestPipe();
  });
}

void Context::WatchRequestPipe() {
  if (state_ == State::kDead || request_watch_ != IoLoop::kNoWatch) return;
  auto watch =
      shared_.loop.Watch(channel_.pipes().requests.get(), EPOLLOUT,
                         [self = shared_from_this()](uint32_t) { self->OnRequestPipeWritable(); });
  if (!watch.ok()) return Violation(watch.status());
  request_watch_ = *watch;
}

void Context::OnRequestPipeWritable() {
  MutexLock lock(&mu_);
  if (state_ == State::kDead || channel_.Flush() == WorkerChannel::Outcome::kMore) return;
  unsent_code_.Clear();
  shared_.loop.Unwatch(std::exchange(request_watch_, IoLoop::kNoWatch));
}

void Context::BeginNext() {
  if (running_ || waiting_.empty() || interrupts_in_flight_ > 0) return;
  if (configuring_ != 0 || still_) return;
  if (state_ != State::kAlive || end_reason_ != StopReason::kNone) return;
  std::shared_ptr<Execution> next = std::move(waiting_.front());
  waiting_.pop_front();
  Begin(std::move(next));
}

// ---- Deadlines --------------------------------------------------------------------------------

std::chrono::nanoseconds Context::AtPace(std::chrono::milliseconds time) const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time * shared_.pace);
}

void Context::Post(LockedTask task) {
  shared_.loop.Post([weak = weak_from_this(), task] {
    auto self = weak.lock();
    if (!self) return;
    MutexLock lock(&self->mu_);
    task(*self);
  });
}

TimerId Context::At(MonotonicTime when, LockedTask task) {
  return shared_.loop.AddTimer(when, [weak = weak_from_this(), task] {
    auto self = weak.lock();
    if (!self) return;
    MutexLock lock(&self->mu_);
    if (self->state_ != State::kDead) task(*self);
  });
}

TimerId Context::AtForRunning(MonotonicTime when, LockedTask task) {
  return shared_.loop.AddTimer(when, [weak = weak_from_this(), number = running_->number, task] {
    auto self = weak.lock();
    if (!self) return;
    MutexLock lock(&self->mu_);
    if (self->running_ && self->running_->number == number) task(*self);
  });
}

void Context::ArmDeadline() {
  const auto timeout =
      absl::ToChronoNanoseconds(ToDuration(running_->execution->request().timeout()));
  ArmForRunning(running_->timer, running_->started + timeout, [](Context& self) {
    self.mu_.AssertHeld();
    self.RequestStop(StopReason::kTimeout);
  });
}

void Context::ArmCpuCheck() {
  const warren::v1::Limits& limits = host_->limits();
  if (limits.cpu_seconds() == 0) return;
  CpuTime used = host_->ReadCpu();
  absl::Duration left = absl::Seconds(limits.cpu_seconds()) - used.user - used.system;
  if (left <= absl::ZeroDuration()) {
    spdlog::info("event=cpu_seconds_used_up sandbox={}", host_->id());
    return KillLocked(StopReason::kCpuLimit);
  }
  const double cores = std::max(host_->cpu_millis(), 1) / 1000.0;
  auto wait =
      std::max<std::chrono::nanoseconds>(absl::ToChronoNanoseconds(left / cores), kMinCpuCheck);
  ArmForRunning(running_->cpu_timer, MonotonicClock::now() + wait, [](Context& self) {
    self.mu_.AssertHeld();
    self.ArmCpuCheck();
  });
}

void Context::RequestStop(StopReason reason) {
  if (running_->stop != StopReason::kNone) return;
  running_->stop = reason;
  SendInterrupt();
  ArmForRunning(running_->timer, MonotonicClock::now() + AtPace(kGrace), [](Context& self) {
    self.mu_.AssertHeld();
    spdlog::info("event=interrupt_ignored sandbox={} context={} execution={}", self.host_->id(),
                 self.id_, self.running_->execution->id());
    self.KillLocked(self.running_->stop);
  });
  // A worker that is blocked on a full pipe could not react to the interrupt: from now on it is
  // read whether the client has room or not.
  if (paused_ || held_) PostReadAll();
}

// On a busy host the signal may be there before the worker has read its request. Else it was meant
// for the cell before.
absl::Status Context::OnInterruptMissed() {
  if (std::exchange(running_->interrupt_missed, true)) {
    return absl::InvalidArgumentError("a second missed interrupt of one cell");
  }
  if (running_->interrupted) SendInterrupt();
  return absl::OkStatus();
}

void Context::SendInterrupt() {
  running_->interrupted = true;
  ++interrupts_in_flight_;
  host_->Interrupt(*this, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    MutexLock lock(&self->mu_);
    // The signal is sent, and nothing of it can reach a cell that begins now.
    --self->interrupts_in_flight_;
    self->BeginNext();
  });
}

// ---- Output -----------------------------------------------------------------------------------

void Context::CountOutput(int64_t bytes) {
  running_->output_bytes += bytes;
  host_->CountOutput(bytes);
}

bool Context::DropsOutput() const { return running_->stop != StopReason::kNone && paused_; }

absl::Status Context::OnOutput(uint64_t execution_id, WorkerChannel::Stream stream,
                               absl::string_view data) {
  mu_.AssertHeld();
  if (execution_id > last_number_)
    return absl::InvalidArgumentError("output of a cell that never was");
  if (on_ready_ && execution_id == 0) return absl::OkStatus();  // Noise of the start.
  if (!running_) return absl::OkStatus();
  if (running_->stop == StopReason::kCancelled || running_->stop == StopReason::kOutputLimit) {
    return absl::OkStatus();
  }
  const int64_t room = running_->max_output_bytes - running_->output_bytes;
  const bool over = static_cast<int64_t>(data.size()) > room;
  if (over) data = data.substr(0, static_cast<size_t>(std::max<int64_t>(room, 0)));
  CountOutput(static_cast<int64_t>(data.size()));
  // After a stop the pipes are read on for the worker's sake; what a slow client has no room for is
  // dropped then.
  if (!data.empty() && !DropsOutput()) {
    paused_ = running_->execution->PushOutput(stream, data, channel_.read_time_unix_nanos()) ==
              Flow::kPause;
  }
  if (over) RequestStop(StopReason::kOutputLimit);
  return absl::OkStatus();
}

bool Context::IsForAnyCell(const internal::WorkerEvent& event) const {
  return (event.has_display() || event.has_clear_output() || event.has_comm()) &&
         event.execution_id() <= running_->number;
}

// Displays, and what else belongs to no place of a cell's own.
absl::Status Context::OnDisplay(const internal::WorkerEvent& event) {
  ExecutionEvent out;
  size_t bytes = 0;
  if (event.has_display()) {
    bytes = FillDisplay(event.display(), out.mutable_display());
    if (bytes == 0) return absl::OkStatus();
  } else if (event.has_comm()) {
    bytes = FillComm(event.comm(), out.mutable_comm());
  } else {
    out.mutable_clear_output()->set_wait(event.clear_output().wait());
  }
  if (running_->stop != StopReason::kNone) return absl::OkStatus();
  if (running_->output_bytes + static_cast<int64_t>(bytes) > running_->max_output_bytes) {
    RequestStop(StopReason::kOutputLimit);
    return absl::OkStatus();
  }
  CountOutput(static_cast<int64_t>(bytes));
  paused_ =
      running_->execution->Push(std::move(out), channel_.read_time_unix_nanos()) == Flow::kPause;
  return absl::OkStatus();
}

absl::Status Context::OnOutputFile(const internal::WorkerOutputFile& file) {
  if (running_->execution->request().output_files_size() == 0)
    return absl::InvalidArgumentError("an output file of a cell that asked for none");
  if (++running_->output_files > kMaxOutputFiles)
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxOutputFiles, " output files"));
  // As displays then: the client may have no room, and the worker is read on.
  if (running_->stop != StopReason::kNone) {
    ++running_->untold_files;
    return absl::OkStatus();
  }
  ExecutionEvent event;
  FillOutputFile(file, event.mutable_output_file());
  paused_ =
      running_->execution->Push(std::move(event), channel_.read_time_unix_nanos()) == Flow::kPause;
  return absl::OkStatus();
}

absl::Status Context::OnError(const internal::WorkerError& error) {
  if (std::exchange(running_->error_seen, true)) {
    return absl::InvalidArgumentError("a second error of one cell");
  }
  ExecutionEvent event;
  FillError(error, event.mutable_error());
  absl::string_view module = MissingModule(error.name(), error.value());
  if (!module.empty()) {
    event.mutable_error()->set_hint(shared_.module_hint(host_->template_id(), module));
  }
  running_->execution->Push(std::move(event), channel_.read_time_unix_nanos());
  return absl::OkStatus();
}

// ---- A cell's end -----------------------------------------------------------------------------

void Context::OnDone(const WorkerDone& done) {
  if (!done.not_run()) execution_count_ = std::max(done.execution_count(), 0);
  // The end of a cell that came too late to save its context: what is told is the kill.
  const bool too_late = !AliveLocked() && running_->stop != StopReason::kNone;
  Finish(too_late ? TerminationOfDeadCell(running_->stop, end_, violation_)
                  : TerminationOfLivingCell(running_->stop, CodeEndOf(done)),
         done.not_run() ? 0 : execution_count_, channel_.read_time_unix_nanos(), done);
  channel_.Shrink();
  BeginNext();
}

// The worker has not run it, and the context is as it was.
void Context::OnUnimplemented(const internal::WorkerUnimplemented& unimplemented) {
  const std::string what = ToValidUtf8(unimplemented.what(), kMaxUnimplementedName);
  TakeRunning()->Fail(
      unimplemented.by_language()
          ? absl::InvalidArgumentError(absl::StrCat(what, " is set, which cells in ",
                                                    spec_.language, " do not have; leave it unset"))
          : absl::UnimplementedError(absl::StrCat("this sandbox's worker has not built ", what)));
  BeginNext();
}

warren::v1::Usage Context::UsageOfRunning() {
  SandboxTotals totals = host_->ReadTotals();
  warren::v1::Usage usage;
  *usage.mutable_wall() = ToProto(absl::FromChrono(MonotonicClock::now() - running_->started));
  // A counter that could not be read keeps its last value, which may lie before the start.
  auto since = [](absl::Duration now, absl::Duration then) {
    return ToProto(std::max(now - then, absl::ZeroDuration()));
  };
  *usage.mutable_cpu_user() = since(totals.cpu.user, running_->cpu_at_start.user);
  *usage.mutable_cpu_system() = since(totals.cpu.system, running_->cpu_at_start.system);
  usage.set_peak_memory_bytes(totals.peak_memory_bytes);
  usage.set_peak_pids(totals.peak_pids);
  usage.set_output_bytes(running_->output_bytes);
  usage.set_backend(shared_.backend);
  return usage;
}

void Context::TellIncomplete(const WorkerDone& done, ExecutionEvent::Finished* finished) {
  std::string why;
  if (running_->untold_files > 0) {
    why = absl::StrCat("the cell was stopped: ", running_->untold_files,
                       " files that were found later are not told");
  } else if (done.outcome() == WorkerDone::OUTCOME_UNSPECIFIED) {
    why = "the context ended";
  } else {
    why = ToValidUtf8(done.output_files_incomplete(), kMaxIncomplete);
  }
  finished->set_output_files_incomplete(std::move(why));
}

void Context::Finish(Termination termination, int execution_count, int64_t time_unix_nanos,
                     const WorkerDone& done) {
  termination.set_context_alive(AliveLocked());
  ExecutionEvent event;
  *event.mutable_finished()->mutable_usage() = UsageOfRunning();
  event.mutable_finished()->set_execution_count(execution_count);
  if (done.user_expressions_size() > 0) {
    FillExpressionValues(done, running_->execution->request().user_expressions(),
                         event.mutable_finished()->mutable_user_expressions());
  }
  if (running_->execution->request().output_files_size() > 0)
    TellIncomplete(done, event.mutable_finished());
  spdlog::debug("event=execution_ended sandbox={} context={} execution={} termination={} bytes={}",
                host_->id(), id_, running_->execution->id(),
                Termination::Kind_Name(termination.kind()), running_->output_bytes);
  *event.mutable_finished()->mutable_termination() = std::move(termination);
  // Free for the next cell before the client can know that this one is over.
  TakeRunning()->Finish(std::move(event), time_unix_nanos);
}

std::shared_ptr<Execution> Context::TakeRunning() {
  Cancel(running_->timer);
  Cancel(running_->cpu_timer);
  shared_.running_cells.fetch_sub(1, std::memory_order_relaxed);
  std::shared_ptr<Execution> ended = std::move(running_->execution);
  running_.reset();
  return ended;
}

}  // namespace warren
