#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/text.h"
#include "supervisor/session/public_events.h"
#include "supervisor/session/sandbox.h"

// The cells of a sandbox: queue, output, deadlines. How the sandbox itself starts and ends is in
// sandbox.cc.
namespace warren {
namespace {

using google::protobuf::util::TimeUtil;
using internal::WorkerDone;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

constexpr size_t kMaxUnimplementedName = 128;
// CPU seconds are looked at when they could be used up at the earliest, but no oftener than this.
constexpr std::chrono::milliseconds kMinCpuCheck{50};

google::protobuf::Duration ToProto(absl::Duration duration) {
  return TimeUtil::NanosecondsToDuration(absl::ToInt64Nanoseconds(duration));
}

}  // namespace

// ---- Asked by clients -------------------------------------------------------------------------

absl::Status Sandbox::Execute(std::shared_ptr<Execution> execution) {
  std::lock_guard lock(mu_);
  if (state_ != State::kAlive || end_reason_ != StopReason::kNone || end_.closed_pipe) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the context is gone: ", death_reason_.empty() ? "it is being killed" : death_reason_,
        "; create a new sandbox"));
  }
  if (!running_ && waiting_.empty() && interrupts_in_flight_ == 0) {
    Begin(std::move(execution));
    return absl::OkStatus();
  }
  if (waiting_.size() >= kMaxWaiting) {
    return absl::ResourceExhaustedError(absl::StrCat(
        kMaxWaiting, " cells wait for this context already; wait until some have ended"));
  }
  waiting_.push_back(std::move(execution));
  return absl::OkStatus();
}

void Sandbox::Cancel(const Execution& execution) {
  std::lock_guard lock(mu_);
  if (running_ && running_->execution.get() == &execution)
    return RequestStop(StopReason::kCancelled);
  auto found = std::find_if(waiting_.begin(), waiting_.end(),
                            [&](const auto& waiting) { return waiting.get() == &execution; });
  if (found == waiting_.end()) return;
  std::shared_ptr<Execution> cancelled = std::move(*found);
  waiting_.erase(found);
  cancelled->stream.Fail(absl::CancelledError("the cell was cancelled before it ran"));
}

absl::Status Sandbox::Interrupt() {
  std::lock_guard lock(mu_);
  if (!running_) return absl::FailedPreconditionError("nothing runs in this context");
  SendInterrupt();
  return absl::OkStatus();
}

// ---- A cell's beginning -----------------------------------------------------------------------

void Sandbox::Begin(std::shared_ptr<Execution> execution) {
  running_ = Running{};
  running_->execution = std::move(execution);
  running_->number = ++last_number_;
  running_->cpu_at_start = stats_.ReadCpu().value_or(totals_.cpu);
  running_->started = MonotonicClock::now();
  paused_ = false;
  host_.running_cells.fetch_add(1, std::memory_order_relaxed);

  Execution& cell = *running_->execution;
  cell.stream.SetOnDrained([weak = weak_from_this(), number = running_->number, this] {
    // On the reader's thread, perhaps with our lock held: only leave word.
    host_.loop.Post([weak, number] {
      auto self = weak.lock();
      if (!self) return;
      std::lock_guard lock(self->mu_);
      if (!self->running_ || self->running_->number != number) return;
      self->paused_ = false;
      self->ReadAll();
    });
  });
  SendToWorker(cell);
  ExecutionEvent event;
  event.mutable_started()->set_execution_id(cell.id);
  cell.stream.Push(std::move(event));
  ArmDeadline();
  ArmCpuCheck();
  // What a background thread wrote since the last cell may fill the pipe: without a new edge nobody
  // would read it.
  if (unread_) PostReadAll();
}

void Sandbox::SendToWorker(const Execution& execution) {
  internal::WorkerRequest request;
  request.set_execution_id(running_->number);
  FillExecute(execution.request.options, request.mutable_execute());
  request.mutable_execute()->set_code(execution.request.code);
  if (channel_.Send(request) != WorkerChannel::Outcome::kMore)
    return;  // A closed pipe shows as the end of events.
  host_.loop.Post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    std::lock_guard lock(self->mu_);
    if (self->state_ == State::kDead || self->request_watch_ != IoLoop::kNoWatch) return;
    auto watch = self->host_.loop.Watch(self->channel_.pipes().requests.get(), EPOLLOUT,
                                        [self](uint32_t) { self->OnRequestPipeWritable(); });
    if (!watch.ok()) return self->Violation(watch.status());
    self->request_watch_ = *watch;
  });
}

