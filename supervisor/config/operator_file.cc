#include "supervisor/config/operator_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

absl::Status CannotOpen(const std::string& name, int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(
          absl::StrCat("there is no file ", name, "; make it, or correct the path"));
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat(name, " may not be read; give it to the user or the group that reads it"));
    default:
      return absl::ErrnoToStatus(error, absl::StrCat("open ", name));
  }
}

absl::Status CheckMode(const std::string& name, const struct stat& info, FileReaders readers) {
  if (S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " is a directory; write the path of a file in it"));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(name, " is no regular file; write the path of one"));
  }
  if (readers == FileReaders::kAnybody || (info.st_mode & S_IRWXO) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("every user of this machine can get at ", name, "; chmod 640 ", name));
}

}  // namespace

absl::StatusOr<std::string> ReadOperatorFile(const std::string& path, size_t max_bytes,
                                             FileReaders readers) {
  const std::string name = absl::Utf8SafeCHexEscape(path);
  // What is no regular file may have nobody at its other end.
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return CannotOpen(name, errno);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return Errno(absl::StrCat("stat ", name));
  WARREN_RETURN_IF_ERROR(CheckMode(name, info, readers));
  std::string content(max_bytes, '\0');
  size_t filled = 0;
  while (filled < max_bytes) {
    const ssize_t got = ::read(file.get(), content.data() + filled, max_bytes - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Errno(absl::StrCat("read ", name));
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  content.resize(filled);
  return content;
}

}  // namespace warren
