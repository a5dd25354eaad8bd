#include "supervisor/backend/validate_fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

constexpr size_t kMaxEnv = 128;
constexpr size_t kMaxEnvBytes = 64 << 10;
// Of a client's text in a message.
constexpr size_t kMaxNameShown = 64;
constexpr size_t kMaxRequestId = 128;
constexpr size_t kMaxTemplateId = 128;
constexpr size_t kMaxPath = 4095;
constexpr int kMaxArguments = 1024;
constexpr size_t kMaxArgumentBytes = 128 << 10;
constexpr char kHome[] = "/home/user";

bool IsEnvName(absl::string_view name) {
  if (name.empty() || absl::ascii_isdigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

}  // namespace

absl::Status CheckDuration(absl::string_view field, const google::protobuf::Duration& value,
                           const DurationRange& range) {
  // Seconds beyond any range saturate, and are refused like the others.
  const absl::Duration duration = ToDuration(value);
  if (duration >= range.minimum && duration <= range.maximum) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, " is ", absl::FormatDuration(duration), "; it must be from ",
      absl::FormatDuration(range.minimum), " to ", absl::FormatDuration(range.maximum)));
}

absl::Status CheckOnDisconnect(warren::v1::OnDisconnect value) {
  return CheckChoice("on_disconnect", value, &warren::v1::OnDisconnect_IsValid);
}

absl::Status CheckRequestId(const std::string& request_id) {
  if (request_id.size() <= kMaxRequestId) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "request_id has ", request_id.size(), " bytes; at most ", kMaxRequestId, " are allowed"));
}

absl::Status CheckTemplateId(const std::string& template_id) {
  if (template_id.size() <= kMaxTemplateId) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "template_id has ", template_id.size(), " bytes; at most ", kMaxTemplateId, " are allowed"));
}

absl::Status CheckWorkingDirectory(std::string& directory) {
  if (directory.find('\0') != std::string::npos)
    return absl::InvalidArgumentError("working_directory contains a NUL byte");
  if (directory.empty()) {
    directory = kHome;
  } else if (directory[0] != '/') {
    directory = absl::StrCat(kHome, "/", directory);
  }
  if (directory.size() <= kMaxPath) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("working_directory has ", directory.size(),
                                                 " bytes; at most ", kMaxPath, " are allowed"));
}

absl::Status CheckArguments(const Arguments& arguments) {
  if (arguments.size() > kMaxArguments) {
    return absl::InvalidArgumentError(absl::StrCat(
        "arguments has ", arguments.size(), " entries; at most ", kMaxArguments, " are allowed"));
  }
  size_t bytes = 0;
  for (const std::string& argument : arguments) {
    if (argument.find('\0') != std::string::npos)
      return absl::InvalidArgumentError("arguments: one contains a NUL byte");
    bytes += argument.size();
  }
  if (bytes <= kMaxArgumentBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("arguments has ", bytes, " bytes; at most ",
                                                 kMaxArgumentBytes,
                                                 " are allowed: write more to its input"));
}

absl::Status CheckUser(const std::string& user) {
  if (user.empty() || user == "user" || user == "root") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("user is \"", absl::CEscape(absl::string_view(user).substr(0, kMaxNameShown)),
                   "\"; it must be \"user\", \"root\", or empty for the sandbox's profile"));
}

absl::Status ValidateEnv(const StringMap& env) {
  if (env.size() > kMaxEnv) {
    return absl::InvalidArgumentError(
        absl::StrCat("env has ", env.size(), " entries; at most ", kMaxEnv, " are allowed"));
  }
  size_t bytes = 0;
  for (const auto& [name, value] : env) {
    if (!IsEnvName(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("env has the name \"", absl::CHexEscape(name.substr(0, kMaxNameShown)),
                       "\"; names are [A-Za-z_][A-Za-z0-9_]*"));
    }
    if (value.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "env: the value of ", name.substr(0, kMaxNameShown), " contains a NUL byte"));
    }
    bytes += name.size() + value.size();
  }
  if (bytes <= kMaxEnvBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("env has ", bytes,
                                                 " bytes of names and values together; at most ",
                                                 kMaxEnvBytes, " are allowed"));
}

}  // namespace warren
