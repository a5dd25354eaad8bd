#ifndef WARREN_RUNTIME_STORE_SET_PLAN_H_
#define WARREN_RUNTIME_STORE_SET_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "warren/internal/store.pb.h"

namespace warren {

inline constexpr int kMaxConflicts = 16;

// The digest of a set of those packages, in their order.
std::string SetDigest(const google::protobuf::RepeatedPtrField<internal::StoredPackage>& packages);

// What tree packages make together.
struct SetPlan {
  // Of each package, which of its manifest's files are in the tree, in their order.
  std::vector<std::vector<int>> files;
  // Paths that several have with different content, or as a file and as a directory: the first
  // package's is in the tree.
  std::vector<std::string> conflicts;
  // Of all files in the tree.
  int64_t size = 0;
  int64_t file_count = 0;
  // Without the tree's own.
  int64_t directory_count = 0;
};

// Reads nothing. RESOURCE_EXHAUSTED: they have more files than a set can have.
absl::StatusOr<SetPlan> PlanSet(const std::vector<internal::PackageManifest>& packages);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_SET_PLAN_H_
