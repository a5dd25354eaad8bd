#include "supervisor/backend/tenant.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace warren {
namespace {

constexpr size_t kMaxTenantBytes = 63;

}  // namespace

bool IsTenant(absl::string_view name) {
  if (name.empty() || name.size() > kMaxTenantBytes || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

}  // namespace warren
