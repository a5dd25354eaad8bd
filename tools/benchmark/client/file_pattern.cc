#include "tools/benchmark/client/file_pattern.h"

#include <algorithm>
#include <random>
#include <string>

namespace warren::bench {
namespace {

constexpr int64_t kBlock = 1 << 20;

const std::string& Block() {
  static const std::string block = [] {
    std::string bytes(kBlock, '\0');
    // The same in every run.
    std::mt19937 random(1);
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  }();
  return block;
}

}  // namespace

absl::string_view Pattern(int64_t offset, int64_t size) {
  return absl::string_view(Block()).substr(static_cast<size_t>(offset % kBlock),
                                           static_cast<size_t>(std::max<int64_t>(size, 0)));
}

bool HoldsPattern(absl::string_view data, int64_t offset) {
  while (!data.empty()) {
    absl::string_view expected = Pattern(offset, static_cast<int64_t>(data.size()));
    if (data.substr(0, expected.size()) != expected) return false;
    data.remove_prefix(expected.size());
    offset += static_cast<int64_t>(expected.size());
  }
  return true;
}

}  // namespace warren::bench
