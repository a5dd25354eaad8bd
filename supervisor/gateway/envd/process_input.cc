#include "supervisor/gateway/envd/process_input.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/gateway/envd/connect_rpc.h"
#include "supervisor/gateway/http/ask_while_there.h"

namespace warren {
namespace {

// The most that the backend takes at a time.
constexpr size_t kInputPart = 1 << 20;

absl::Status WrongInput(const v1::Process& process, const e2b::ProcessInput& input) {
  if (input.has_pty() && !process.has_terminal()) {
    return absl::FailedPreconditionError(
        "the process has no terminal: its input is written to its stdin, not to a pty");
  }
  if (input.has_stdin() && process.has_terminal()) {
    return absl::FailedPreconditionError(
        "the process has a terminal: its input is written to the pty, not to its stdin");
  }
  if (input.input_case() == e2b::ProcessInput::INPUT_NOT_SET)
    return absl::UnimplementedError("the input is neither for stdin nor for a pty");
  return absl::OkStatus();
}

}  // namespace

EnvelopeReader::EnvelopeReader(Exchange& exchange)
    : exchange_(exchange), charge_(&exchange.memory()) {
  // Of a stream as a whole there is no bound: each of its messages has one.
  exchange.SetBodyLimit(Exchange::kNoBodyLimit);
}

Async<absl::StatusOr<bool>> EnvelopeReader::Fill(size_t size) {
  while (held_.size() < size) {
    auto piece = co_await exchange_.ReadPiece();
    if (!piece.ok()) co_return piece.status();
    if (piece->empty()) co_return false;
    if (!charge_.TryAdd(static_cast<int64_t>(piece->size()))) co_return NoRoom();
    held_ += *piece;
  }
  co_return true;
}

Async<absl::StatusOr<std::optional<std::string>>> EnvelopeReader::Next() {
  const auto head = co_await Fill(kEnvelopeHead);
  if (!head.ok()) co_return head.status();
  if (!*head) {
    if (held_.empty()) co_return std::nullopt;
    co_return absl::InvalidArgumentError("the stream ends within an envelope");
  }
  size_t size = 0;
  for (size_t i = 1; i < kEnvelopeHead; ++i)
    size = size << 8 | static_cast<unsigned char>(held_[i]);
  if (size > kMaxConnectMessage) {
    co_return absl::InvalidArgumentError(absl::StrCat("a message of the stream has ", size,
                                                      " bytes; at most ", kMaxConnectMessage,
                                                      " are taken"));
  }
  const auto whole = co_await Fill(kEnvelopeHead + size);
  if (!whole.ok()) co_return whole.status();
  // What is cut off is told by who opens it.
  const absl::string_view envelope = absl::string_view(held_).substr(0, kEnvelopeHead + size);
  const auto payload = OpenEnvelope(envelope);
  if (!payload.ok()) co_return payload.status();
  std::string message(*payload);
  held_.erase(0, kEnvelopeHead + size);
  charge_.Set(static_cast<int64_t>(held_.size()));
  co_return std::optional<std::string>(std::move(message));
}

Async<absl::Status> WriteToProcess(Exchange& exchange, std::shared_ptr<SandboxHandle> sandbox,
                                   v1::Process process, e2b::ProcessInput input) {
  if (absl::Status wrong = WrongInput(process, input); !wrong.ok()) co_return wrong;
  const std::string data =
      std::move(input.has_pty() ? *input.mutable_pty() : *input.mutable_stdin());
  for (size_t at = 0; at < data.size(); at += kInputPart) {
    v1::WriteProcessInputRequest request;
    request.set_process_id(process.process_id());
    request.set_data(data.substr(at, kInputPart));
    auto written = co_await AskWhileThere<v1::WriteProcessInputResponse>(
        exchange, [&](auto reply) { sandbox->WriteInput(Call(), request, std::move(reply)); });
    if (!written.ok()) co_return written.status();
  }
  co_return absl::OkStatus();
}

}  // namespace warren
