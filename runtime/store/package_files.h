#ifndef WARREN_RUNTIME_STORE_PACKAGE_FILES_H_
#define WARREN_RUNTIME_STORE_PACKAGE_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/store/stop_signal.h"
#include "runtime/store/store_directory.h"
#include "warren/internal/store.pb.h"

namespace warren {

inline constexpr mode_t PackageFileMode(bool executable) { return executable ? 0555 : 0444; }

// A package's manifest, which is sound: of that key, with paths that a package may have, sorted, no
// file twice. DATA_LOSS, or what the file system says.
absl::StatusOr<internal::PackageManifest> ReadManifest(int package_directory,
                                                       const std::string& key);

// Directories that its files are in, and the tree's own.
int64_t CountDirectories(const internal::PackageManifest& manifest);
// What the package takes on disk, in bytes of blocks.
int64_t PackageBlocks(const internal::PackageManifest& manifest);

// Whether a file below `directory` is that one: a regular file of the caller's own, of that mode,
// size and digest. DATA_LOSS quotes its path.
absl::Status CheckFile(int directory, const internal::ManifestFile& file, const StopSignal& stop);

// Whether the package's files are those of its manifest, and no other thing is there. DATA_LOSS;
// CANCELLED when it shall stop.
absl::Status CheckPackage(const StoreDirectory& directory, const std::string& key,
                          const StopSignal& stop);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_PACKAGE_FILES_H_
