#ifndef WARREN_SUPERVISOR_GATEWAY_BASE_ACCESS_TOKENS_H_
#define WARREN_SUPERVISOR_GATEWAY_BASE_ACCESS_TOKENS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// What a client shows to use a sandbox, in the place of its API key. Each is derived from the
// sandbox's id and a secret of this server's: nothing is kept, and who has one sandbox's can make
// no other's. Thread-safe.
class AccessTokens {
 public:
  // With a secret that ends with the process, as its sandboxes do.
  static absl::StatusOr<AccessTokens> Make();
  explicit AccessTokens(std::string secret) : secret_(std::move(secret)) {}

  // For its processes, files and code: E2B's envdAccessToken. 64 hex digits.
  std::string Envd(absl::string_view sandbox_id) const;
  // For its ports, where they are not for everybody: E2B's trafficAccessToken.
  std::string Traffic(absl::string_view sandbox_id) const;

 private:
  std::string Derive(absl::string_view purpose, absl::string_view sandbox_id) const;

  // 32 bytes.
  std::string secret_;
};

// Whether they are the same, in a time that says nothing of where they differ.
bool SameSecret(absl::string_view a, absl::string_view b);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_BASE_ACCESS_TOKENS_H_
