#include "supervisor/session/ids.h"

#include <sys/random.h>

#include <array>
#include <cstdlib>

namespace warren {
namespace {

constexpr absl::string_view kAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
constexpr size_t kRandomCharacters = 20;
// The largest multiple of 36 in a byte: bytes from there on would make the first letters likelier.
constexpr unsigned char kFairBytes = 252;

}  // namespace

std::string NewId(absl::string_view prefix) {
  std::string id(prefix);
  const size_t length = prefix.size() + kRandomCharacters;
  std::array<unsigned char, 32> random;
  while (id.size() < length) {
    // Up to 256 bytes getrandom neither fails nor returns less, once the kernel's source is seeded.
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
      std::abort();
    }
    for (unsigned char byte : random) {
      if (byte < kFairBytes && id.size() < length) id.push_back(kAlphabet[byte % kAlphabet.size()]);
    }
  }
  return id;
}

}  // namespace warren
