#include "supervisor/gateway/envd/basic_user.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr absl::string_view kBasicScheme = "Basic ";
// A longer name is none, and is not repeated.
constexpr size_t kMaxToldUser = 64;

absl::Status InvalidUsername(absl::string_view user) {
  return absl::UnauthenticatedError(
      absl::StrCat("invalid username: '", absl::CEscape(user.substr(0, kMaxToldUser)), "'"));
}

}  // namespace

absl::Status CheckEnvdUser(absl::string_view user) {
  if (user.empty() || user == "user" || user == "root") return absl::OkStatus();
  return InvalidUsername(user);
}

absl::StatusOr<std::string> BasicUser(absl::string_view authorization) {
  if (!absl::StartsWithIgnoreCase(authorization, kBasicScheme)) return std::string();
  const absl::string_view encoded =
      absl::StripAsciiWhitespace(authorization.substr(kBasicScheme.size()));
  std::string decoded;
  if (!absl::Base64Unescape(encoded, &decoded)) return InvalidUsername(encoded);
  std::string user = decoded.substr(0, decoded.find(':'));
  WARREN_RETURN_IF_ERROR(CheckEnvdUser(user));
  return user;
}

}  // namespace warren
