#include "supervisor/fake/fake_cell.h"

#include <fnmatch.h>
#include <openssl/sha.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

constexpr size_t kFloodPiece = 32 << 10;

}  // namespace

FakeCell::FakeCell(std::string id, v1::ExecuteCodeRequest request,
                   std::shared_ptr<ExecutionSink> sink, std::string process_id)
    : id_(std::move(id)),
      process_id_(std::move(process_id)),
      request_(std::move(request)),
      sink_(std::move(sink)),
      keeps_(request_.on_disconnect() == v1::ON_DISCONNECT_CONTINUE ||
             !request_.request_id().empty()),
      goes_on_(request_.on_disconnect() == v1::ON_DISCONNECT_CONTINUE) {}

void FakeCell::Run(int execution_count, const std::function<void(bool)>& over) {
  deadline_ = absl::Now() + ToDuration(request_.timeout());
  v1::ExecutionEvent started;
  started.mutable_started()->set_execution_id(id_);
  started.mutable_started()->set_process_id(process_id_);
  Tell(std::move(started));
  v1::Termination termination;
  termination.set_kind(v1::Termination::EXITED);
  termination.set_context_alive(true);
  if (WriteInputs(termination)) {
    RunCode(termination);
  } else {
    execution_count = 0;
  }
  if (!process_id_.empty()) termination.set_context_alive(false);
  over(termination.context_alive());
  TellFinished(std::move(termination), execution_count);
}

bool FakeCell::WriteInputs(v1::Termination& termination) {
  for (int i = 0; i < request_.input_files_size(); ++i) {
    const std::string& path = request_.input_files(i).path();
    if (!absl::EndsWith(path, "/")) continue;
    TellError("InputFileError",
              absl::StrCat("input_files[", i, "].path \"", path, "\": is a directory"),
              termination);
    if (request_.output_files_size() > 0) files_incomplete_ = "the code did not run";
    return false;
  }
  return true;
}

void FakeCell::TellOutputs() {
  for (const v1::InputFile& file : request_.input_files()) {
    const auto& patterns = request_.output_files();
    const bool matches =
        std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
          return ::fnmatch(pattern.c_str(), file.path().c_str(), FNM_PATHNAME | FNM_PERIOD) == 0;
        });
    if (!matches) continue;
    v1::ExecutionEvent event;
    event.mutable_output_file()->set_path(file.path());
    event.mutable_output_file()->set_size_bytes(static_cast<int64_t>(file.data().size()));
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    ::SHA256(reinterpret_cast<const unsigned char*>(file.data().data()), file.data().size(),
             reinterpret_cast<unsigned char*>(digest.data()));
    event.mutable_output_file()->set_sha256(std::move(digest));
    Tell(std::move(event));
  }
}

void FakeCell::RunCode(v1::Termination& termination) {
  for (absl::string_view line : absl::StrSplit(request_.code(), '\n', absl::SkipWhitespace())) {
    Step(line, termination);
    if (termination.kind() != v1::Termination::EXITED || !termination.context_alive()) break;
    if (stop() == StopReason::kNone) continue;
    if (stop() == StopReason::kInterrupted) {
      TellError("KeyboardInterrupt", "", termination);
    } else {
      Explain(stop(), termination);
    }
    break;
  }
  if (stop() == StopReason::kNone && termination.context_alive()) {
    TellOutputs();
  } else if (request_.output_files_size() > 0) {
    files_incomplete_ = "the cell was interrupted";
  }
}

void FakeCell::TellFinished(v1::Termination termination, int execution_count) {
  v1::ExecutionEvent event;
  auto* finished = event.mutable_finished();
  if (termination.kind() == v1::Termination::EXITED && termination.context_alive()) {
    for (const auto& [name, expression] : request_.user_expressions()) {
      auto& value = (*finished->mutable_user_expressions())[name];
      (*value.mutable_display()->mutable_data())["text/plain"] = expression;
    }
  }
  *finished->mutable_termination() = std::move(termination);
  finished->mutable_usage()->set_output_bytes(output_bytes_);
  finished->set_execution_count(execution_count);
  finished->set_output_files_incomplete(files_incomplete_);
  std::lock_guard lock(sink_mu_);
  Deliver(std::move(event));
  End(absl::OkStatus());
}