void Sandbox::OnRequestPipeWritable() {
  std::lock_guard lock(mu_);
  if (state_ == State::kDead || channel_.Flush() == WorkerChannel::Outcome::kMore) return;
  host_.loop.Unwatch(std::exchange(request_watch_, IoLoop::kNoWatch));
}

void Sandbox::BeginNext() {
  if (running_ || waiting_.empty() || interrupts_in_flight_ > 0) return;
  if (state_ != State::kAlive || end_reason_ != StopReason::kNone) return;
  std::shared_ptr<Execution> next = std::move(waiting_.front());
  waiting_.pop_front();
  Begin(std::move(next));
}

// ---- Deadlines --------------------------------------------------------------------------------

std::chrono::nanoseconds Sandbox::AtPace(std::chrono::milliseconds time) const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time * host_.pace);
}

TimerId Sandbox::At(MonotonicTime when, TimedTask task) {
  return host_.loop.AddTimer(when, [weak = weak_from_this(), task] {
    auto self = weak.lock();
    if (!self) return;
    std::lock_guard lock(self->mu_);
    task(*self);
  });
}

TimerId Sandbox::AtForRunning(MonotonicTime when, TimedTask task) {
  return host_.loop.AddTimer(when, [weak = weak_from_this(), number = running_->number, task] {
    auto self = weak.lock();
    if (!self) return;
    std::lock_guard lock(self->mu_);
    if (self->running_ && self->running_->number == number) task(*self);
  });
}

void Sandbox::ArmDeadline() {
  auto timeout = absl::ToChronoNanoseconds(running_->execution->request.timeout);
  running_->timer = AtForRunning(running_->started + timeout,
                                 [](Sandbox& self) { self.RequestStop(StopReason::kTimeout); });
}

void Sandbox::ArmCpuCheck() {
  if (identity_.limits.cpu_seconds() == 0) return;
  CpuTime used = stats_.ReadCpu().value_or(totals_.cpu);
  absl::Duration left = absl::Seconds(identity_.limits.cpu_seconds()) - used.user - used.system;
  if (left <= absl::ZeroDuration()) {
    spdlog::info("sandbox {}: its CPU seconds are used up, killing it", identity_.id);
    return Kill(StopReason::kCpuLimit);
  }
  const double cores = std::max(identity_.limits.cpu_millis(), 1) / 1000.0;
  auto wait =
      std::max<std::chrono::nanoseconds>(absl::ToChronoNanoseconds(left / cores), kMinCpuCheck);
  running_->cpu_timer =
      AtForRunning(MonotonicClock::now() + wait, [](Sandbox& self) { self.ArmCpuCheck(); });
}

void Sandbox::RequestStop(StopReason reason) {
  if (running_->stop != StopReason::kNone) return;
  running_->stop = reason;
  SendInterrupt();
  host_.loop.CancelTimer(running_->timer);
  running_->timer = AtForRunning(MonotonicClock::now() + AtPace(kGrace), [](Sandbox& self) {
    spdlog::info("sandbox {}: the cell ignored its interrupt, killing the sandbox",
                 self.identity_.id);
    self.Kill(self.running_->stop);
  });
  // A worker that is blocked on a full pipe could not react to the interrupt.
  if (std::exchange(paused_, false)) PostReadAll();
}

// On a busy host the signal may be there before the worker has read its request. Else it was meant
// for the cell before.
absl::Status Sandbox::OnInterruptMissed() {
  if (std::exchange(running_->interrupt_missed, true)) {
    return absl::InvalidArgumentError("a second missed interrupt of one cell");
  }
  if (running_->interrupted) SendInterrupt();
  return absl::OkStatus();
}

void Sandbox::SendInterrupt() {
  running_->interrupted = true;
  ++interrupts_in_flight_;
  internal::LauncherRequest request;
  request.mutable_interrupt_context()->set_sandbox_id(identity_.id);
  host_.link.Call(std::move(request), [weak = weak_from_this()](absl::StatusOr<LauncherMessage>) {
    auto self = weak.lock();
    if (!self) return;
    std::lock_guard lock(self->mu_);
    // The signal is sent, and nothing of it can reach a cell that begins now.
    --self->interrupts_in_flight_;
    self->BeginNext();
  });
}

// ---- Output -----------------------------------------------------------------------------------

