#ifndef WARREN_RUNTIME_FETCHER_LEARNED_NAMES_H_
#define WARREN_RUNTIME_FETCHER_LEARNED_NAMES_H_

#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/mutex.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// Packages that came as dependencies of allowed ones. Thread-safe.
class LearnedNames {
 public:
  static constexpr size_t kMaxNames = 65536;

  // INVALID_ARGUMENT: one is no normalized name. What is beyond kMaxNames is not kept.
  absl::Status Learn(const internal::LearnDependencies& names);
  bool Has(absl::string_view name) const;

 private:
  mutable Mutex mu_;
  absl::flat_hash_set<std::string> names_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_LEARNED_NAMES_H_
