#ifndef WARREN_SUPERVISOR_GATEWAY_BASE_ANSWERS_H_
#define WARREN_SUPERVISOR_GATEWAY_BASE_ANSWERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "supervisor/gateway/http/async.h"
#include "supervisor/gateway/http/exchange.h"

namespace warren {

inline constexpr char kJsonType[] = "application/json";

// JSON text of a value, in ASCII where `escape` says so; what is no UTF-8 of it is replaced.
enum class Escape { kNothing, kNonAscii };
std::string ToText(const nlohmann::json& json, Escape escape = Escape::kNothing);

Async<void> AnswerJson(Exchange& exchange, HttpStatus status, const nlohmann::json& body);
Async<void> AnswerNothing(Exchange& exchange);

// E2B's error: {"code": 404, "message": "…"}, with the same code as HTTP's status: its SDKs look at
// the one in some calls and at the other in others.
Async<void> AnswerError(Exchange& exchange, HttpStatus status, absl::string_view message);
// Of what the backend said.
Async<void> AnswerError(Exchange& exchange, const absl::Status& status);

// In a coroutine that answers a request: where `expr`, an absl::Status, is not OK, that is the
// answer, and the end.
#define WARREN_ANSWER_IF_ERROR(exchange, expr)                    \
  do {                                                            \
    const absl::Status& warren_answer_ = (expr);                  \
    if (!warren_answer_.ok()) {                                   \
      co_await ::warren::AnswerError((exchange), warren_answer_); \
      co_return;                                                  \
    }                                                             \
  } while (false)

// The HTTP status that E2B's SDKs take for what a status of the backend's means.
HttpStatus HttpStatusOf(const absl::Status& status);

// A sandbox that is not there, or not running, as E2B's proxy says it: 502, which its SDKs take for
// "not running any more".
Async<void> AnswerSandboxGone(Exchange& exchange, absl::string_view sandbox_id);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_BASE_ANSWERS_H_