absl::Status Sandbox::OnOutput(uint64_t execution_id, WorkerChannel::Stream stream,
                               absl::string_view data) {
  if (execution_id > last_number_)
    return absl::InvalidArgumentError("output of a cell that never was");
  if (on_ready_ && execution_id == 0) return absl::OkStatus();  // Noise of the start.
  if (!running_) return absl::OkStatus();
  if (running_->stop == StopReason::kCancelled || running_->stop == StopReason::kOutputLimit) {
    return absl::OkStatus();
  }
  const int64_t room = running_->execution->request.max_output_bytes - running_->output_bytes;
  const bool over = static_cast<int64_t>(data.size()) > room;
  if (over) data = data.substr(0, static_cast<size_t>(std::max<int64_t>(room, 0)));
  running_->output_bytes += static_cast<int64_t>(data.size());
  // After a stop the pipes are read on for the worker's sake; what a slow client has no room for is
  // dropped then.
  if (!data.empty() && !(running_->stop != StopReason::kNone && paused_)) {
    paused_ = running_->execution->stream.PushOutput(stream, data) == EventStream::Pressure::kFull;
  }
  if (over) RequestStop(StopReason::kOutputLimit);
  return absl::OkStatus();
}

bool Sandbox::IsForAnyCell(const internal::WorkerEvent& event) const {
  return (event.has_display() || event.has_clear_output() || event.has_comm()) &&
         event.execution_id() <= running_->number;
}

// Displays, and what else belongs to no place of a cell's own.
absl::Status Sandbox::OnDisplay(const internal::WorkerEvent& event) {
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
  if (running_->output_bytes + static_cast<int64_t>(bytes) >
      running_->execution->request.max_output_bytes) {
    RequestStop(StopReason::kOutputLimit);
    return absl::OkStatus();
  }
  running_->output_bytes += static_cast<int64_t>(bytes);
  paused_ = running_->execution->stream.Push(std::move(out)) == EventStream::Pressure::kFull;
  return absl::OkStatus();
}

absl::Status Sandbox::OnError(const internal::WorkerError& error) {
  if (std::exchange(running_->error_seen, true)) {
    return absl::InvalidArgumentError("a second error of one cell");
  }
  ExecutionEvent event;
  FillError(error, event.mutable_error());
  absl::string_view module = MissingModule(error.name(), error.value());
  if (!module.empty()) {
    event.mutable_error()->set_hint(host_.module_hint(identity_.template_id, module));
  }
  running_->execution->stream.Push(std::move(event));
  return absl::OkStatus();
}

// ---- A cell's end -----------------------------------------------------------------------------

void Sandbox::OnDone(const WorkerDone& done) {
  execution_count_ = std::max(done.execution_count(), 0);
  Finish(TerminationOfLivingCell(running_->stop, done.outcome() != WorkerDone::OK),
         execution_count_, done);
  channel_.Shrink();
  BeginNext();
}

// The worker has not run it, and the context is as it was.
void Sandbox::OnUnimplemented(const internal::WorkerUnimplemented& unimplemented) {
  TakeRunning()->stream.Fail(absl::UnimplementedError(
      absl::StrCat("this sandbox's worker has not built ",
                   ToValidUtf8(unimplemented.what(), kMaxUnimplementedName))));
  BeginNext();
}

warren::v1::Usage Sandbox::UsageOfRunning() {
  SandboxTotals totals = ReadTotalsLocked();
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
  return usage;
}

void Sandbox::Finish(Termination termination, int execution_count, const WorkerDone& done) {
  termination.set_context_alive(state_ == State::kAlive && end_reason_ == StopReason::kNone);
  ExecutionEvent event;
  *event.mutable_finished()->mutable_usage() = UsageOfRunning();
  event.mutable_finished()->set_execution_count(execution_count);
  if (done.user_expressions_size() > 0) {
    FillExpressionValues(done, running_->execution->request.options.user_expressions(),
                         event.mutable_finished()->mutable_user_expressions());
  }
  spdlog::debug("sandbox {}: execution {} ended: {}, {} bytes out", identity_.id,
                running_->execution->id, Termination::Kind_Name(termination.kind()),
                running_->output_bytes);
  *event.mutable_finished()->mutable_termination() = std::move(termination);
  // Free for the next cell before the client can know that this one is over.
  TakeRunning()->stream.Finish(std::move(event));
}

std::shared_ptr<Execution> Sandbox::TakeRunning() {
  host_.loop.CancelTimer(running_->timer);
  host_.loop.CancelTimer(running_->cpu_timer);
  totals_.output_bytes += running_->output_bytes;
  host_.running_cells.fetch_sub(1, std::memory_order_relaxed);
  std::shared_ptr<Execution> ended = std::move(running_->execution);
  running_.reset();
  return ended;
}

}  // namespace warren