void FakeCell::Refuse(absl::Status status) { End(std::move(status)); }

void FakeCell::End(absl::Status status) {
  std::lock_guard lock(sink_mu_);
  ended_ = true;
  ended_alone_ = sink_ == nullptr || keeps_;
  end_status_ = status;
  if (auto sink = std::exchange(sink_, nullptr)) sink->End(std::move(status));
}

Flow FakeCell::Deliver(v1::ExecutionEvent event) {
  std::lock_guard lock(sink_mu_);
  event.set_sequence(++sequence_);
  event.set_time_unix_nanos(absl::GetCurrentTimeNanos());
  if (sink_ == nullptr || keeps_) kept_.push_back(event);
  if (sink_ == nullptr) return Flow::kContinue;
  // It may detach itself meanwhile.
  const auto sink = sink_;
  if (!event.has_output()) return sink->Push(std::move(event));
  return sink->PushOutput(event.output().stream(), event.output().data(),
                          {event.time_unix_nanos(), event.sequence()});
}

void FakeCell::Detach(uint64_t client) {
  {
    std::lock_guard lock(sink_mu_);
    if (ended_ || client != client_) return;
    sink_ = nullptr;
  }
  // Whoever was slow is gone.
  Resume();
}

absl::Status FakeCell::Attach(std::shared_ptr<ExecutionSink> sink, int64_t after_sequence,
                              Rivals rivals, v1::OnDisconnect on_disconnect) {
  std::lock_guard lock(sink_mu_);
  if (sink_ != nullptr && rivals == Rivals::kRefused && !keeps_) {
    return absl::FailedPreconditionError("the execution has its client");
  }
  if (ended_ && !ended_alone_) return absl::NotFoundError("no such execution");
  if (after_sequence > sequence_) {
    return absl::InvalidArgumentError(absl::StrCat("after_sequence is ", after_sequence,
                                                   ", and the last event of the execution is ",
                                                   sequence_));
  }
  if (auto old = std::exchange(sink_, nullptr)) {
    old->End(absl::AbortedError("another client has taken this one's place"));
  }
  ++client_;
  if (on_disconnect != v1::ON_DISCONNECT_UNSPECIFIED) {
    goes_on_ = on_disconnect == v1::ON_DISCONNECT_CONTINUE;
    keeps_ = keeps_ || goes_on_;
  }
  // Not before it has had what it missed: it may detach itself meanwhile.
  sink_ = sink;
  for (const v1::ExecutionEvent& event : kept_) {
    if (event.sequence() > after_sequence && sink_ != nullptr) sink->Push(event);
  }
  if (!ended_) {
    if (!keeps_) kept_.clear();
  } else if (std::exchange(sink_, nullptr) != nullptr) {
    sink->End(end_status_);
  }
  return absl::OkStatus();
}

uint64_t FakeCell::client() {
  std::lock_guard lock(sink_mu_);
  return client_;
}

bool FakeCell::goes_on() {
  std::lock_guard lock(sink_mu_);
  return goes_on_;
}

bool FakeCell::forgotten() {
  std::lock_guard lock(sink_mu_);
  return ended_ && !ended_alone_;
}

void FakeCell::Explain(StopReason reason, v1::Termination& termination) {
  switch (reason) {
    case StopReason::kTimeout:
      termination.set_kind(v1::Termination::TIMED_OUT);
      break;
    case StopReason::kOutputLimit:
      termination.set_kind(v1::Termination::OUTPUT_LIMIT);
      break;
    case StopReason::kKilled:
      termination.set_kind(v1::Termination::KILLED);
      termination.set_signal(SIGKILL);
      termination.set_context_alive(false);
      break;
    default:
      termination.set_kind(v1::Termination::CANCELLED);
      break;
  }
}

