#include "tools/warren/files/upload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "tools/warren/files/copy_end.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPartBytes = 256 << 10;

absl::StatusOr<std::string> ReadPart(int fd) {
  std::string part(kPartBytes, '\0');
  while (true) {
    ssize_t n = ::read(fd, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("read");
    part.resize(static_cast<size_t>(n));
    return part;
  }
}

RemotePath Below(const RemotePath& directory, const std::string& name) {
  RemotePath path = directory;
  path.path = JoinPath(directory.path, name);
  return path;
}

absl::Status FromError(const std::error_code& error, const std::string& what) {
  return absl::ErrnoToStatus(error.value(), what);
}

// The name of what is copied, for "." and ".." too.
std::string NameOf(const std::string& source) {
  std::string name = BaseName(source);
  if (!name.empty() && name != "." && name != "..") return name;
  std::error_code error;
  return fs::canonical(source, error).filename().string();
}

}  // namespace

bool Upload::FromStandardInput(const RemotePath& destination) {
  if (destination.path.empty() || absl::EndsWith(destination.path, "/")) {
    return report_.OnFailed("copy standard input",
                            absl::InvalidArgumentError("the destination is to be a file's name"));
  }
  return CopyOpen(STDIN_FILENO, "-", {destination, 0644});
}

bool Upload::FromPath(const std::string& source, const RemotePath& destination) {
  std::string what = absl::StrCat("copy ", source);
  struct stat found {};
  if (::stat(source.c_str(), &found) != 0) return report_.OnFailed(what, Errno("look at it"));
  RemotePath place = destination;
  bool into = destination.path.empty() || absl::EndsWith(destination.path, "/");
  if (!into) {
    v1::FileEntry entry;
    grpc::Status status = StatRemote(client_, destination, &entry);
    bool missing = status.error_code() == grpc::StatusCode::NOT_FOUND;
    // A sandbox that is missing is told by the call that writes.
    if (!status.ok() && !missing) return report_.OnFailed(what, status);
    into = status.ok() && entry.type() == v1::FileEntry::DIRECTORY;
  }
  if (into) place = Below(destination, NameOf(source));
  if (S_ISDIR(found.st_mode)) return CopyTree(source, place);
  if (S_ISREG(found.st_mode)) report_.progress().AddTotal(found.st_size);
  return CopyFile(source, place);
}

bool Upload::CopyFile(const std::string& source, const RemotePath& destination) {
  UniqueFd file(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    return report_.OnFailed(absl::StrCat("copy ", source), Errno("open it"));
  }
  mode_t mode = S_ISREG(status.st_mode) ? status.st_mode & 0777 : 0644;
  return CopyOpen(file.get(), source, {destination, mode});
}

bool Upload::CopyOpen(int fd, const std::string& shown, const NewRemoteFile& destination) {
  report_.progress().BeginFile(shown);
  Transfer done = WriteRemoteFile(client_, interrupts_, destination, [&] {
    absl::StatusOr<std::string> part = ReadPart(fd);
    if (part.ok()) report_.progress().AddDone(static_cast<int64_t>(part->size()));
    return part;
  });
  if (!done.ok()) return report_.OnFailed(absl::StrCat("copy ", shown), done);
  report_.OnCopied(shown, absl::StrCat(destination.file.sandbox_id, ":", destination.file.path),
                   done);
  return true;
}

bool Upload::CopyTree(const std::string& source, const RemotePath& destination) {
  if (!MakeDirectory(source, destination)) return false;
  std::error_code error;
  fs::recursive_directory_iterator entries(source, error);
  if (error) return report_.OnFailed(absl::StrCat("copy ", source), FromError(error, "list it"));
  // Follows no symbolic link; a directory comes before what is in it.
  for (auto entry = fs::begin(entries); entry != fs::end(entries); entry.increment(error)) {
    if (error) break;
    if (!CopyEntry(*entry, Below(destination, entry->path().lexically_relative(source).string()))) {
      return false;
    }
  }
  if (error) return report_.OnFailed(absl::StrCat("copy ", source), FromError(error, "list it"));
  return true;
}

bool Upload::CopyEntry(const fs::directory_entry& entry, const RemotePath& destination) {
  std::string path = entry.path().string();
  std::error_code error;
  switch (entry.symlink_status(error).type()) {
    case fs::file_type::directory:
      return MakeDirectory(path, destination);
    case fs::file_type::regular: {
      std::uintmax_t size = entry.file_size(error);
      if (!error) report_.progress().AddTotal(static_cast<int64_t>(size));
      return CopyFile(path, destination);
    }
    case fs::file_type::symlink:
      report_.OnSkipped(path, "a symbolic link");
      return true;
    default:
      report_.OnSkipped(path, "neither a file nor a directory");
      return true;
  }
}

bool Upload::MakeDirectory(const std::string& source, const RemotePath& destination) {
  struct stat status {};
  v1::MakeDirectoryRequest request;
  request.set_sandbox_id(destination.sandbox_id);
  request.set_path(destination.path);
  request.set_user(destination.user);
  if (::stat(source.c_str(), &status) == 0) request.set_mode(status.st_mode & 0777);
  v1::FileEntry made;
  grpc::Status result =
      CallUnary(client_.files(), &v1::FileService::Stub::MakeDirectory, request, &made);
  if (result.ok() || result.error_code() == grpc::StatusCode::ALREADY_EXISTS) return true;
  return report_.OnFailed(absl::StrCat("make the directory ", destination.path), result);
}

}  // namespace warren
