#include "supervisor/gateway/base/answers.h"

#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr size_t kMaxMessage = 4096;

}  // namespace

std::string ToText(const nlohmann::json& json, Escape escape) {
  return json.dump(-1, ' ', escape == Escape::kNonAscii, nlohmann::json::error_handler_t::replace);
}

Async<void> AnswerJson(Exchange& exchange, HttpStatus status, const nlohmann::json& body) {
  const std::string text = ToText(body);
  co_await exchange.Answer(status, kJsonType, text);
}

Async<void> AnswerNothing(Exchange& exchange) {
  co_await exchange.Answer(HttpStatus::no_content, "", "");
}

Async<void> AnswerError(Exchange& exchange, HttpStatus status, absl::string_view message) {
  nlohmann::json body;
  body["code"] = static_cast<unsigned>(status);
  body["message"] = ToValidUtf8(message, kMaxMessage);
  co_await AnswerJson(exchange, status, body);
}

Async<void> AnswerError(Exchange& exchange, const absl::Status& status) {
  if (absl::IsCancelled(status) && exchange.client_gone()) {
    exchange.Hangup();
    co_return;
  }
  co_await AnswerError(exchange, HttpStatusOf(status), status.message());
}

HttpStatus HttpStatusOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return HttpStatus::ok;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return HttpStatus::bad_request;
    case absl::StatusCode::kUnauthenticated:
      return HttpStatus::unauthorized;
    case absl::StatusCode::kPermissionDenied:
      return HttpStatus::forbidden;
    case absl::StatusCode::kNotFound:
      return HttpStatus::not_found;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return HttpStatus::conflict;
    case absl::StatusCode::kResourceExhausted:
      return HttpStatus::too_many_requests;
    case absl::StatusCode::kUnimplemented:
      return HttpStatus::not_implemented;
    case absl::StatusCode::kUnavailable:
      return HttpStatus::service_unavailable;
    case absl::StatusCode::kDeadlineExceeded:
      return HttpStatus::gateway_timeout;
    default:
      return HttpStatus::internal_server_error;
  }
}

Async<void> AnswerSandboxGone(Exchange& exchange, absl::string_view sandbox_id) {
  nlohmann::json body;
  body["sandboxId"] = std::string(sandbox_id);
  body["message"] = "The sandbox was not found";
  body["code"] = 502;
  co_await AnswerJson(exchange, HttpStatus::bad_gateway, body);
}

}  // namespace warren
