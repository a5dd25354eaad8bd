#ifndef WARREN_TOOLS_WARREN_FILES_DIGEST_H_
#define WARREN_TOOLS_WARREN_FILES_DIGEST_H_

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace warren {

// sha256 of what passes by, and how much that is. Thread-compatible. Lifecycle: Add* → Finish.
class Digest {
 public:
  Digest();
  void Add(absl::string_view data);
  // 32 bytes.
  std::string Finish();
  int64_t size() const { return size_; }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  int64_t size_ = 0;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FILES_DIGEST_H_
