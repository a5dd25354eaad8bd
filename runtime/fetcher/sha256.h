#ifndef WARREN_RUNTIME_FETCHER_SHA256_H_
#define WARREN_RUNTIME_FETCHER_SHA256_H_

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// The SHA-256 of what it is given. Thread-compatible. Lifecycle: constructor → Add* → Hex, once.
class Sha256 {
 public:
  Sha256();
  void Add(absl::string_view bytes);
  // 64 hexadecimal digits in lower case; empty where the library failed, which is no digest of
  // anything.
  std::string Hex();

 private:
  struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { ::EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
  bool sound_ = false;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_SHA256_H_
