#include "tools/warren/files/digest.h"

#include <cstdlib>

namespace warren {
namespace {

// OpenSSL's sha256 fails only where memory does: a digest that is not one must not be compared.
void Check(int result) {
  if (result != 1) std::abort();
}

}  // namespace

Digest::Digest() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  Check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Digest::Add(absl::string_view data) {
  Check(EVP_DigestUpdate(context_.get(), data.data(), data.size()));
  size_ += static_cast<int64_t>(data.size());
}

std::string Digest::Finish() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Check(EVP_DigestFinal_ex(context_.get(), bytes, &size));
  return std::string(reinterpret_cast<char*>(bytes), size);
}

}  // namespace warren
