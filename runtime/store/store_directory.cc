#include "runtime/store/store_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "runtime/base/status.h"
#include "runtime/store/quote.h"
#include "runtime/store/store_files.h"

namespace warren {
namespace {

constexpr const char* kFolderNames[] = {"packages", "sets", "resolutions", "tmp"};
constexpr mode_t kFolderMode = 0755;
constexpr int64_t kNanoSecond = 1'000'000'000;

}  // namespace

absl::StatusOr<std::unique_ptr<StoreDirectory>> StoreDirectory::Open(UniqueFd root) {
  if (::flock(root.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return absl::UnavailableError("another process has the package store's directory");
    return Errno("lock the package store's directory");
  }
  std::unique_ptr<StoreDirectory> directory(new StoreDirectory(std::move(root)));
  for (size_t i = 0; i < std::size(kFolderNames); ++i) {
    const int root_fd = directory->root_.get();
    if (::mkdirat(root_fd, kFolderNames[i], kFolderMode) != 0 && errno != EEXIST)
      return Errno(absl::StrCat("make the package store's ", kFolderNames[i]));
    WARREN_ASSIGN_OR_RETURN(directory->folders_[i], OpenDirectory(root_fd, kFolderNames[i]));
  }
  // What is there keeps its name until it is removed.
  WARREN_ASSIGN_OR_RETURN(const std::vector<std::string> left, directory->List(Folder::kTemporary));
  for (const std::string& name : left) {
    uint64_t number = 0;
    if (absl::SimpleAtoi(name, &number) && number < UINT64_MAX / 2)
      directory->last_temporary_ = std::max(directory->last_temporary_.load(), number);
  }
  return directory;
}

absl::StatusOr<std::vector<std::string>> StoreDirectory::List(Folder folder) const {
  return ListDirectory(FolderFd(folder));
}

absl::StatusOr<UniqueFd> StoreDirectory::OpenEntry(Folder folder, const std::string& name) const {
  return OpenDirectory(FolderFd(folder), name);
}

absl::StatusOr<int64_t> StoreDirectory::UsedAt(Folder folder, const std::string& name) const {
  struct stat info;
  if (::fstatat(FolderFd(folder), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0)
    return Errno(absl::StrCat("look at ", QuotedPath(name)));
  return info.st_mtim.tv_sec * kNanoSecond + info.st_mtim.tv_nsec;
}

void StoreDirectory::SetUsedAt(Folder folder, const std::string& name, int64_t nanoseconds) const {
  const timespec time = {nanoseconds / kNanoSecond, nanoseconds % kNanoSecond};
  const timespec times[2] = {{0, UTIME_OMIT}, time};
  // Without it a later start takes it for older than it is.
  ::utimensat(FolderFd(folder), name.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

std::string StoreDirectory::NextTemporary() const { return absl::StrCat(++last_temporary_); }

absl::StatusOr<std::string> StoreDirectory::MakeTemporary() const {
  std::string name = NextTemporary();
  if (::mkdirat(FolderFd(Folder::kTemporary), name.c_str(), kFolderMode) != 0)
    return Errno("make a directory in the package store's tmp");
  return name;
}

absl::Status StoreDirectory::Publish(const std::string& temporary, Folder folder,
                                     const std::string& name) const {
  // One commit of the file system's journal, where a sync of each file would be one for each:
  // 2000 files took 0.1 s and 0.7 s.
  if (::syncfs(FolderFd(Folder::kTemporary)) != 0) return Errno("sync the package store");
  if (::renameat(FolderFd(Folder::kTemporary), temporary.c_str(), FolderFd(folder), name.c_str()) !=
      0) {
    if (errno == EEXIST || errno == ENOTEMPTY)
      return absl::AlreadyExistsError(absl::StrCat(name, " is there already"));
    return Errno("move into the package store");
  }
  if (::fsync(FolderFd(folder)) == 0) return absl::OkStatus();
  absl::Status status = Errno("sync a directory of the package store");
  // What failed leaves nothing in its place.
  ::renameat(FolderFd(folder), name.c_str(), FolderFd(Folder::kTemporary), temporary.c_str());
  return status;
}

absl::StatusOr<std::string> StoreDirectory::Retire(Folder folder, const std::string& name) const {
  std::string retired = NextTemporary();
  if (::renameat(FolderFd(folder), name.c_str(), FolderFd(Folder::kTemporary), retired.c_str()) !=
      0) {
    return Errno(absl::StrCat("move ", QuotedPath(name), " out of the package store"));
  }
  return retired;
}

absl::Status StoreDirectory::RemoveTemporary(const std::string& name) const {
  return RemoveTree(FolderFd(Folder::kTemporary), name);
}

absl::Status StoreDirectory::PutRecord(Folder folder, const std::string& name,
                                       const google::protobuf::MessageLite& message) const {
  const std::string temporary = NextTemporary();
  const int tmp = FolderFd(Folder::kTemporary);
  WARREN_RETURN_IF_ERROR(WriteRecord(tmp, temporary, message));
  // A record that is empty after a power cut is damaged, so none: no sync is waited for.
  if (::renameat(tmp, temporary.c_str(), FolderFd(folder), name.c_str()) != 0)
    return Errno("move a record into the package store");
  return absl::OkStatus();
}

absl::Status StoreDirectory::GetRecord(Folder folder, const std::string& name,
                                       google::protobuf::MessageLite& message) const {
  return ReadRecord(FolderFd(folder), name, message);
}

}  // namespace warren
