#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_SIGNATURE_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_SIGNATURE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/gateway/http/target.h"

namespace warren {

// What the query of a request for a file says: which one, for whom, and what vouches for it in the
// place of a token.
struct FileQuery {
  std::optional<std::string> path;
  // "" where there is none: the sandbox's own.
  std::string user;
  std::optional<std::string> signature;
  // Unix seconds.
  std::optional<int64_t> expires;
};

// INVALID_ARGUMENT for an expiration that is no number.
absl::StatusOr<FileQuery> ParseFileQuery(const Target& target);

// What a signature lets its bearer do: "read" or "write".
enum class SignedDeed { kRead, kWrite };

// "v1_…", as E2B's SDKs make it of what they ask for and a sandbox's access token.
std::string SignatureOf(const FileQuery& query, SignedDeed deed, absl::string_view token);

// UNAUTHENTICATED where its time is over; whether it is right is not looked at.
absl::Status CheckExpiration(const FileQuery& query, absl::Time now);
// Whether it looks like one: who sends anything else is told so without a search.
bool IsSignature(absl::string_view text);
// Whether the query has the one that its sandbox's token makes; compared in constant time.
bool HasSignature(const FileQuery& query, SignedDeed deed, absl::string_view token);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_SIGNATURE_H_
