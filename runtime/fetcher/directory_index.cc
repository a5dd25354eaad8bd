#include "runtime/fetcher/directory_index.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/fetcher/index_page.h"
#include "runtime/fetcher/sha256.h"
#include "runtime/packages/distribution_file.h"

namespace warren {
namespace {

constexpr size_t kDigestPiece = 256 << 10;
// Of a directory that is no longer looked through to its end.
constexpr size_t kMaxEntries = 1 << 20;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

absl::StatusOr<std::string> ComputeDigest(int fd) {
  Sha256 hash;
  std::vector<char> piece(kDigestPiece);
  while (true) {
    const ssize_t size = ::read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Errno("read a file");
    if (size == 0) break;
    hash.Add({piece.data(), static_cast<size_t>(size)});
  }
  std::string digest = hash.Hex();
  if (digest.empty()) return absl::InternalError("a file's SHA-256 cannot be computed");
  return digest;
}

}  // namespace

absl::StatusOr<std::vector<PackageFile>> DirectoryIndex::FilesOf(absl::string_view package) {
  WARREN_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesOf(package));
  std::vector<PackageFile> files;
  for (const std::string& name : names) {
    WARREN_ASSIGN_OR_RETURN(std::string digest, DigestOf(name));
    if (digest.empty()) continue;
    PackageFile& file = files.emplace_back();
    file.filename = file.url = name;
    file.sha256 = std::move(digest);
  }
  return files;
}

absl::StatusOr<std::vector<std::string>> DirectoryIndex::NamesOf(absl::string_view package) const {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path_.c_str()));
  if (directory == nullptr) return Errno("look into its directory");
  std::vector<std::string> names;
  for (size_t entries = 0;; ++entries) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr && errno != 0) return Errno("read its directory");
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (IsPlainFileName(name) && ParseDistributionFile(name, package).ok())
      names.push_back(std::move(name));
    if (entries >= kMaxEntries || names.size() > kMaxPackageFiles)
      return absl::ResourceExhaustedError("its directory has too many files");
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<DirectoryIndex::OpenedFile> DirectoryIndex::Open(const std::string& filename) const {
  if (!IsPlainFileName(filename)) return absl::NotFoundError("no file has this name");
  // Of a pipe, whose other end nobody has, it would wait.
  UniqueFd fd(::open(absl::StrCat(path_, "/", filename).c_str(),
                     O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) return Errno("open a file of its directory");
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return Errno("look at a file of its directory");
  if (!S_ISREG(info.st_mode)) return absl::NotFoundError("it is no regular file");
  return OpenedFile{std::move(fd), info.st_size};
}

absl::StatusOr<std::string> DirectoryIndex::DigestOf(const std::string& filename) {
  absl::StatusOr<OpenedFile> file = Open(filename);
  if (absl::IsNotFound(file.status())) return "";
  if (!file.ok()) return file.status();
  struct stat info;
  if (::fstat(file->fd.get(), &info) != 0) return Errno("look at a file of its directory");
  const FileState state(info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  {
    MutexLock lock(&mu_);
    auto known = digests_.find(filename);
    if (known != digests_.end() && known->second.state == state) return known->second.sha256;
  }
  // Others that ask at the same time compute it too, which costs less than their waiting for each
  // other's files.
  WARREN_ASSIGN_OR_RETURN(std::string digest, ComputeDigest(file->fd.get()));
  MutexLock lock(&mu_);
  digests_[filename] = {state, digest};
  return digest;
}

}  // namespace warren
