#include "runtime/launch/launcher/package_store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDigestDigits = 64;

bool IsDigest(absl::string_view text) {
  return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The directories above are as the operator has them.
absl::Status Make(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error)
    return absl::ErrnoToStatus(error.value(), absl::StrCat("make the directory of ", path));
  if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return absl::OkStatus();
  return Errno(absl::StrCat("mkdir ", path));
}

// What is in it is executed in sandboxes.
absl::Status CheckOwner(const std::string& path, int directory) {
  struct stat info;
  if (::fstat(directory, &info) != 0) return Errno(absl::StrCat("stat ", path));
  if (info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the package store ", path,
                   " must be root's, and nobody else may write to it: chown root, chmod go-w"));
}

absl::StatusOr<UniqueFd> Lock(const std::string& path, int directory) {
  UniqueFd lock(
      ::openat(directory, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!lock.valid()) return Errno(absl::StrCat("open ", path, "/lock"));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return Errno(absl::StrCat("lock ", path, "/lock"));
  return absl::FailedPreconditionError(
      absl::StrCat("the package store ", path,
                   " is another server's: give this one its own (warrend --package-store)"));
}

}  // namespace

absl::StatusOr<PackageStore> PackageStore::Take(const std::string& path) {
  WARREN_RETURN_IF_ERROR(Make(path));
  UniqueFd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Errno(absl::StrCat("open ", path));
  WARREN_RETURN_IF_ERROR(CheckOwner(path, directory.get()));
  WARREN_ASSIGN_OR_RETURN(UniqueFd lock, Lock(path, directory.get()));
  return PackageStore(path, std::move(directory), std::move(lock));
}

absl::StatusOr<UniqueFd> PackageStore::OpenSet(absl::string_view digest) const {
  if (!IsDigest(digest)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CEscape(digest.substr(0, kDigestDigits)),
                     "\" is no digest of a package set: 64 hex digits"));
  }
  const std::string path = absl::StrCat("sets/", digest, "/tree");
  open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  UniqueFd tree(
      static_cast<int>(::syscall(SYS_openat2, directory_.get(), path.c_str(), &how, sizeof(how))));
  if (tree.valid()) return tree;
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
    return absl::NotFoundError(absl::StrCat("the package store has no set ", digest));
  return Errno(absl::StrCat("open ", path_, "/", path));
}

}  // namespace warren
