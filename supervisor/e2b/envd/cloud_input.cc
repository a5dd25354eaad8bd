#include "supervisor/e2b/envd/cloud_input.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "supervisor/e2b/envd/connect_call.h"

namespace warren {
namespace {

using InputKind = KnownCloudProcess::Input;

constexpr char kEndOfFile[] = "\x04";

// That a process with a terminal has no other input.
bool WantsTerminal(const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status) && !absl::IsInternal(status)) return false;
  return absl::StrContains(status.message(), "pty") || absl::StrContains(status.message(), "tty");
}

// E2B's own envd calls a pipe that nobody reads an error of its own.
absl::Status InputStatus(absl::Status status) {
  if (!absl::IsInternal(status) || !absl::StrContains(status.message(), "error writing to"))
    return status;
  return absl::FailedPreconditionError(
      "its standard input is closed: by an earlier write, from the start, or by the process");
}

}  // namespace

InputKind CloudInput::Kind() const {
  const auto& known = EnvdStateOf(*sandbox_).processes;
  auto found = known.find(pid_);
  return found == known.end() ? InputKind::kUnknown : found->second.input;
}

void CloudInput::Write(v1::WriteProcessInputRequest request, absl::Time deadline,
                       WriteReply reply) {
  if (closing_) {
    return reply(
        absl::FailedPreconditionError("its standard input is closed: by an earlier write"));
  }
  const size_t cost = std::max(request.data().size(), kLeastCost);
  if (waiting_bytes_ + cost > kMaxWaitingInput || !charge_.TryAdd(static_cast<int64_t>(cost))) {
    return reply(absl::ResourceExhaustedError(
        absl::StrCat(waiting_bytes_, " bytes wait already for it to read them, and at most ",
                     kMaxWaitingInput, " may; send the next when the one before is answered")));
  }
  waiting_bytes_ += cost;
  closing_ = request.close();
  waiting_.push_back(
      {std::move(*request.mutable_data()), cost, request.close(), deadline, std::move(reply)});
  if (waiting_.size() == 1) SendFront();
}

void CloudInput::SendFront() {
  send_again_ = true;
  if (std::exchange(sending_, true)) return;
  const auto self = shared_from_this();
  while (std::exchange(send_again_, false)) SendOnce();
  sending_ = false;
}

void CloudInput::SendOnce() {
  const Waiting& front = waiting_.front();
  if (front.data.empty() && front.close && Kind() != InputKind::kTerminal) return SendClose();
  if (front.close && Kind() == InputKind::kTerminal)
    return SendData(absl::StrCat(front.data, kEndOfFile));
  SendData(front.data);
}

void CloudInput::SendData(const std::string& data) {
  e2b::SendInputRequest request;
  request.mutable_process()->set_pid(pid_);
  if (Kind() == InputKind::kTerminal) {
    request.mutable_input()->set_pty(data);
  } else {
    request.mutable_input()->set_stdin(data);
  }
  EnvdCall call{"/process.Process/SendInput", ""};
  call.deadline = waiting_.front().deadline;
  // It may be long until the process reads it.
  call.wait = EnvdCall::Wait::kUnbounded;
  AskEnvd(cloud_, sandbox_, call, request,
          [self = shared_from_this()](absl::StatusOr<std::string> sent) {
            self->OnSent(sent.status());
          });
}

void CloudInput::SendClose() {
  e2b::CloseStdinRequest request;
  request.mutable_process()->set_pid(pid_);
  EnvdCall call{"/process.Process/CloseStdin", ""};
  call.deadline = waiting_.front().deadline;
  call.wait = EnvdCall::Wait::kUnbounded;
  AskEnvd(cloud_, sandbox_, call, request,
          [self = shared_from_this()](absl::StatusOr<std::string> closed) {
            self->waiting_.front().data.clear();
            self->OnSent(closed.status());
          });
}

void CloudInput::OnSent(absl::Status status) {
  Waiting& front = waiting_.front();
  const bool is_terminal = Kind() == InputKind::kTerminal;
  if (!is_terminal && !front.tried && WantsTerminal(status)) {
    // It was refused as a whole.
    front.tried = true;
    EnvdStateOf(*sandbox_).Know(pid_).input = InputKind::kTerminal;
    return SendFront();
  }
  // Of a pipe the close comes behind the data.
  if (status.ok() && front.close && !is_terminal && !front.data.empty()) return SendClose();
  Answer(InputStatus(std::move(status)));
}

void CloudInput::Answer(absl::Status status) {
  const auto self = shared_from_this();
  Waiting done = std::move(waiting_.front());
  waiting_.pop_front();
  // Its end-of-file character closes no terminal.
  const bool is_closed = done.close && status.ok() && Kind() != InputKind::kTerminal;
  if (done.close && !is_closed) closing_ = false;
  waiting_bytes_ -= done.cost;
  charge_.Remove(static_cast<int64_t>(done.cost));
  if (waiting_.empty()) {
    EnvdStateOf(*sandbox_).inputs.erase(pid_);
  } else {
    SendFront();
  }
  if (!status.ok()) return done.reply(std::move(status));
  done.reply(v1::WriteProcessInputResponse());
}

}  // namespace warren
