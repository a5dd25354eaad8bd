#ifndef WARREN_RUNTIME_STORE_TREE_WALK_H_
#define WARREN_RUNTIME_STORE_TREE_WALK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// The directories of a tree, for paths that come one after another: what a path has in common with
// the one before is open already. Each part is opened by itself and may be no link, so the tree is
// never left. Holds a descriptor for each part. Not thread-safe.
class TreeWalk {
 public:
  enum class Missing { kFail, kMake };
  // `root` stays the caller's.
  TreeWalk(int root, Missing missing) : root_(root), missing_(missing) {}

  // The directory that the file of that path is in (O_PATH), until the next call. The path must be
  // sound (CheckPackagePath).
  absl::StatusOr<int> DirectoryOf(absl::string_view path);
  // Directories that were not there.
  int64_t made() const { return made_; }

 private:
  struct Level {
    std::string name;
    UniqueFd fd;
  };
  absl::StatusOr<UniqueFd> Enter(int directory, const std::string& name);

  const int root_;
  const Missing missing_;
  std::vector<Level> levels_;
  int64_t made_ = 0;
};

// The last part of a path.
std::string FileNameOf(absl::string_view path);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_TREE_WALK_H_