void FakeCell::Step(absl::string_view line, v1::Termination& termination) {
  const std::pair<absl::string_view, absl::string_view> step =
      absl::StrSplit(line, absl::MaxSplits(' ', 1));
  const auto& [verb, rest] = step;
  int64_t number = 0;
  if (verb == "print") {
    TellOutput(v1::ExecutionEvent::Output::STDOUT, absl::StrCat(rest, "\n"));
  } else if (verb == "warn") {
    TellOutput(v1::ExecutionEvent::Output::STDERR, absl::StrCat(rest, "\n"));
  } else if (verb == "show" || verb == "value") {
    TellDisplay(rest, verb == "value");
  } else if (verb == "wait") {
    WaitForStop();
  } else if (verb == "fail") {
    const std::pair<absl::string_view, absl::string_view> error =
        absl::StrSplit(rest, absl::MaxSplits(' ', 1));
    TellError(error.first, error.second, termination);
  } else if (verb == "flood" && absl::SimpleAtoi(rest, &number)) {
    const std::string piece(kFloodPiece, 'x');
    for (; number > 0 && stop() == StopReason::kNone; number -= kFloodPiece) {
      TellOutput(v1::ExecutionEvent::Output::STDOUT,
                 absl::string_view(piece).substr(0, static_cast<size_t>(number)));
    }
  } else if (verb == "exit" && absl::SimpleAtoi(rest, &number)) {
    termination.set_exit_code(static_cast<int32_t>(number));
    termination.set_context_alive(false);
  } else {
    TellError("SyntaxError", line, termination);
  }
}

void FakeCell::TellOutput(v1::ExecutionEvent::Output::Stream stream, absl::string_view data) {
  const int64_t room = std::max<int64_t>(request_.max_output_bytes() - output_bytes_, 0);
  const bool over = !Count(data.size());
  if (over) data = data.substr(0, static_cast<size_t>(room));
  if (data.empty()) return;
  v1::ExecutionEvent event;
  event.mutable_output()->set_stream(stream);
  event.mutable_output()->set_data(data.data(), data.size());
  Tell(std::move(event));
}

void FakeCell::TellDisplay(absl::string_view text, bool is_result) {
  if (!Count(text.size())) return;
  v1::ExecutionEvent event;
  (*event.mutable_display()->mutable_data())["text/plain"] = std::string(text);
  event.mutable_display()->set_is_result(is_result);
  Tell(std::move(event));
}

void FakeCell::TellError(absl::string_view name, absl::string_view value,
                         v1::Termination& termination) {
  v1::ExecutionEvent event;
  event.mutable_error()->set_name(std::string(name));
  event.mutable_error()->set_value(std::string(value));
  Tell(std::move(event));
  termination.set_kind(v1::Termination::EXCEPTION);
}

bool FakeCell::Count(size_t bytes) {
  const int64_t room = request_.max_output_bytes() - output_bytes_;
  output_bytes_ += std::min(static_cast<int64_t>(bytes), room);
  if (static_cast<int64_t>(bytes) <= room) return true;
  Stop(StopReason::kOutputLimit);
  return false;
}

void FakeCell::Tell(v1::ExecutionEvent event) { Heed(Deliver(std::move(event))); }

void FakeCell::Heed(Flow flow) {
  if (flow == Flow::kContinue) return;
  std::unique_lock lock(mu_);
  paused_ = true;
  // It may have been resumed already.
  if (!changed_.wait_until(lock, absl::ToChronoTime(deadline_),
                           [this] { return resumed_ || stop_ != StopReason::kNone; })) {
    stop_ = StopReason::kTimeout;
  }
  paused_ = false;
  resumed_ = false;
}

void FakeCell::WaitForStop() {
  std::unique_lock lock(mu_);
  if (!changed_.wait_until(lock, absl::ToChronoTime(deadline_),
                           [this] { return stop_ != StopReason::kNone; })) {
    stop_ = StopReason::kTimeout;
  }
}

void FakeCell::Resume() {
  std::lock_guard lock(mu_);
  resumed_ = true;
  changed_.notify_all();
}

void FakeCell::Stop(StopReason reason) {
  std::lock_guard lock(mu_);
  if (stop_ == StopReason::kNone || reason == StopReason::kKilled) stop_ = reason;
  changed_.notify_all();
}

FakeCell::StopReason FakeCell::stop() {
  std::lock_guard lock(mu_);
  return stop_;
}

bool FakeCell::paused() {
  std::lock_guard lock(mu_);
  return paused_;
}

bool FakeCell::cancelled() { return stop() == StopReason::kCancelled; }

}  // namespace warren
