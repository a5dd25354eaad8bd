#ifndef WARREN_RUNTIME_STORE_SHA256_H_
#define WARREN_RUNTIME_STORE_SHA256_H_

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace warren {

inline constexpr size_t kSha256Bytes = 32;
inline constexpr size_t kSha256Digits = 2 * kSha256Bytes;

// A digest over what is added. OpenSSL reads its configuration when the process first makes one.
class Sha256 {
 public:
  Sha256() : context_(::EVP_MD_CTX_new()) {
    ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr);
  }
  void Add(absl::string_view bytes) {
    ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
  }
  // Once, at the end: 32 bytes.
  std::string Digest() {
    unsigned char digest[kSha256Bytes];
    ::EVP_DigestFinal_ex(context_.get(), digest, nullptr);
    return std::string(reinterpret_cast<char*>(digest), sizeof(digest));
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

inline std::string Sha256Of(absl::string_view bytes) {
  Sha256 sum;
  sum.Add(bytes);
  return sum.Digest();
}

// 64 lower-case hex digits.
inline bool IsSha256Hex(absl::string_view text) {
  return text.size() == kSha256Digits &&
         text.find_first_not_of("0123456789abcdef") == absl::string_view::npos;
}

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_SHA256_H_
