#include "supervisor/gateway/envd/connect_rpc.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"
#include "supervisor/base/text.h"
#include "supervisor/gateway/base/answers.h"

namespace warren {
namespace {

constexpr size_t kMaxMessageText = 4096;
// Ten digits, as the protocol has it.
constexpr int64_t kMostTimeoutMillis = 9'999'999'999;

nlohmann::json ErrorOf(const absl::Status& status) {
  nlohmann::json error;
  error["code"] = std::string(ConnectCodeOf(status.code()));
  error["message"] = ToValidUtf8(status.message(), kMaxMessageText);
  return error;
}

}  // namespace

absl::string_view ConnectCodeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
      return "canceled";
    case absl::StatusCode::kInvalidArgument:
      return "invalid_argument";
    case absl::StatusCode::kDeadlineExceeded:
      return "deadline_exceeded";
    case absl::StatusCode::kNotFound:
      return "not_found";
    case absl::StatusCode::kAlreadyExists:
      return "already_exists";
    case absl::StatusCode::kPermissionDenied:
      return "permission_denied";
    case absl::StatusCode::kResourceExhausted:
      return "resource_exhausted";
    case absl::StatusCode::kFailedPrecondition:
      return "failed_precondition";
    case absl::StatusCode::kAborted:
      return "aborted";
    case absl::StatusCode::kOutOfRange:
      return "out_of_range";
    case absl::StatusCode::kUnimplemented:
      return "unimplemented";
    case absl::StatusCode::kInternal:
      return "internal";
    case absl::StatusCode::kUnavailable:
      return "unavailable";
    case absl::StatusCode::kDataLoss:
      return "data_loss";
    case absl::StatusCode::kUnauthenticated:
      return "unauthenticated";
    default:
      return "unknown";
  }
}

HttpStatus ConnectHttpStatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled:
      return static_cast<HttpStatus>(499);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return HttpStatus::bad_request;
    case absl::StatusCode::kDeadlineExceeded:
      return HttpStatus::gateway_timeout;
    case absl::StatusCode::kNotFound:
      return HttpStatus::not_found;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return HttpStatus::conflict;
    case absl::StatusCode::kPermissionDenied:
      return HttpStatus::forbidden;
    case absl::StatusCode::kResourceExhausted:
      return HttpStatus::too_many_requests;
    case absl::StatusCode::kUnimplemented:
      return HttpStatus::not_implemented;
    case absl::StatusCode::kUnavailable:
      return HttpStatus::service_unavailable;
    case absl::StatusCode::kUnauthenticated:
      return HttpStatus::unauthorized;
    default:
      return HttpStatus::internal_server_error;
  }
}

absl::StatusOr<ConnectForm> ConnectFormOf(absl::string_view content_type) {
  absl::string_view type = content_type.substr(0, content_type.find(';'));
  absl::ConsumePrefix(&type, "application/");
  ConnectForm form;
  form.streams = absl::ConsumePrefix(&type, "connect+");
  if (type == "json") return form;
  form.codec = ConnectCodec::kBinary;
  if (type == "proto") return form;
  return absl::InvalidArgumentError(
      absl::StrCat("the Content-Type is none of Connect's: application/json, or "
                   "application/connect+json for a stream"));
}

absl::Status DecodeConnect(absl::string_view bytes, ConnectCodec codec,
                           google::protobuf::Message& message) {
  if (codec == ConnectCodec::kBinary) {
    if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
      return absl::OkStatus();
    return absl::InvalidArgumentError("the body is not the message that this method takes");
  }
  // An empty body is an empty message.
  if (bytes.empty()) return absl::OkStatus();
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  auto parsed =
      google::protobuf::util::JsonStringToMessage({bytes.data(), bytes.size()}, &message, options);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the body is not the JSON that this method takes: ", std::string(parsed.message())));
}

std::string EncodeConnect(const google::protobuf::Message& message, ConnectCodec codec) {
  if (codec == ConnectCodec::kBinary) return message.SerializeAsString();
  std::string text;
  // Fails for messages that JSON has no form for, which none of ours is.
  const auto ignored = google::protobuf::util::MessageToJsonString(message, &text);
  (void)ignored;
  return text;
}

std::string Envelope(unsigned char flags, absl::string_view payload) {
  std::string envelope;
  envelope.reserve(kEnvelopeHead + payload.size());
  envelope.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8)
    envelope.push_back(static_cast<char>(payload.size() >> shift & 0xff));
  envelope.append(payload.data(), payload.size());
  return envelope;
}

absl::StatusOr<absl::string_view> OpenEnvelope(absl::string_view body) {
  if (body.size() < kEnvelopeHead)
    return absl::InvalidArgumentError("the stream has no message: its envelope is cut off");
  if (body[0] != 0) {
    return absl::InvalidArgumentError(
        "the message is compressed, or the end of a stream: neither is taken");
  }
  size_t size = 0;
  for (size_t i = 1; i < kEnvelopeHead; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
  if (size != body.size() - kEnvelopeHead)
    return absl::InvalidArgumentError("the stream is not one message of the length that it says");
  return body.substr(kEnvelopeHead);
}

absl::StatusOr<std::optional<absl::Duration>> ConnectTimeout(const Exchange& exchange) {
  const absl::string_view text = exchange.header("Connect-Timeout-Ms");
  if (text.empty()) return std::nullopt;
  int64_t millis = 0;
  if (!absl::SimpleAtoi(text, &millis) || millis < 0 || millis > kMostTimeoutMillis)
    return absl::InvalidArgumentError("Connect-Timeout-Ms is no number of milliseconds");
  if (millis == 0) return std::nullopt;
  return absl::Milliseconds(millis);
}

Async<void> AnswerConnectError(Exchange& exchange, const absl::Status& status) {
  if (absl::IsCancelled(status) && exchange.client_gone()) {
    exchange.Hangup();
    co_return;
  }
  co_await AnswerJson(exchange, ConnectHttpStatusOf(status.code()), ErrorOf(status));
}

Async<bool> ConnectStream::BeginOnce() {
  if (std::exchange(begun_, true)) co_return true;
  co_return co_await exchange_.Begin(HttpStatus::ok, codec_ == ConnectCodec::kJson
                                                         ? "application/connect+json"
                                                         : "application/connect+proto");
}

Async<bool> ConnectStream::Send(const google::protobuf::Message& message) {
  const bool begun = co_await BeginOnce();
  if (!begun) co_return false;
  const std::string envelope = Envelope(0, EncodeConnect(message, codec_));
  co_return co_await exchange_.Write(envelope);
}

Async<void> ConnectStream::End(const absl::Status& status) {
  const bool begun = co_await BeginOnce();
  if (!begun) co_return;
  nlohmann::json end = nlohmann::json::object();
  if (!status.ok()) end["error"] = ErrorOf(status);
  const std::string envelope = Envelope(kEndOfStream, ToText(end));
  const bool written = co_await exchange_.Write(envelope);
  if (written) co_await exchange_.End();
}

}  // namespace warren
