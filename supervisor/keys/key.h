#ifndef WARREN_SUPERVISOR_KEYS_KEY_H_
#define WARREN_SUPERVISOR_KEYS_KEY_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// What an API key is: "e2b_" and 40 lower-case hexadecimal digits, as E2B's clients demand them.
// The first 8 digits are its id, which is no secret; the whole is one, and is kept nowhere. Pure
// but for NewKey. Thread-safe.
namespace warren {

// In the place of a tenant: the key is the operator's, as another Warren has it that calls this one
// for its own tenants. No tenant has such a name.
inline constexpr char kOperatorKey[] = "*";

// What is known of a key without the key.
struct KeyInfo {
  std::string id;
  // Or kOperatorKey.
  std::string tenant;
  std::string label;
  absl::Time created_at;
  // Of one that is not valid any more.
  std::optional<absl::Time> revoked_at;
};

// 160 bits of the kernel's randomness.
absl::StatusOr<std::string> NewKey();

bool IsKey(absl::string_view text);
// Of a key.
absl::string_view IdOf(absl::string_view key);
bool IsKeyId(absl::string_view text);

// 32 bytes. Keys are random, so that a plain hash is enough: there is nothing to guess from.
std::string Sha256OfKey(absl::string_view key);

// INVALID_ARGUMENT, for people: the tenant is none, the label is longer than 200 bytes, not UTF-8
// or has control characters.
absl::Status ValidateTenant(absl::string_view tenant);
absl::Status ValidateKeyLabel(absl::string_view label);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_KEYS_KEY_H_
