#include "runtime/store/package_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "runtime/base/status.h"
#include "runtime/store/package_stream.h"
#include "runtime/store/quote.h"
#include "runtime/store/sha256.h"
#include "runtime/store/space.h"
#include "runtime/store/store_files.h"
#include "runtime/store/tree_walk.h"

namespace warren {
namespace {

constexpr size_t kReadBytes = 128 << 10;
constexpr mode_t kModeBits = 07777;

absl::Status Damaged(const internal::ManifestFile& file, absl::string_view how) {
  return absl::DataLossError(absl::StrCat(QuotedPath(file.path()), " ", how));
}

absl::StatusOr<std::string> SumOf(int fd, const StopSignal& stop) {
  Sha256 sum;
  std::vector<char> buffer(kReadBytes);
  while (true) {
    WARREN_RETURN_IF_ERROR(stop.Check());
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno("read a file of the store");
    if (count == 0) return sum.Digest();
    sum.Add({buffer.data(), static_cast<size_t>(count)});
  }
}

}  // namespace

absl::StatusOr<internal::PackageManifest> ReadManifest(int package_directory,
                                                       const std::string& key) {
  internal::PackageManifest manifest;
  WARREN_RETURN_IF_ERROR(ReadRecord(package_directory, kManifestFile, manifest));
  if (manifest.package().key() != key || manifest.package().files() != manifest.files_size())
    return absl::DataLossError("the manifest is of another package");
  int64_t size = 0;
  const std::string* last = nullptr;
  for (const internal::ManifestFile& file : manifest.files()) {
    if (!CheckPackagePath(file.path()).ok() || (last != nullptr && *last >= file.path()) ||
        file.size() < 0 || file.sha256().size() != kSha256Bytes) {
      return absl::DataLossError("the manifest has a file that no package has");
    }
    last = &file.path();
    size += file.size();
  }
  if (size != manifest.package().size())
    return absl::DataLossError("the manifest has another size than it says");
  return manifest;
}

int64_t CountDirectories(const internal::PackageManifest& manifest) {
  absl::flat_hash_set<absl::string_view> directories;
  for (const internal::ManifestFile& file : manifest.files()) {
    const absl::string_view path = file.path();
    // From the last one up, until one that is known, and so are those above.
    for (size_t slash = path.rfind('/'); slash != absl::string_view::npos;
         slash = path.substr(0, slash).rfind('/')) {
      if (!directories.insert(path.substr(0, slash)).second) break;
    }
  }
  return static_cast<int64_t>(directories.size()) + 1;
}

int64_t PackageBlocks(const internal::PackageManifest& manifest) {
  int64_t blocks = CountDirectories(manifest) * kDirectoryBytes;
  for (const internal::ManifestFile& file : manifest.files()) blocks += BlocksOf(file.size());
  return blocks;
}

absl::Status CheckFile(int directory, const internal::ManifestFile& file, const StopSignal& stop) {
  // Not to wait for what is no file.
  UniqueFd opened(::openat(directory, FileNameOf(file.path()).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!opened.valid()) return Damaged(file, "is not there, or is no file");
  struct stat info;
  if (::fstat(opened.get(), &info) != 0) return Errno("look at a file of the store");
  if (!S_ISREG(info.st_mode)) return Damaged(file, "is no file");
  if ((info.st_mode & kModeBits) != PackageFileMode(file.executable()) ||
      info.st_uid != ::geteuid()) {
    return Damaged(file, "has another mode or owner");
  }
  if (info.st_size != file.size()) return Damaged(file, "has another size");
  WARREN_ASSIGN_OR_RETURN(const std::string sum, SumOf(opened.get(), stop));
  return sum == file.sha256() ? absl::OkStatus() : Damaged(file, "has another content");
}

absl::Status CheckPackage(const StoreDirectory& directory, const std::string& key,
                          const StopSignal& stop) {
  WARREN_ASSIGN_OR_RETURN(const UniqueFd package,
                          directory.OpenEntry(StoreDirectory::Folder::kPackages, key));
  WARREN_ASSIGN_OR_RETURN(const internal::PackageManifest manifest,
                          ReadManifest(package.get(), key));
  WARREN_ASSIGN_OR_RETURN(const UniqueFd tree, OpenDirectory(package.get(), kTreeDirectory));
  TreeWalk walk(tree.get(), TreeWalk::Missing::kFail);
  for (const internal::ManifestFile& file : manifest.files()) {
    WARREN_ASSIGN_OR_RETURN(const int parent, walk.DirectoryOf(file.path()));
    WARREN_RETURN_IF_ERROR(CheckFile(parent, file, stop));
  }
  // All are there; so there is nothing else when there are as many.
  const TreeCount expected{manifest.files_size(), CountDirectories(manifest) - 1, 0};
  WARREN_ASSIGN_OR_RETURN(const TreeCount count, CountTree(tree.get()));
  return count == expected ? absl::OkStatus()
                           : absl::DataLossError("its tree has something that is not its own");
}

}  // namespace warren
