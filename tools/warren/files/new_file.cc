#include "tools/warren/files/new_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::string RandomName() {
  std::string bytes(8, '\0');
  // The name is to be nobody else's; O_EXCL answers for the rest.
  [[maybe_unused]] ssize_t n = ::getrandom(bytes.data(), bytes.size(), 0);
  return absl::StrCat(".warren-", absl::BytesToHexString(bytes));
}

}  // namespace

absl::StatusOr<std::unique_ptr<NewFile>> NewFile::Create(int directory, std::string name,
                                                         mode_t mode) {
  UniqueFd own(::fcntl(directory, F_DUPFD_CLOEXEC, 0));
  if (!own.valid()) return Errno("keep the directory open");
  std::unique_ptr<NewFile> made(new NewFile(std::move(own), std::move(name)));
  std::string temporary = RandomName();
  made->file_ =
      UniqueFd(::openat(directory, temporary.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0777));
  if (!made->file_.valid()) return Errno(absl::StrCat("make a file for ", Safe(made->name_)));
  made->temporary_name_ = std::move(temporary);
  return made;
}

NewFile::~NewFile() {
  if (!temporary_name_.empty()) ::unlinkat(directory_.get(), temporary_name_.c_str(), 0);
}

absl::Status NewFile::Write(absl::string_view data) {
  while (!data.empty()) {
    ssize_t n = ::write(file_.get(), data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno(absl::StrCat("write ", Safe(name_)));
    data.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status NewFile::Commit() {
  // Some file systems tell only now that there was no room.
  if (::close(file_.release()) != 0) return Errno(absl::StrCat("write ", Safe(name_)));
  if (::renameat(directory_.get(), temporary_name_.c_str(), directory_.get(), name_.c_str()) != 0) {
    return Errno(absl::StrCat("put the file in place at ", Safe(name_)));
  }
  temporary_name_.clear();
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> MakeAndOpenDirectory(int parent, const std::string& name, mode_t mode) {
  // Ours to write into while it is filled, whatever its mode in the sandbox.
  if (::mkdirat(parent, name.c_str(), (mode & 0777) | 0700) != 0 && errno != EEXIST) {
    return Errno(absl::StrCat("make the directory ", Safe(name)));
  }
  UniqueFd made(::openat(parent, name.c_str(), kDirectoryFlags | O_NOFOLLOW));
  if (!made.valid()) return Errno(absl::StrCat("open the directory ", Safe(name)));
  return made;
}

absl::StatusOr<UniqueFd> OpenBelow(int root, absl::string_view path) {
  UniqueFd at(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  if (!at.valid()) return Errno("keep the directory open");
  if (path.empty()) return at;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(path, '/'))) {
    UniqueFd next(::openat(at.get(), name.c_str(), kDirectoryFlags | O_NOFOLLOW));
    if (!next.valid()) return Errno(absl::StrCat("open the directory ", Safe(path)));
    at = std::move(next);
  }
  return at;
}

}  // namespace warren
