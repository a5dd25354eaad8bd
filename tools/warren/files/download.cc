#include "tools/warren/files/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/warren/files/copy_end.h"
#include "tools/warren/files/new_file.h"
#include "tools/warren/output.h"

namespace warren {
namespace {

// Where a copy goes: a name in a directory that is open.
struct Place {
  UniqueFd directory;
  std::string name;
};

absl::StatusOr<Place> OpenParent(const std::string& path) {
  std::string name = BaseName(path);
  if (name.empty() || name == "." || name == "..") {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\" has no name for the copy"));
  }
  std::string parent = path.substr(0, path.find_last_not_of('/') + 1);
  parent.resize(parent.size() - name.size());
  if (parent.empty()) parent = ".";
  UniqueFd directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return Errno(absl::StrCat("open the directory ", parent));
  return Place{std::move(directory), std::move(name)};
}

// `destination` is the user's word: links in it are followed, and a link to a file means that file.
absl::StatusOr<Place> FindPlace(const std::string& destination, const std::string& source_name) {
  struct stat found {};
  if (::stat(destination.c_str(), &found) != 0) {
    if (errno != ENOENT) return Errno(absl::StrCat("look at ", destination));
    if (::lstat(destination.c_str(), &found) == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(destination, " is a symbolic link to nothing: remove it first"));
    }
    return OpenParent(destination);
  }
  if (S_ISDIR(found.st_mode)) return OpenParent(JoinPath(destination, source_name));
  if (!S_ISREG(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(destination, " is neither a file nor a directory; `-` is standard output"));
  }
  char* resolved = ::realpath(destination.c_str(), nullptr);
  if (resolved == nullptr) return Errno(absl::StrCat("look at ", destination));
  std::string path = resolved;
  std::free(resolved);
  return OpenParent(path);
}

}  // namespace

bool Download::ToStandardOutput(const RemotePath& source) {
  v1::FileEntry entry;
  grpc::Status status = StatRemote(client_, source, &entry);
  if (status.ok()) report_.progress().AddTotal(entry.size_bytes());
  report_.progress().BeginFile(source.path);
  Output out = Output::ForFd(STDOUT_FILENO);
  Transfer done = ReadRemoteFile(client_, interrupts_, source, [&](absl::string_view data) {
    absl::Status written = out.WriteForeign(data);
    report_.progress().AddDone(static_cast<int64_t>(data.size()));
    return written;
  });
  return done.ok() || report_.OnFailed(absl::StrCat("copy ", source.path), done);
}

bool Download::ToPath(const RemotePath& source, const std::string& destination) {
  std::string what = absl::StrCat("copy ", source.path);
  v1::FileEntry entry;
  grpc::Status status = StatRemote(client_, source, &entry);
  if (!status.ok()) return report_.OnFailed(what, status);
  RemotePath found = source;
  found.path = entry.path();
  absl::StatusOr<Place> place = FindPlace(destination, BaseName(found.path));
  if (!place.ok()) return report_.OnFailed(what, place.status());
  if (entry.type() == v1::FileEntry::REGULAR) {
    report_.progress().AddTotal(entry.size_bytes());
    return CopyFile(found, entry, place->directory.get(), place->name, destination);
  }
  if (entry.type() != v1::FileEntry::DIRECTORY) {
    return report_.OnFailed(what,
                            absl::FailedPreconditionError("it is neither a file nor a directory"));
  }
  absl::StatusOr<UniqueFd> root =
      MakeAndOpenDirectory(place->directory.get(), place->name, entry.mode());
  if (!root.ok()) return report_.OnFailed(what, root.status());
  return CopyTree(found, root->get());
}

bool Download::CopyTree(const RemotePath& source, int root) {
  std::vector<v1::FileEntry> entries;
  grpc::Status status = ListRemote(client_, interrupts_, source, 0, &entries);
  if (!status.ok()) return report_.OnFailed(absl::StrCat("list ", source.path), status);
  for (const v1::FileEntry& entry : entries) {
    if (entry.type() == v1::FileEntry::REGULAR) report_.progress().AddTotal(entry.size_bytes());
  }
  for (const v1::FileEntry& entry : entries) {
    std::string relative;
    if (!RelativeTo(source.path, entry.path(), &relative) || relative.empty()) {
      return report_.OnFailed(
          absl::StrCat("copy ", entry.path()),
          absl::DataLossError("the sandbox told a name that is not in the directory"));
    }
    if (!CopyBelow(source, entry, root, relative)) return false;
  }
  return true;
}

bool Download::CopyBelow(const RemotePath& source, const v1::FileEntry& entry, int root,
                         const std::string& relative) {
  std::string name = BaseName(relative);
  std::string parent = relative.substr(0, relative.size() - name.size());
  if (absl::EndsWith(parent, "/")) parent.pop_back();
  absl::StatusOr<UniqueFd> directory = OpenBelow(root, parent);
  std::string what = absl::StrCat("copy ", entry.path());
  if (!directory.ok()) return report_.OnFailed(what, directory.status());
  switch (entry.type()) {
    case v1::FileEntry::REGULAR: {
      RemotePath file = source;
      file.path = entry.path();
      return CopyFile(file, entry, directory->get(), name, relative);
    }
    case v1::FileEntry::DIRECTORY: {
      if (entry.not_listed()) {
        report_.OnSkipped(entry.path(), "a directory that its user may not read");
        return true;
      }
      absl::Status made = MakeAndOpenDirectory(directory->get(), name, entry.mode()).status();
      return made.ok() || report_.OnFailed(what, made);
    }
    case v1::FileEntry::SYMLINK:
      return CopyLink(entry, directory->get(), name,
                      static_cast<int>(std::count(relative.begin(), relative.end(), '/')));
    default:
      report_.OnSkipped(entry.path(), "neither a file, a directory nor a symbolic link");
      return true;
  }
}

bool Download::CopyFile(const RemotePath& source, const v1::FileEntry& entry, int directory,
                        const std::string& name, const std::string& shown) {
  std::string what = absl::StrCat("copy ", source.path);
  report_.progress().BeginFile(source.path);
  absl::StatusOr<std::unique_ptr<NewFile>> file = NewFile::Create(directory, name, entry.mode());
  if (!file.ok()) return report_.OnFailed(what, file.status());
  Transfer done = ReadRemoteFile(client_, interrupts_, source, [&](absl::string_view data) {
    report_.progress().AddDone(static_cast<int64_t>(data.size()));
    return (*file)->Write(data);
  });
  if (done.ok()) done.local = (*file)->Commit();
  if (!done.ok()) return report_.OnFailed(what, done);
  report_.OnCopied(absl::StrCat(source.sandbox_id, ":", source.path), shown, done);
  return true;
}

bool Download::CopyLink(const v1::FileEntry& entry, int directory, const std::string& name,
                        int depth) {
  const std::string& target = entry.symlink_target();
  if (!StaysWithin(target, depth)) {
    report_.OnSkipped(entry.path(), "a symbolic link out of what is copied");
    return true;
  }
  if (::symlinkat(target.c_str(), directory, name.c_str()) == 0) return true;
  if (errno == EEXIST) {
    report_.OnSkipped(entry.path(), "a symbolic link, and something is there already");
    return true;
  }
  return report_.OnFailed(absl::StrCat("copy ", entry.path()), Errno("make the symbolic link"));
}

}  // namespace warren
