#include "runtime/store/set_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/store/package_files.h"
#include "runtime/store/quote.h"
#include "runtime/store/set_plan.h"
#include "runtime/store/space.h"
#include "runtime/store/store_files.h"
#include "runtime/store/tree_walk.h"

namespace warren {
namespace {

using Folder = StoreDirectory::Folder;
using Packages = std::vector<internal::StoredPackage>;

constexpr size_t kCopiedBytes = 128 << 10;
constexpr mode_t kSetTreeMode = 0755;

// The packages of a set, read.
struct SetSources {
  std::vector<internal::PackageManifest> manifests;
  SetPlan plan;
};

absl::StatusOr<UniqueFd> OpenPackageTree(const StoreDirectory& directory, const std::string& key) {
  WARREN_ASSIGN_OR_RETURN(const UniqueFd package, directory.OpenEntry(Folder::kPackages, key));
  return OpenDirectory(package.get(), kTreeDirectory);
}

absl::StatusOr<SetSources> ReadSources(const StoreDirectory& directory, const Packages& packages) {
  SetSources sources;
  for (const internal::StoredPackage& package : packages) {
    WARREN_ASSIGN_OR_RETURN(const UniqueFd opened,
                            directory.OpenEntry(Folder::kPackages, package.key()));
    WARREN_ASSIGN_OR_RETURN(internal::PackageManifest manifest,
                            ReadManifest(opened.get(), package.key()));
    sources.manifests.push_back(std::move(manifest));
  }
  WARREN_ASSIGN_OR_RETURN(sources.plan, PlanSet(sources.manifests));
  return sources;
}

absl::Status CopyFile(int from_directory, int to_directory, const std::string& name, mode_t mode,
                      const StopSignal& stop) {
  UniqueFd from(::openat(from_directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  UniqueFd to(::openat(to_directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!from.valid() || !to.valid()) return Errno(absl::StrCat("copy ", QuotedPath(name)));
  std::vector<char> buffer(kCopiedBytes);
  while (true) {
    WARREN_RETURN_IF_ERROR(stop.Check());
    const ssize_t count = ::read(from.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno(absl::StrCat("copy ", QuotedPath(name)));
    if (count == 0) return absl::OkStatus();
    WARREN_RETURN_IF_ERROR(WriteBytes(to.get(), {buffer.data(), static_cast<size_t>(count)}));
  }
}

// OK: what it takes.
absl::StatusOr<int64_t> LinkFile(int from_directory, int to_directory,
                                 const internal::ManifestFile& file, const StopSignal& stop) {
  const std::string name = FileNameOf(file.path());
  if (::linkat(from_directory, name.c_str(), to_directory, name.c_str(), 0) == 0) return 0;
  if (errno != EMLINK) return Errno(absl::StrCat("link ", QuotedPath(file.path())));
  WARREN_RETURN_IF_ERROR(
      CopyFile(from_directory, to_directory, name, PackageFileMode(file.executable()), stop));
  return BlocksOf(file.size());
}

absl::StatusOr<int64_t> LinkFiles(const StoreDirectory& directory, const SetSources& sources,
                                  int tree, const StopSignal& stop) {
  int64_t blocks = (sources.plan.directory_count + 1) * kDirectoryBytes;
  TreeWalk to(tree, TreeWalk::Missing::kMake);
  for (size_t i = 0; i < sources.manifests.size(); ++i) {
    const internal::PackageManifest& manifest = sources.manifests[i];
    WARREN_ASSIGN_OR_RETURN(const UniqueFd package,
                            OpenPackageTree(directory, manifest.package().key()));
    TreeWalk from(package.get(), TreeWalk::Missing::kFail);
    for (const int index : sources.plan.files[i]) {
      const internal::ManifestFile& file = manifest.files(index);
      WARREN_RETURN_IF_ERROR(stop.Check());
      WARREN_ASSIGN_OR_RETURN(const int from_directory, from.DirectoryOf(file.path()));
      WARREN_ASSIGN_OR_RETURN(const int to_directory, to.DirectoryOf(file.path()));
      WARREN_ASSIGN_OR_RETURN(const int64_t taken,
                              LinkFile(from_directory, to_directory, file, stop));
      blocks += taken;
    }
  }
  return blocks;
}

absl::StatusOr<MadeSet> MakeIn(const StoreDirectory& directory, const Packages& packages,
                               const std::string& temporary, const StopSignal& stop) {
  WARREN_ASSIGN_OR_RETURN(const UniqueFd opened,
                          directory.OpenEntry(Folder::kTemporary, temporary));
  if (::mkdirat(opened.get(), kTreeDirectory, kSetTreeMode) != 0) return Errno("make a set's tree");
  WARREN_ASSIGN_OR_RETURN(const UniqueFd tree, OpenDirectory(opened.get(), kTreeDirectory));
  WARREN_ASSIGN_OR_RETURN(const SetSources sources, ReadSources(directory, packages));
  MadeSet made;
  WARREN_ASSIGN_OR_RETURN(made.blocks, LinkFiles(directory, sources, tree.get(), stop));
  for (const internal::PackageManifest& manifest : sources.manifests)
    *made.set.add_packages() = manifest.package();
  made.set.set_digest(SetDigest(made.set.packages()));
  for (const std::string& conflict : sources.plan.conflicts) made.set.add_conflicts(conflict);
  made.set.set_size(sources.plan.size);
  WARREN_RETURN_IF_ERROR(WriteRecord(opened.get(), kSetFile, made.set));
  WARREN_RETURN_IF_ERROR(directory.Publish(temporary, Folder::kSets, made.set.digest()));
  return made;
}

bool SameFile(int directory, int other, const std::string& name) {
  struct stat info;
  struct stat other_info;
  return ::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstatat(other, name.c_str(), &other_info, AT_SYMLINK_NOFOLLOW) == 0 &&
         info.st_dev == other_info.st_dev && info.st_ino == other_info.st_ino;
}

// OK: what its copies take.
absl::StatusOr<int64_t> CheckLinks(int package, const internal::PackageManifest& manifest,
                                   const std::vector<int>& files, TreeWalk& in_set,
                                   const StopSignal& stop) {
  int64_t copied = 0;
  TreeWalk in_package(package, TreeWalk::Missing::kFail);
  for (const int index : files) {
    const internal::ManifestFile& file = manifest.files(index);
    WARREN_ASSIGN_OR_RETURN(const int its_directory, in_package.DirectoryOf(file.path()));
    WARREN_ASSIGN_OR_RETURN(const int sets_directory, in_set.DirectoryOf(file.path()));
    if (SameFile(its_directory, sets_directory, FileNameOf(file.path()))) continue;
    WARREN_RETURN_IF_ERROR(CheckFile(sets_directory, file, stop));
    copied += BlocksOf(file.size());
  }
  return copied;
}

}  // namespace

absl::StatusOr<MadeSet> MakeSetTree(const StoreDirectory& directory, const Packages& packages,
                                    const StopSignal& stop) {
  WARREN_ASSIGN_OR_RETURN(const std::string temporary, directory.MakeTemporary());
  absl::StatusOr<MadeSet> made = MakeIn(directory, packages, temporary, stop);
  if (made.ok()) return made;
  // What stays is removed at the next start.
  directory.RemoveTemporary(temporary).IgnoreError();
  if (absl::IsNotFound(made.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("a package has gone meanwhile: ", made.status().message()));
  }
  return made;
}

absl::StatusOr<internal::StoredSet> ReadSet(const StoreDirectory& directory,
                                            const std::string& digest) {
  WARREN_ASSIGN_OR_RETURN(const UniqueFd opened, directory.OpenEntry(Folder::kSets, digest));
  internal::StoredSet set;
  WARREN_RETURN_IF_ERROR(ReadRecord(opened.get(), kSetFile, set));
  if (set.digest() != digest || SetDigest(set.packages()) != digest)
    return absl::DataLossError("the record is of another set");
  return set;
}

absl::StatusOr<int64_t> CheckSetTree(const StoreDirectory& directory,
                                     const internal::StoredSet& set, const StopSignal& stop) {
  WARREN_ASSIGN_OR_RETURN(
      const SetSources sources,
      ReadSources(directory, Packages(set.packages().begin(), set.packages().end())));
  WARREN_ASSIGN_OR_RETURN(const UniqueFd opened, directory.OpenEntry(Folder::kSets, set.digest()));
  WARREN_ASSIGN_OR_RETURN(const UniqueFd tree, OpenDirectory(opened.get(), kTreeDirectory));
  int64_t blocks = (sources.plan.directory_count + 1) * kDirectoryBytes;
  TreeWalk in_set(tree.get(), TreeWalk::Missing::kFail);
  for (size_t i = 0; i < sources.manifests.size(); ++i) {
    const internal::PackageManifest& manifest = sources.manifests[i];
    WARREN_ASSIGN_OR_RETURN(const UniqueFd package,
                            OpenPackageTree(directory, manifest.package().key()));
    WARREN_ASSIGN_OR_RETURN(const int64_t copied, CheckLinks(package.get(), manifest,
                                                             sources.plan.files[i], in_set, stop));
    blocks += copied;
  }
  const TreeCount expected{sources.plan.file_count, sources.plan.directory_count, 0};
  WARREN_ASSIGN_OR_RETURN(const TreeCount count, CountTree(tree.get()));
  if (count != expected) return absl::DataLossError("its tree has something that is not its own");
  return blocks;
}

}  // namespace warren
