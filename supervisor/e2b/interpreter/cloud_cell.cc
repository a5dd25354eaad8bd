#include "supervisor/e2b/interpreter/cloud_cell.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/cloud_requests.h"
#include "supervisor/e2b/base/json.h"

namespace warren {
namespace {

// docs/TIMING.md, of a host of pace 1. The cloud says something every five seconds.
constexpr std::chrono::seconds kSilence{60};
// Between two attempts that the cloud has refused by its rate, where it does not say when.
constexpr std::chrono::milliseconds kRateWait{250};
constexpr int kMaxSends = 4;
constexpr size_t kMaxRefusal = 64 << 10;
// Of an event of output, by the contract.
constexpr size_t kMaxOutputPart = 1 << 20;
// E2B's word for a kernel that died, or was restarted.
constexpr char kContextGone[] = "ContextRestarting";

// What of a text that is UTF-8 makes one event: no character is cut.
absl::string_view OutputPart(absl::string_view text) {
  if (text.size() <= kMaxOutputPart) return text;
  size_t size = kMaxOutputPart;
  while ((static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

int64_t SizeOf(const v1::ExecutionEvent::Display& display) {
  size_t size = 0;
  for (const auto& [type, data] : display.data()) size += data.size();
  return static_cast<int64_t>(size);
}

int64_t SizeOf(const v1::ExecutionEvent::Error& error) {
  return static_cast<int64_t>(error.name().size() + error.value().size() +
                              error.traceback().size());
}

int64_t NowNanos() { return absl::ToUnixNanos(absl::Now()); }

std::string CellBody(const v1::ExecuteCodeRequest& request, const CloudCell::Spec& spec) {
  nlohmann::json body;
  body["code"] = request.code();
  if (!spec.context_id.empty()) body["context_id"] = spec.context_id;
  nlohmann::json env = nlohmann::json::object();
  for (const auto& [name, value] : spec.env) env[name] = value;
  for (const auto& [name, value] : request.env()) env[name] = value;
  if (!env.empty()) body["env_vars"] = std::move(env);
  return JsonText(body);
}

absl::Status WhyNotStarted(StopReason why) {
  if (why == StopReason::kCancelled)
    return absl::CancelledError("the cell was cancelled before it ran");
  if (why == StopReason::kTimeout) {
    return absl::DeadlineExceededError(
        "the cloud did not take the code within its time; it was not sent again");
  }
  if (why == StopReason::kDestroyed || why == StopReason::kExpired) return NoSuchCloudSandbox();
  return absl::FailedPreconditionError("the context ended before the code began");
}

}  // namespace

CloudCell::CloudCell(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, Spec spec,
                     std::shared_ptr<Execution> execution, std::function<void()> on_end)
    : cloud_(std::move(cloud)),
      sandbox_(std::move(sandbox)),
      spec_(std::move(spec)),
      execution_(std::move(execution)),
      on_end_(std::move(on_end)),
      started_at_(MonotonicClock::now()),
      lines_(&cloud_->memory()) {}

CloudCell::~CloudCell() {
  if (!ended_) execution_->Fail(absl::UnavailableError("the backend is being shut down"));
}

MonotonicTime CloudCell::Deadline() const {
  return started_at_ + absl::ToChronoNanoseconds(ToDuration(execution_->request().timeout()));
}

void CloudCell::Start() {
  timer_ = cloud_->loop().AddTimer(Deadline(), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->Stop(StopReason::kTimeout);
  });
  Send();
}

void CloudCell::Send() {
  ++attempts_;
  HttpRequest request = InterpreterRequest(cloud_->options(), *sandbox_, "POST", "/execute",
                                           CellBody(execution_->request(), spec_));
  request.lane = HttpLane::kCell;
  request.timeout = std::chrono::milliseconds(0);
  request.stall = cloud_->options().Paced(kSilence);
  head_ = HttpHead();
  refusal_.clear();
  auto call = cloud_->http().Start(std::move(request), shared_from_this());
  if (!ended_) call_ = std::move(call);
}

void CloudCell::Resume() {
  if (std::exchange(flow_, Flow::kContinue) == Flow::kPause && call_ != nullptr) call_->Resume();
}

void CloudCell::OnHead(const HttpHead& head) {
  head_ = head;
  if (head.status == 200) TellStarted();
}

void CloudCell::TellStarted() {
  v1::ExecutionEvent event;
  event.mutable_started()->set_execution_id(execution_->id());
  started_ = true;
  flow_ = execution_->Push(std::move(event), NowNanos());
}

Flow CloudCell::OnBytes(absl::string_view bytes) {
  if (ended_) return Flow::kContinue;
  const auto self = shared_from_this();
  if (!started_) {
    refusal_.append(bytes.data(), std::min(bytes.size(), kMaxRefusal - refusal_.size()));
    return Flow::kContinue;
  }
  const absl::Status status =
      lines_.Add(bytes, [this](absl::string_view line) { return OnLine(line); });
  if (!ended_ && !status.ok()) Fail(status);
  return ended_ ? Flow::kContinue : flow_;
}

absl::Status CloudCell::OnLine(absl::string_view line) {
  // What is behind the end is nobody's.
  if (ended_) return absl::OkStatus();
  auto read = ReadCellLine(line, execution_->request().display_style());
  if (!read.ok()) return read.status();
  if (auto* output = std::get_if<CellOutput>(&*read)) {
    OnOutput(std::move(*output));
  } else if (auto* event = std::get_if<v1::ExecutionEvent>(&*read)) {
    OnDisplay(std::move(*event));
  } else if (auto* count = std::get_if<CellCount>(&*read)) {
    execution_count_ = count->count;
  } else if (std::holds_alternative<CellEnd>(*read)) {
    cloud_->LetEnd(std::move(call_));
    Finish(EndOfCell());
  }
  return absl::OkStatus();
}

v1::Termination CloudCell::EndOfCell() const {
  if (!context_gone_) {
    return TerminationOfLivingCell(StopReason::kNone,
                                   raised_ ? CodeEnd::kRaised : CodeEnd::kReached);
  }
  v1::Termination termination;
  termination.set_kind(v1::Termination::KILLED);
  termination.set_message(
      "the context ended while the code ran, and its state is gone; the cloud does not tell why, "
      "and "
      "the next cell has a new one");
  return termination;
}

void CloudCell::OnOutput(CellOutput output) {
  const int64_t room = spec_.max_output_bytes - output_bytes_;
  absl::string_view rest = output.text;
  const bool over = static_cast<int64_t>(rest.size()) > room;
  if (over) rest = rest.substr(0, static_cast<size_t>(room));
  output_bytes_ += static_cast<int64_t>(rest.size());
  while (!rest.empty()) {
    const absl::string_view part = OutputPart(rest);
    flow_ = execution_->PushOutput(output.stream, part, NowNanos());
    rest.remove_prefix(part.size());
  }
  if (over) Stop(StopReason::kOutputLimit);
}

// Displays count as output does, and errors behind the first one: a cell has one, which is bounded
// by itself, but the cloud's word on that is a stranger's.
void CloudCell::OnDisplay(v1::ExecutionEvent event) {
  if (event.has_error() && event.error().name() == kContextGone) {
    context_gone_ = true;
    return;
  }
  int64_t size = event.has_display() ? SizeOf(event.display()) : 0;
  if (event.has_error() && std::exchange(raised_, true)) size = SizeOf(event.error());
  if (size > spec_.max_output_bytes - output_bytes_) return Stop(StopReason::kOutputLimit);
  output_bytes_ += size;
  flow_ = execution_->Push(std::move(event), NowNanos());
}

void CloudCell::OnEnd(absl::Status status, bool sent) {
  if (ended_) return;
  const auto self = shared_from_this();
  if (!started_) {
    if (status.ok()) return OnRefused();
    // The same request may be sent again.
    if (!sent) cloud_->detached().Remove(execution_->id());
    return Lose(absl::Status(
        status.code(),
        absl::StrCat(status.message(), sent ? "; whether the code ran is not known, and it was not "
                                              "sent again"
                                            : "; the code was not run")));
  }
  Lose(absl::UnavailableError(
      "the connection to the sandbox broke while the code ran; whether it came to its end is not "
      "known, and it was not run again"));
}

void CloudCell::OnRefused() {
  HttpAnswer answer{head_, refusal_};
  // It was not run.
  if (head_.status == 429 && attempts_ < kMaxSends) {
    const std::chrono::milliseconds wait = head_.retry_after_seconds >= 0
                                               ? std::chrono::seconds(head_.retry_after_seconds)
                                               : kRateWait * attempts_;
    const MonotonicTime next = MonotonicClock::now() + wait;
    // Beyond its time there is nothing to wait for: its client hears why at once.
    if (next < Deadline()) {
      cloud_->loop().AddTimer(next, [weak = weak_from_this()] {
        auto self = weak.lock();
        if (self && !self->ended_) self->Send();
      });
      return;
    }
  }
  absl::Status status = InterpreterStatus(answer);
  if (status.ok()) status = absl::InternalError("the cloud's answer to code is none");
  Lose(std::move(status));
}

void CloudCell::Stop(StopReason why) {
  if (ended_) return;
  if (!started_) return Fail(WhyNotStarted(why));
  if (why == StopReason::kDestroyed || why == StopReason::kDeleted ||
      why == StopReason::kRestarted || why == StopReason::kExpired) {
    return Finish(TerminationOfDeadCell(why, ContextEnd(), ""));
  }
  Finish(TerminationOfLivingCell(why, CodeEnd::kReached));
}

void CloudCell::OnStop() {
  if (ended_) return;
  Fail(absl::UnavailableError(
      started_ ? "the backend is being shut down while the code ran; whether it came to its end is "
                 "not known, and it was not run again"
               : "the backend is being shut down"));
}

void CloudCell::Interrupt() {
  if (!started_) TellStarted();
  v1::ExecutionEvent event;
  event.mutable_error()->set_name("KeyboardInterrupt");
  execution_->Push(std::move(event), NowNanos());
  Finish(TerminationOfLivingCell(StopReason::kNone, CodeEnd::kRaised));
}

void CloudCell::Finish(v1::Termination termination) {
  const auto self = shared_from_this();
  v1::ExecutionEvent event;
  v1::ExecutionEvent::Finished& finished = *event.mutable_finished();
  *finished.mutable_termination() = std::move(termination);
  finished.set_execution_count(execution_count_);
  v1::Usage& usage = *finished.mutable_usage();
  *usage.mutable_wall() = ToProto(absl::FromChrono(MonotonicClock::now() - started_at_));
  usage.set_output_bytes(output_bytes_);
  usage.set_backend(cloud_->options().name);
  ended_ = true;
  execution_->Finish(std::move(event), NowNanos());
  Leave();
}

void CloudCell::Fail(absl::Status status) {
  const auto self = shared_from_this();
  ended_ = true;
  spdlog::info("event=cloud_cell_failed sandbox={} execution={} code={}", sandbox_->id,
               execution_->id(), static_cast<int>(status.code()));
  execution_->Fail(std::move(status));
  Leave();
}

void CloudCell::Lose(absl::Status status) {
  cloud_->Explain(sandbox_, std::move(status), [self = shared_from_this()](absl::Status told) {
    if (self->ended_) return;
    // It ended with its sandbox, which is a result.
    if (self->started_ && absl::IsNotFound(told)) return self->Stop(StopReason::kExpired);
    self->Fail(std::move(told));
  });
}

// Its connection goes, and with it what still runs.
void CloudCell::Leave() {
  call_.reset();
  cloud_->loop().CancelTimer(timer_);
  if (auto on_end = std::exchange(on_end_, nullptr)) on_end();
}

}  // namespace warren
