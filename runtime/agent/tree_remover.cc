#include "runtime/agent/tree_remover.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace warren {
namespace {

constexpr int kRemovedDirectory = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
constexpr size_t kMaxRemovedDepth = 4096;

}  // namespace

std::optional<TreeRemover::Identity> TreeRemover::IdentityOf(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return std::nullopt;
  return Identity{info.st_dev, info.st_ino};
}

void TreeRemover::Open(const internal::RemoveCall& call) {
  const FileResult found = FindPlace(root(), call.path(), Parents::kThere, &place_);
  if (!found.ok()) return End(found);
  // Not by its name, and not the root.
  if (place_.name == "." || place_.name == "..") return End(FileFailed(EINVAL, "remove"));
  if (::unlinkat(place_.directory.get(), place_.name.c_str(), 0) == 0) return End({});
  if (errno != EISDIR) return End(FileFailed(errno, "remove"));
  if (!call.recursive()) {
    const int removed = ::unlinkat(place_.directory.get(), place_.name.c_str(), AT_REMOVEDIR);
    return End(removed == 0 ? FileResult() : FileFailed(errno, "remove"));
  }
  UniqueFd directory(
      OpenEntry(place_.directory.get(), place_.name, kRemovedDirectory, Mounts::kStay));
  if (!directory.valid())
    return End(FileFailed(errno == EXDEV ? EBUSY : errno, "open the directory"));
  if (OutOfDescriptors(directory.get())) return End(FileFailed(EMFILE, "open the directory"));
  const std::optional<Identity> identity = IdentityOf(directory.get());
  if (!identity) return End(FileFailed(errno, "look at the directory"));
  Enter(std::move(directory), *identity);
}

void TreeRemover::Enter(UniqueFd directory, const Identity& identity) {
  reader_.emplace(std::move(directory));
  way_.push_back(identity);
}

void TreeRemover::Turn() {
  std::string below;
  bool found = false;
  const int read = reader_->Read([&](const char* name, unsigned char type) {
    found = true;
    if (Remove(name, type))
      return ended() ? DirectoryReader::Next::kStop : DirectoryReader::Next::kContinue;
    below = name;
    return DirectoryReader::Next::kStop;
  });
  if (ended()) return;
  if (read < 0) return End(FileFailed(errno, "read a directory"));
  // What was removed may have moved the rest; where nothing was there but "." and "..", it is read
  // on.
  if (found) reader_->Rewind();
  if (!below.empty()) return Descend(below);
  if (read == 0) Ascend();
}

bool TreeRemover::Remove(const char* name, unsigned char type) {
  const int directory = reader_->fd();
  if (type != DT_DIR) {
    if (::unlinkat(directory, name, 0) == 0 || errno == ENOENT) return true;
    if (errno != EISDIR) {
      End(FileFailed(errno, "remove something in it"));
      return true;
    }
  }
  if (::unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno == ENOTEMPTY || errno == EEXIST) return false;
  End(FileFailed(errno, "remove a directory in it"));
  return true;
}

void TreeRemover::Descend(const std::string& name) {
  UniqueFd directory(OpenEntry(reader_->fd(), name, kRemovedDirectory, Mounts::kStay));
  if (!directory.valid()) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return;
    return End(FileFailed(errno == EXDEV ? EBUSY : errno, "open a directory in it"));
  }
  const std::optional<Identity> identity = IdentityOf(directory.get());
  if (!identity || way_.size() >= kMaxRemovedDepth)
    return End(FileFailed(identity ? ENAMETOOLONG : errno, "go into a directory in it"));
  Enter(std::move(directory), *identity);
}

void TreeRemover::Ascend() {
  way_.pop_back();
  if (way_.empty()) {
    const int removed = ::unlinkat(place_.directory.get(), place_.name.c_str(), AT_REMOVEDIR);
    return End(removed == 0 ? FileResult() : FileFailed(errno, "remove"));
  }
  // Not by OpenEntry, which goes nowhere up.
  UniqueFd directory(::openat(reader_->fd(), "..", kRemovedDirectory | O_CLOEXEC));
  if (!directory.valid()) return End(FileFailed(errno, "go up in it"));
  if (IdentityOf(directory.get()) != way_.back())
    return End(FileFailed(ESTALE, "go up in it: it was moved meanwhile"));
  // The directory that it comes from is empty, and goes when its name is read.
  reader_.emplace(std::move(directory));
}

}  // namespace warren
