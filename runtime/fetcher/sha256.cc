#include "runtime/fetcher/sha256.h"

#include "absl/strings/escaping.h"

namespace warren {

Sha256::Sha256() : context_(::EVP_MD_CTX_new()) {
  sound_ = context_ != nullptr && ::EVP_DigestInit_ex(context_.get(), ::EVP_sha256(), nullptr) == 1;
}

void Sha256::Add(absl::string_view bytes) {
  sound_ = sound_ && ::EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1;
}

std::string Sha256::Hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (!sound_ || ::EVP_DigestFinal_ex(context_.get(), digest, &size) != 1) return "";
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), size});
}

}  // namespace warren
