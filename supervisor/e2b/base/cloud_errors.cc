#include "supervisor/e2b/base/cloud_errors.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "supervisor/base/text.h"
#include "supervisor/e2b/base/json.h"

namespace warren {
namespace {

// Of what the cloud says of a request.
constexpr size_t kMaxCloudWords = 1024;

bool IsSuccess(int status) { return status >= 200 && status < 300; }

// {"message": …}, or text as it is; on one line.
std::string WordsOf(const HttpAnswer& answer) {
  std::string words;
  if (auto json = ParseCloudJson(answer.body, "an error"); json.ok() && json->is_object()) {
    words = TextField(*json, "message", kMaxCloudWords);
  } else {
    words = ToValidUtf8(answer.body, kMaxCloudWords);
  }
  for (char& c : words) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  absl::StripAsciiWhitespace(&words);
  return words.empty() ? absl::StrCat("the cloud answered with status ", answer.head.status)
                       : words;
}

absl::Status OfTheCloud(int status) {
  return absl::UnavailableError(absl::StrCat(
      "the cloud cannot serve this now, and answered with status ", status, ": try again later"));
}

absl::Status StatusOfHttp(const HttpAnswer& answer) {
  switch (answer.head.status) {
    case 400:
    case 405:
    case 406:
    case 422:
      return absl::InvalidArgumentError(WordsOf(answer));
    case 404:
      return absl::NotFoundError(WordsOf(answer));
    case 409:
      return absl::FailedPreconditionError(WordsOf(answer));
    case 416:
      return absl::OutOfRangeError(WordsOf(answer));
    case 429:
      return absl::ResourceExhaustedError(
          "the cloud takes no more of these calls now, by its rate limit or the plan of its key: "
          "try again later");
    case 501:
      return absl::UnimplementedError(WordsOf(answer));
    case 507:
      return absl::ResourceExhaustedError(WordsOf(answer));
    default:
      return OfTheCloud(answer.head.status);
  }
}

struct ConnectCode {
  const char* name;
  absl::StatusCode code;
};
constexpr ConnectCode kConnectCodes[] = {
    {"canceled", absl::StatusCode::kCancelled},
    {"invalid_argument", absl::StatusCode::kInvalidArgument},
    {"deadline_exceeded", absl::StatusCode::kDeadlineExceeded},
    {"not_found", absl::StatusCode::kNotFound},
    {"already_exists", absl::StatusCode::kAlreadyExists},
    {"permission_denied", absl::StatusCode::kPermissionDenied},
    {"resource_exhausted", absl::StatusCode::kResourceExhausted},
    {"failed_precondition", absl::StatusCode::kFailedPrecondition},
    {"aborted", absl::StatusCode::kAborted},
    {"out_of_range", absl::StatusCode::kOutOfRange},
    {"unimplemented", absl::StatusCode::kUnimplemented},
    {"internal", absl::StatusCode::kInternal},
    {"data_loss", absl::StatusCode::kDataLoss},
};

// The token of a sandbox's that it does not take is ours, not the client's.
absl::Status StatusOfConnect(const nlohmann::json& error) {
  const std::string name = TextField(error, "code", kMaxCloudWords);
  const std::string words = TextField(error, "message", kMaxCloudWords);
  for (const ConnectCode& each : kConnectCodes) {
    if (name == each.name) return absl::Status(each.code, words);
  }
  return absl::UnavailableError("the sandbox cannot serve this now: try again later");
}

}  // namespace

absl::Status ControlStatus(const HttpAnswer& answer) {
  if (IsSuccess(answer.head.status)) return absl::OkStatus();
  if (answer.head.status == 401 || answer.head.status == 403) {
    return absl::UnavailableError(
        "the cloud refuses this server's API key: the operator has to look at it");
  }
  return StatusOfHttp(answer);
}

absl::Status EnvdStatus(const HttpAnswer& answer) {
  if (IsSuccess(answer.head.status)) return absl::OkStatus();
  // The sandbox's kernel to its user; a token that is not taken is 401.
  if (answer.head.status == 403) return absl::PermissionDeniedError(WordsOf(answer));
  return StatusOfHttp(answer);
}

absl::Status ConnectStatus(const HttpAnswer& answer) {
  if (IsSuccess(answer.head.status)) return absl::OkStatus();
  auto error = ParseCloudJson(answer.body, "an error");
  if (error.ok() && error->is_object() && !TextField(*error, "code").empty())
    return StatusOfConnect(*error);
  return StatusOfHttp(answer);
}

absl::Status ConnectEndStatus(absl::string_view json) {
  auto end = ParseCloudJson(json, "the end of a stream");
  if (!end.ok()) return end.status();
  const nlohmann::json* error = ObjectField(*end, "error");
  return error == nullptr ? absl::OkStatus() : StatusOfConnect(*error);
}

absl::Status InterpreterStatus(const HttpAnswer& answer) {
  if (IsSuccess(answer.head.status)) return absl::OkStatus();
  return StatusOfHttp(answer);
}

absl::Status NoSuchCloudSandbox() {
  return absl::NotFoundError("no such sandbox: it never was, was destroyed, or its lifetime ended");
}

}  // namespace warren
