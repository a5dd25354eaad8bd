#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_CONNECT_RPC_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_CONNECT_RPC_H_

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

// Connect's protocol (connectrpc.com/docs/protocol), as E2B's SDKs use it on HTTP/1.1: unary calls
// and streams from the server, messages in JSON or, where a client likes it better, in protobuf's
// binary form. Not compressed.

// Of one request, one message, whole.
inline constexpr size_t kMaxConnectMessage = 4 << 20;

// "not_found".
absl::string_view ConnectCodeOf(absl::StatusCode code);
// 404, as Connect maps its codes.
HttpStatus ConnectHttpStatusOf(absl::StatusCode code);

enum class ConnectCodec { kJson, kBinary };

// A unary or streaming request's own: its Content-Type, "application/json", "application/proto",
// "application/connect+json" or "application/connect+proto".
struct ConnectForm {
  ConnectCodec codec = ConnectCodec::kJson;
  bool streams = false;
};
absl::StatusOr<ConnectForm> ConnectFormOf(absl::string_view content_type);

// INVALID_ARGUMENT for what is no such message. Fields that are not known are ignored.
absl::Status DecodeConnect(absl::string_view bytes, ConnectCodec codec,
                           google::protobuf::Message& message);
std::string EncodeConnect(const google::protobuf::Message& message, ConnectCodec codec);

// A message of a stream's in its envelope: a byte of flags, four bytes of length, big-endian.
inline constexpr size_t kEnvelopeHead = 5;
inline constexpr unsigned char kEndOfStream = 0x02;
std::string Envelope(unsigned char flags, absl::string_view payload);
// The payload of the one envelope that a request to a streaming method has. INVALID_ARGUMENT for
// another number of them, and for a compressed one.
absl::StatusOr<absl::string_view> OpenEnvelope(absl::string_view body);

// Connect-Timeout-Ms; unset where there is none, or it is 0. INVALID_ARGUMENT for what is no
// number.
absl::StatusOr<std::optional<absl::Duration>> ConnectTimeout(const Exchange& exchange);

Async<void> AnswerConnectError(Exchange& exchange, const absl::Status& status);

// Reads a unary call's request, has `call(request)` answer it, a Async<absl::StatusOr<Response>>,
// and sends that.
template <class Request, class Method>
Async<void> ServeUnary(Exchange& exchange, Method call) {
  auto form = ConnectFormOf(exchange.header("Content-Type"));
  if (form.ok() && form->streams)
    form = absl::InvalidArgumentError("this method takes one message, and no stream");
  if (!form.ok()) {
    co_await AnswerConnectError(exchange, form.status());
    co_return;
  }
  auto body = co_await exchange.ReadBody(kMaxConnectMessage);
  Request request;
  absl::Status read = body.ok() ? DecodeConnect(*body, form->codec, request) : body.status();
  if (!read.ok()) {
    co_await AnswerConnectError(exchange, read);
    co_return;
  }
  // What it says is in the request, which its charge stands for from here on.
  *body = std::string();
  auto response = co_await call(std::move(request));
  if (!response.ok()) {
    co_await AnswerConnectError(exchange, response.status());
    co_return;
  }
  MemoryCharge charge(&exchange.memory());
  // As text it is about as large; by names that JSON escapes it may be larger.
  bool room = charge.TryAdd(static_cast<int64_t>(response->ByteSizeLong()));
  std::string text;
  if (room) {
    text = EncodeConnect(*response, form->codec);
    // A client that does not read holds the text, and no more.
    *response = std::decay_t<decltype(*response)>();
    const int64_t more = static_cast<int64_t>(text.size()) - charge.bytes();
    room = more <= 0 || charge.TryAdd(more);
    if (more < 0) charge.Remove(-more);
  }
  if (!room) {
    co_await AnswerConnectError(exchange, NoRoom());
    co_return;
  }
  co_await exchange.Answer(
      HttpStatus::ok, form->codec == ConnectCodec::kJson ? "application/json" : "application/proto",
      text);
}

// The answer of a streaming method: messages, and how it ended. Whatever goes wrong is said at the
// end of a stream that HTTP calls a success.
class ConnectStream {
 public:
  ConnectStream(Exchange& exchange, ConnectCodec codec) : exchange_(exchange), codec_(codec) {}

  // False: the client has gone.
  Async<bool> Send(const google::protobuf::Message& message);
  Async<void> End(const absl::Status& status);

 private:
  Async<bool> BeginOnce();

  Exchange& exchange_;
  const ConnectCodec codec_;
  bool begun_ = false;
};

// Reads a streaming call's one request, and has `call(request, stream)` answer it, a Async<void>.
template <class Request, class Method>
Async<void> ServeStream(Exchange& exchange, Method call) {
  auto form = ConnectFormOf(exchange.header("Content-Type"));
  if (form.ok() && !form->streams)
    form = absl::InvalidArgumentError("this method takes application/connect+json");
  if (!form.ok()) {
    co_await AnswerConnectError(exchange, form.status());
    co_return;
  }
  ConnectStream stream(exchange, form->codec);
  auto body = co_await exchange.ReadBody(kMaxConnectMessage + kEnvelopeHead);
  Request request;
  absl::Status read = body.status();
  if (read.ok()) {
    auto payload = OpenEnvelope(*body);
    read = payload.ok() ? DecodeConnect(*payload, form->codec, request) : payload.status();
  }
  if (!read.ok()) {
    co_await stream.End(read);
    co_return;
  }
  co_await call(std::move(request), stream);
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_CONNECT_RPC_H_
