#include "runtime/fetcher/package_file.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace warren {
namespace {

constexpr size_t kMaxFileName = 255;
constexpr size_t kSha256Digits = 64;

bool IsPlain(unsigned char c) {
  return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '+' || c == '!' || c == '~' ||
         c == '-';
}

}  // namespace

bool IsPlainFileName(const std::string& name) {
  return !name.empty() && name.size() <= kMaxFileName && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), IsPlain);
}

std::string NormalizedSha256(const std::string& text) {
  if (text.size() != kSha256Digits || !std::all_of(text.begin(), text.end(), absl::ascii_isxdigit))
    return "";
  return absl::AsciiStrToLower(text);
}

}  // namespace warren
