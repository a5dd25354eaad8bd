#ifndef WARREN_RUNTIME_FETCHER_DIRECTORY_INDEX_H_
#define WARREN_RUNTIME_FETCHER_DIRECTORY_INDEX_H_

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/base/mutex.h"
#include "runtime/base/unique_fd.h"
#include "runtime/fetcher/package_file.h"

namespace warren {

// A directory of wheels, as an index. Thread-safe.
class DirectoryIndex {
 public:
  explicit DirectoryIndex(std::string path) : path_(std::move(path)) {}

  // The files of a package, with their SHA-256, which is computed once of each state of a file.
  absl::StatusOr<std::vector<PackageFile>> FilesOf(absl::string_view package);

  struct OpenedFile {
    UniqueFd fd;
    int64_t size = 0;
  };
  // NOT_FOUND: no regular file has that name.
  absl::StatusOr<OpenedFile> Open(const std::string& filename) const;

 private:
  // Size, and when it was changed: seconds and nanoseconds.
  using FileState = std::tuple<int64_t, int64_t, int64_t>;
  struct Digest {
    FileState state;
    std::string sha256;
  };

  absl::StatusOr<std::vector<std::string>> NamesOf(absl::string_view package) const;
  // Empty of a file that is gone.
  absl::StatusOr<std::string> DigestOf(const std::string& filename);

  const std::string path_;
  Mutex mu_;
  std::map<std::string, Digest> digests_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_DIRECTORY_INDEX_H_
