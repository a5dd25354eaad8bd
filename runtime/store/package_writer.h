#ifndef WARREN_RUNTIME_STORE_PACKAGE_WRITER_H_
#define WARREN_RUNTIME_STORE_PACKAGE_WRITER_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/base/unique_fd.h"
#include "runtime/store/package_stream.h"
#include "runtime/store/sha256.h"
#include "runtime/store/space.h"
#include "runtime/store/tree_walk.h"
#include "warren/internal/store.pb.h"

namespace warren {

// Writes a package's files into a directory that is empty at first, and takes their digests on the
// way. Reserves the space for each as it comes, ahead of what is written. For one thread.
class PackageWriter final : public PackageStream::Sink {
 public:
  // `tree` and `space` stay the caller's.
  PackageWriter(int tree, SpaceHold& space)
      : walk_(tree, TreeWalk::Missing::kMake), space_(space) {}

  absl::Status BeginFile(const internal::PackageFile& file) override;
  absl::Status Write(absl::string_view content) override;
  absl::Status EndFile() override;

  // Once, at the end: of all that was written. Size and number of files are set.
  internal::PackageManifest TakeManifest(internal::StoredPackage package);

 private:
  TreeWalk walk_;
  SpaceHold& space_;
  // Has space for so many bytes of the file, at most all of it.
  absl::Status Reserve(int64_t bytes);

  UniqueFd file_;
  int64_t reserved_ = 0;
  int64_t written_ = 0;
  std::optional<Sha256> sum_;
  std::vector<internal::ManifestFile> files_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_PACKAGE_WRITER_H_
