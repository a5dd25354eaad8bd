#include "supervisor/gateway/base/access_tokens.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr size_t kSecretBytes = 32;

}  // namespace

absl::StatusOr<AccessTokens> AccessTokens::Make() {
  std::string secret(kSecretBytes, '\0');
  if (::getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size()))
    return Errno("getrandom");
  return AccessTokens(std::move(secret));
}

std::string AccessTokens::Envd(absl::string_view sandbox_id) const {
  return Derive("envd", sandbox_id);
}

std::string AccessTokens::Traffic(absl::string_view sandbox_id) const {
  return Derive("traffic", sandbox_id);
}

std::string AccessTokens::Derive(absl::string_view purpose, absl::string_view sandbox_id) const {
  const std::string text = absl::StrCat(purpose, ":", sandbox_id);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  ::HMAC(::EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

bool SameSecret(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace warren
