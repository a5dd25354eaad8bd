#include "runtime/agent/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <utility>

namespace warren {
namespace {

// As many as the kernel follows.
constexpr int kMaxLinks = 40;
constexpr mode_t kParentMode = 0755;

int OpenAt2(int directory, const char* path, int flags, mode_t mode, uint64_t resolve) {
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  while (true) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof(how));
    if (fd >= 0 || errno != EINTR) return static_cast<int>(fd);
  }
}

int OpenDirectory(const FileRoot& root, const std::string& path) {
  return root.Open(path, O_PATH | O_DIRECTORY);
}

// Each prefix of the path from the root, so that links in it lead where the kernel says.
int OpenMadeDirectory(const FileRoot& root, const std::string& path) {
  UniqueFd directory(OpenDirectory(root, "/"));
  for (size_t start = 1; start < path.size() && directory.valid();) {
    size_t end = path.find('/', start);
    if (end == std::string::npos) end = path.size();
    if (end > start) {
      UniqueFd next(OpenDirectory(root, path.substr(0, end)));
      if (!next.valid() && errno == ENOENT && !IsKernels(directory.get())) {
        const std::string name = path.substr(start, end - start);
        if (::mkdirat(directory.get(), name.c_str(), kParentMode) != 0 && errno != EEXIST)
          return -1;
        next.reset(OpenDirectory(root, path.substr(0, end)));
      }
      directory = std::move(next);
    }
    start = end + 1;
  }
  return directory.release();
}

FileResult CheckRegular(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return {};
  if (S_ISDIR(info.st_mode)) return FileWrongType("is a directory");
  return FileWrongType("is no regular file");
}

}  // namespace

FileRoot::FileRoot() : resolve_(RESOLVE_NO_MAGICLINKS) {}
FileRoot::FileRoot(UniqueFd directory)
    : directory_(std::move(directory)), resolve_(RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT) {}

int FileRoot::Open(const std::string& path, int flags, mode_t mode) const {
  const int from = directory_.valid() ? directory_.get() : AT_FDCWD;
  return OpenAt2(from, path.c_str(), flags, mode, resolve_);
}

int OpenEntry(int directory, const std::string& name, int flags, Mounts mounts) {
  const uint64_t stay = mounts == Mounts::kStay ? RESOLVE_NO_XDEV : 0;
  return OpenAt2(directory, name.c_str(), flags | O_NOFOLLOW, 0,
                 RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH | stay);
}

bool IsKernels(int fd) {
  struct statfs info;
  if (::fstatfs(fd, &info) != 0) return true;
  return info.f_type == PROC_SUPER_MAGIC || info.f_type == SYSFS_MAGIC;
}

FileResult FindPlace(const FileRoot& root, std::string path, Parents parents, FilePlace* place) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  const std::string parent = path.substr(0, slash == 0 ? 1 : slash);
  place->name = path.size() == 1 ? "." : path.substr(slash + 1);
  place->path = std::move(path);
  place->directory.reset(OpenDirectory(root, parent));
  if (!place->directory.valid() && errno == ENOENT && parents == Parents::kMade)
    place->directory.reset(OpenMadeDirectory(root, parent));
  if (!place->directory.valid()) return FileFailed(errno, "open the directory that it is in");
  if (IsKernels(place->directory.get())) return FileWrongType("is in /proc, which holds no files");
  return {};
}

FileResult FollowPlace(const FileRoot& root, Parents parents, FilePlace* place) {
  for (int links = 0; links < kMaxLinks; ++links) {
    char target[PATH_MAX];
    const ssize_t size =
        ::readlinkat(place->directory.get(), place->name.c_str(), target, sizeof(target));
    // EINVAL: it is no link.
    if (size < 0) return {};
    std::string next(target, static_cast<size_t>(size));
    if (next.empty() || next[0] != '/') next.insert(0, place->path, 0, place->path.rfind('/') + 1);
    if (next.size() >= PATH_MAX) return FileFailed(ENAMETOOLONG, "follow the symbolic link");
    FileResult found = FindPlace(root, std::move(next), parents, place);
    if (!found.ok()) return found;
  }
  return FileFailed(ELOOP, "follow the symbolic link");
}

FileResult OpenRegular(const FileRoot& root, const std::string& path, int flags, UniqueFd* file,
                       struct stat* info) {
  UniqueFd looked(root.Open(path, O_PATH));
  if (!looked.valid() || ::fstat(looked.get(), info) != 0) return FileFailed(errno, "open");
  FileResult regular = CheckRegular(*info);
  if (!regular.ok()) return regular;
  // Another may be there now: this opening waits for nothing, and it is looked at again.
  file->reset(root.Open(path, flags | O_NONBLOCK | O_NOCTTY));
  if (!file->valid() || ::fstat(file->get(), info) != 0) return FileFailed(errno, "open");
  regular = CheckRegular(*info);
  if (regular.ok() && IsKernels(file->get()))
    regular = FileWrongType("is in /proc, which holds no files");
  return regular;
}

}  // namespace warren
