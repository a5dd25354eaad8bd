#include "supervisor/api/callers.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "runtime/base/status.h"
#include "supervisor/backend/tenant.h"

namespace warren {
namespace {

constexpr char kAuthorization[] = "authorization";
constexpr char kApiKey[] = "x-api-key";

// All values of a name, which gRPC has in lower case.
std::vector<absl::string_view> MetadataOf(const grpc::ServerContextBase& context,
                                          const char* name) {
  std::vector<absl::string_view> values;
  const auto [begin, end] = context.client_metadata().equal_range(name);
  for (auto it = begin; it != end; ++it) values.emplace_back(it->second.data(), it->second.size());
  return values;
}

// The key that a call has; none where it has no such metadata. UNAUTHENTICATED: several that are
// not one, or something else than a key: what was meant to be one must not count as nothing.
absl::StatusOr<std::optional<std::string>> KeyOf(const grpc::ServerContextBase& context) {
  std::vector<absl::string_view> keys = MetadataOf(context, kApiKey);
  for (absl::string_view value : MetadataOf(context, kAuthorization)) {
    constexpr absl::string_view kBearer = "bearer ";
    if (!absl::StartsWithIgnoreCase(value, kBearer)) {
      return absl::UnauthenticatedError(
          "authorization is understood as \"Bearer KEY\" alone, with an API key");
    }
    keys.push_back(absl::StripAsciiWhitespace(value.substr(kBearer.size())));
  }
  for (absl::string_view key : keys) {
    if (key != keys.front())
      return absl::UnauthenticatedError("the call has several API keys: send one");
  }
  if (keys.empty()) return std::nullopt;
  return std::string(keys.front());
}

// As gRPC writes the address of the connection's other end, which the kernel told it: a Unix
// socket's has no path, unless its client has bound one.
bool IsOfUnixSocket(const grpc::ServerContextBase& context) {
  const std::string peer = context.peer();
  return absl::StartsWith(peer, "unix:") || absl::StartsWith(peer, "unix-abstract:");
}

}  // namespace

absl::StatusOr<Principal> Callers::Identify(const grpc::ServerContextBase& context) const {
  WARREN_ASSIGN_OR_RETURN(std::optional<std::string> key, KeyOf(context));
  if (key) return keys_.Authenticate(*key);
  if (IsOfUnixSocket(context) || !keys_.Demanded()) return Principal();
  return absl::UnauthenticatedError(
      "this server demands an API key: send it as \"authorization: Bearer KEY\" or \"x-api-key: "
      "KEY\" (WARREN_API_KEY for warren and the Python client); its operator makes one with "
      "`warren keys create`");
}

absl::StatusOr<Call> Callers::MakeCall(const grpc::ServerContextBase& context) const {
  Call call;
  const auto deadline = context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    call.deadline = absl::FromChrono(deadline);
  }
  WARREN_ASSIGN_OR_RETURN(call.who, Identify(context));
  const std::vector<absl::string_view> tenants = MetadataOf(context, kTenantMetadata);
  if (tenants.empty()) return call;
  if (!call.who.is_operator()) {
    return absl::PermissionDeniedError(
        absl::StrCat(kTenantMetadata,
                     " is for the server's operator, and a key stands for its own "
                     "tenant: leave it out"));
  }
  if (tenants.size() != 1 || !IsTenant(tenants.front())) {
    return absl::InvalidArgumentError(
        absl::StrCat(kTenantMetadata, " names no tenant: once, with 1 to 63 of a-z, 0-9 and -"));
  }
  call.who.tenant = std::string(tenants.front());
  return call;
}

}  // namespace warren
