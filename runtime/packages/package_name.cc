#include "runtime/packages/package_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace warren {
namespace {

bool IsSeparator(char c) { return c == '-' || c == '_' || c == '.'; }
bool IsLetterOrDigit(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

}  // namespace

bool IsPackageName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxPackageName) return false;
  if (!IsLetterOrDigit(name.front()) || !IsLetterOrDigit(name.back())) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetterOrDigit(c) || IsSeparator(c); });
}

std::string NormalizedPackageName(absl::string_view name) {
  std::string result;
  result.reserve(name.size());
  for (size_t i = 0; i < name.size(); ++i) {
    if (!IsSeparator(name[i])) {
      result += absl::ascii_tolower(static_cast<unsigned char>(name[i]));
    } else if (i == 0 || !IsSeparator(name[i - 1])) {
      result += '-';
    }
  }
  return result;
}

bool IsNormalizedPackageName(absl::string_view name) {
  return IsPackageName(name) && NormalizedPackageName(name) == name;
}

}  // namespace warren
