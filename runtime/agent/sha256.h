#ifndef WARREN_RUNTIME_AGENT_SHA256_H_
#define WARREN_RUNTIME_AGENT_SHA256_H_

#include <openssl/sha.h>

#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// A digest over what is added. By libcrypto's plain functions: the newer interface loads its
// algorithms by name, which is megabytes of a static program and milliseconds of its first use.
class Sha256 {
 public:
  Sha256() { ::SHA256_Init(&state_); }
  void Add(absl::string_view bytes) { ::SHA256_Update(&state_, bytes.data(), bytes.size()); }
  // Once, at the end: 32 bytes.
  std::string Digest() {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    ::SHA256_Final(digest, &state_);
    return std::string(reinterpret_cast<char*>(digest), sizeof(digest));
  }

 private:
  SHA256_CTX state_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_SHA256_H_
