#include "runtime/fetcher/learned_names.h"

#include "runtime/packages/package_name.h"

namespace warren {

absl::Status LearnedNames::Learn(const internal::LearnDependencies& names) {
  for (const std::string& name : names.names()) {
    if (!IsNormalizedPackageName(name))
      return absl::InvalidArgumentError("a dependency's name is not a normalized one");
  }
  MutexLock lock(&mu_);
  for (const std::string& name : names.names()) {
    if (names_.size() < kMaxNames) names_.insert(name);
  }
  return absl::OkStatus();
}

bool LearnedNames::Has(absl::string_view name) const {
  MutexLock lock(&mu_);
  return names_.contains(name);
}

}  // namespace warren
