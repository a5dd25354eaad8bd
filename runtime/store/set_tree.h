#ifndef WARREN_RUNTIME_STORE_SET_TREE_H_
#define WARREN_RUNTIME_STORE_SET_TREE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/store/stop_signal.h"
#include "runtime/store/store_directory.h"
#include "warren/internal/store.pb.h"

namespace warren {

struct MadeSet {
  // With digest, conflicts and size.
  internal::StoredSet set;
  // What it takes beside its packages: directories, and copies where a file cannot have another
  // link. In bytes of blocks.
  int64_t blocks = 0;
};

// Makes the set of those packages, which are there, and puts it into its place; what fails leaves
// nothing. FAILED_PRECONDITION: a package has gone meanwhile. Blocks.
absl::StatusOr<MadeSet> MakeSetTree(const StoreDirectory& directory,
                                    const std::vector<internal::StoredPackage>& packages,
                                    const StopSignal& stop);

// A set's record, which is sound: of that digest. DATA_LOSS.
absl::StatusOr<internal::StoredSet> ReadSet(const StoreDirectory& directory,
                                            const std::string& digest);

// Whether the set's tree is what its packages, which must be verified, make: links to their files,
// or copies with the same digest, and no other thing. DATA_LOSS; CANCELLED. OK: its blocks.
absl::StatusOr<int64_t> CheckSetTree(const StoreDirectory& directory,
                                     const internal::StoredSet& set, const StopSignal& stop);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_SET_TREE_H_
