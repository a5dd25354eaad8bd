#include "supervisor/gateway/envd/signature.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "supervisor/gateway/base/access_tokens.h"

namespace warren {

absl::StatusOr<FileQuery> ParseFileQuery(const Target& target) {
  FileQuery query;
  query.path = target.Parameter("path");
  query.user = target.Parameter("username").value_or("");
  query.signature = target.Parameter("signature");
  const std::optional<std::string> expires = target.Parameter("signature_expiration");
  if (!expires) return query;
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(*expires, &seconds)) {
    return absl::InvalidArgumentError(
        "signature_expiration is no number; it takes Unix time in seconds");
  }
  query.expires = seconds;
  return query;
}

std::string SignatureOf(const FileQuery& query, SignedDeed deed, absl::string_view token) {
  std::string text =
      absl::StrCat(query.path.value_or(""), ":", deed == SignedDeed::kRead ? "read" : "write", ":",
                   query.user, ":", token);
  if (query.expires) absl::StrAppend(&text, ":", *query.expires);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  ::SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  const std::string encoded =
      absl::Base64Escape({reinterpret_cast<const char*>(digest), sizeof(digest)});
  // 32 bytes end with one "=".
  return absl::StrCat("v1_", absl::StripSuffix(encoded, "="));
}

absl::Status CheckExpiration(const FileQuery& query, absl::Time now) {
  if (!query.expires || *query.expires >= absl::ToUnixSeconds(now)) return absl::OkStatus();
  return absl::UnauthenticatedError("signature is already expired");
}

bool IsSignature(absl::string_view text) {
  // 32 bytes in base64, without the "=".
  constexpr size_t kDigits = 43;
  std::string digest;
  return absl::ConsumePrefix(&text, "v1_") && text.size() == kDigits &&
         absl::Base64Unescape(absl::StrCat(text, "="), &digest);
}

bool HasSignature(const FileQuery& query, SignedDeed deed, absl::string_view token) {
  return query.signature && SameSecret(*query.signature, SignatureOf(query, deed, token));
}

}  // namespace warren
