#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_PACKAGE_STORE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_PACKAGE_STORE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// The directory of the package store, as far as the launcher is concerned: it takes it for its own
// server, gives it to the store (store_service.h), and mounts what that has made.
class PackageStore {
 public:
  // Made where it is missing. FAILED_PRECONDITION: it is another server's, or others than root have
  // a hand in it. The lock on it holds as long as this object.
  static absl::StatusOr<PackageStore> Take(const std::string& path);

  const std::string& path() const { return path_; }
  // Opened by O_PATH.
  int directory() const { return directory_.get(); }

  // The tree of a set, opened by O_PATH. INVALID_ARGUMENT: no digest (64 lower-case hex digits);
  // NOT_FOUND.
  absl::StatusOr<UniqueFd> OpenSet(absl::string_view digest) const;

 private:
  PackageStore(std::string path, UniqueFd directory, UniqueFd lock)
      : path_(std::move(path)), directory_(std::move(directory)), lock_(std::move(lock)) {}

  std::string path_;
  UniqueFd directory_;
  UniqueFd lock_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_PACKAGE_STORE_H_
