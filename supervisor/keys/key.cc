#include "supervisor/keys/key.h"

#include <openssl/sha.h>
#include <sys/random.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/backend/tenant.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr absl::string_view kPrefix = "e2b_";
constexpr size_t kRandomBytes = 20;
constexpr size_t kIdDigits = 8;
constexpr size_t kMaxLabelBytes = 200;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

absl::StatusOr<std::string> NewKey() {
  char bytes[kRandomBytes];
  // So few come whole or not at all.
  if (::getrandom(bytes, sizeof(bytes), 0) != static_cast<ssize_t>(sizeof(bytes)))
    return Errno("get random bytes for a key");
  return absl::StrCat(kPrefix, absl::BytesToHexString(absl::string_view(bytes, sizeof(bytes))));
}

bool IsKey(absl::string_view text) {
  return text.size() == kPrefix.size() + 2 * kRandomBytes && absl::StartsWith(text, kPrefix) &&
         IsLowerHex(text.substr(kPrefix.size()));
}

absl::string_view IdOf(absl::string_view key) { return key.substr(kPrefix.size(), kIdDigits); }

bool IsKeyId(absl::string_view text) { return text.size() == kIdDigits && IsLowerHex(text); }

std::string Sha256OfKey(absl::string_view key) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

absl::Status ValidateTenant(absl::string_view tenant) {
  if (tenant == kOperatorName) {
    return absl::InvalidArgumentError(
        "\"operator\" is no tenant: it is what the operator is called in configurations; "
        "--operator "
        "makes a key of the operator's");
  }
  if (IsTenant(tenant)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", absl::CEscape(tenant.substr(0, kMaxLabelBytes)),
                   "\" is no tenant: name it with 1 to 63 of a-z, 0-9 and -, the first no -"));
}

absl::Status ValidateKeyLabel(absl::string_view label) {
  if (label.size() > kMaxLabelBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the label has ", label.size(), " bytes; it may have ", kMaxLabelBytes));
  }
  if (!IsValidUtf8(label) || std::any_of(label.begin(), label.end(), absl::ascii_iscntrl))
    return absl::InvalidArgumentError("the label must be UTF-8 without control characters");
  return absl::OkStatus();
}

}  // namespace warren
