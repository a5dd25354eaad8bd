#include "runtime/store/store_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/store/quote.h"
#include "runtime/store/sha256.h"
#include "warren/internal/store.pb.h"

namespace warren {
namespace {

constexpr uint32_t kRecordFormat = 1;
constexpr size_t kMaxRecord = 128 << 20;
constexpr mode_t kRecordMode = 0444;
constexpr int kReadDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// Deeper than anything that the store makes.
constexpr int kMaxDepth = 256;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

enum class EntryType { kFile, kDirectory, kOther };

EntryType TypeOf(int directory, const dirent& entry) {
  if (entry.d_type == DT_REG) return EntryType::kFile;
  if (entry.d_type == DT_DIR) return EntryType::kDirectory;
  if (entry.d_type != DT_UNKNOWN) return EntryType::kOther;
  struct stat info;
  if (::fstatat(directory, entry.d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) return EntryType::kOther;
  if (S_ISREG(info.st_mode)) return EntryType::kFile;
  return S_ISDIR(info.st_mode) ? EntryType::kDirectory : EntryType::kOther;
}

using OnEntry = absl::FunctionRef<absl::Status(const std::string& name, EntryType type)>;

// A descriptor of its own, for it is read from its beginning.
absl::Status EachEntry(int directory, OnEntry on_entry) {
  UniqueFd opened(::openat(directory, ".", kReadDirectory));
  if (!opened.valid()) return Errno("open a directory of the store");
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(opened.get()));
  if (stream == nullptr) return Errno("read a directory of the store");
  const int fd = opened.release();
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr)
      return errno == 0 ? absl::OkStatus() : Errno("read a directory of the store");
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    WARREN_RETURN_IF_ERROR(on_entry(name, TypeOf(fd, *entry)));
  }
}

absl::Status TooDeep() {
  return absl::FailedPreconditionError(
      "a directory of the store is deeper than the store makes any");
}

// NOLINTBEGIN(misc-no-recursion): of a bounded depth.
absl::Status RemoveContent(int directory, int depth) {
  if (depth > kMaxDepth) return TooDeep();
  return EachEntry(directory, [&](const std::string& name, EntryType type) -> absl::Status {
    if (type == EntryType::kDirectory) {
      WARREN_ASSIGN_OR_RETURN(const UniqueFd below, OpenDirectory(directory, name));
      WARREN_RETURN_IF_ERROR(RemoveContent(below.get(), depth + 1));
    }
    const int flags = type == EntryType::kDirectory ? AT_REMOVEDIR : 0;
    if (::unlinkat(directory, name.c_str(), flags) != 0)
      return Errno(absl::StrCat("remove ", QuotedPath(name)));
    return absl::OkStatus();
  });
}

absl::Status CountContent(int directory, int depth, TreeCount& count) {
  if (depth > kMaxDepth) return TooDeep();
  return EachEntry(directory, [&](const std::string& name, EntryType type) -> absl::Status {
    if (type == EntryType::kFile) ++count.files;
    if (type == EntryType::kOther) ++count.others;
    if (type != EntryType::kDirectory) return absl::OkStatus();
    ++count.directories;
    WARREN_ASSIGN_OR_RETURN(const UniqueFd below, OpenDirectory(directory, name));
    return CountContent(below.get(), depth + 1, count);
  });
}
// NOLINTEND(misc-no-recursion)

}  // namespace

absl::StatusOr<UniqueFd> OpenDirectory(int directory, const std::string& name) {
  UniqueFd opened(::openat(directory, name.c_str(), kReadDirectory));
  if (!opened.valid()) return Errno(absl::StrCat("open the directory ", QuotedPath(name)));
  return opened;
}

absl::StatusOr<std::vector<std::string>> ListDirectory(int directory) {
  std::vector<std::string> names;
  WARREN_RETURN_IF_ERROR(EachEntry(directory, [&](const std::string& name, EntryType) {
    names.push_back(name);
    return absl::OkStatus();
  }));
  return names;
}

absl::Status WriteBytes(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Errno("write a file of the store");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status WriteRecord(int directory, const std::string& name,
                         const google::protobuf::MessageLite& message) {
  internal::StoreRecord record;
  record.set_format(kRecordFormat);
  record.set_content(message.SerializeAsString());
  record.set_sha256(Sha256Of(record.content()));
  UniqueFd file(
      ::openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kRecordMode));
  if (!file.valid()) return Errno(absl::StrCat("make ", QuotedPath(name)));
  return WriteBytes(file.get(), record.SerializeAsString());
}

absl::Status ReadRecord(int directory, const std::string& name,
                        google::protobuf::MessageLite& message) {
  // Not to wait for what is no file.
  UniqueFd file(::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) return Errno(absl::StrCat("open ", QuotedPath(name)));
  WARREN_ASSIGN_OR_RETURN(const std::string bytes, ReadAll(file.get(), kMaxRecord));
  internal::StoreRecord record;
  if (!record.ParseFromString(bytes) || record.format() != kRecordFormat ||
      record.sha256() != Sha256Of(record.content()) || !message.ParseFromString(record.content())) {
    return absl::DataLossError(absl::StrCat(QuotedPath(name), " is damaged"));
  }
  return absl::OkStatus();
}

absl::Status RemoveTree(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno != EISDIR) return Errno(absl::StrCat("remove ", QuotedPath(name)));
  {
    WARREN_ASSIGN_OR_RETURN(const UniqueFd opened, OpenDirectory(directory, name));
    WARREN_RETURN_IF_ERROR(RemoveContent(opened.get(), 0));
  }
  if (::unlinkat(directory, name.c_str(), AT_REMOVEDIR) != 0)
    return Errno(absl::StrCat("remove ", QuotedPath(name)));
  return absl::OkStatus();
}

absl::StatusOr<TreeCount> CountTree(int directory) {
  TreeCount count;
  WARREN_RETURN_IF_ERROR(CountContent(directory, 0, count));
  return count;
}

}  // namespace warren
