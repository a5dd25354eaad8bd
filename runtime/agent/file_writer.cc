#include "runtime/agent/file_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/agent/file_facts.h"

namespace warren {
namespace {

constexpr mode_t kDefaultMode = 0644;
constexpr mode_t kPermissions = 07777;
// Told when so much was written.
constexpr uint32_t kCreditStep = kStreamWindow / 4;

constexpr absl::string_view kPrefix = ".warren-";
constexpr absl::string_view kSuffix = ".tmp";
constexpr size_t kDigits = 16;
// The last of them: whoever watches the directory sees no more of a write than its name.
constexpr char kNew = '0';
constexpr char kReplaces = '1';

}  // namespace

bool FileWriter::IsTemporary(absl::string_view name) {
  return name.size() == kPrefix.size() + kDigits + kSuffix.size() &&
         absl::StartsWith(name, kPrefix) && absl::EndsWith(name, kSuffix);
}

bool FileWriter::IsOfNew(absl::string_view temporary) {
  return temporary[kPrefix.size() + kDigits - 1] == kNew;
}

void FileWriter::Open(const internal::WriteFileCall& call) {
  path_ = call.path();
  exclusive_ = call.exclusive();
  wanted_digest_ = call.sha256();
  const Parents parents = call.no_parents() ? Parents::kThere : Parents::kMade;
  FileResult result = FindPlace(root(), call.path(), parents, &place_);
  // Exclusive: a link is something that is there.
  if (result.ok() && !exclusive_) result = FollowPlace(root(), parents, &place_);
  if (result.ok())
    result = call.append() || call.has_offset() ? OpenInPlace(call) : OpenTemporary(call);
  if (result.ok() && OutOfDescriptors(file_.get())) result = FileFailed(EMFILE, "make");
  if (result.ok()) result = SetAttributes(call);
  if (!result.ok()) Fail(result);
}

FileResult FileWriter::OpenInPlace(const internal::WriteFileCall& call) {
  const mode_t mode = call.has_mode() ? call.mode() : kDefaultMode;
  const int flags = O_WRONLY | (call.append() ? O_APPEND : 0);
  file_.reset(::openat(place_.directory.get(), place_.name.c_str(),
                       flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file_.valid()) {
    if (errno != EEXIST || exclusive_) return FileFailed(errno, "make");
    struct stat info;
    FileResult opened = OpenRegular(root(), place_.path, flags, &file_, &info);
    if (opened.ok() && call.has_mode() && ::fchmod(file_.get(), mode) != 0)
      opened = FileFailed(errno, "change the mode");
    if (!opened.ok()) return opened;
  }
  // EINVAL: beyond what a file of this file system can have.
  if (call.has_offset() && ::lseek(file_.get(), static_cast<off_t>(call.offset()), SEEK_SET) < 0)
    return FileFailed(errno == EINVAL ? EFBIG : errno, "write there");
  return {};
}

FileResult FileWriter::LookAtReplaced(const internal::WriteFileCall& call) {
  mode_ = call.has_mode() ? call.mode() : kDefaultMode;
  struct stat info;
  const int directory = place_.directory.get();
  const char* name = place_.name.c_str();
  if (::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? FileResult() : FileFailed(errno, "look at it");
  replaces_ = true;
  if (exclusive_) return FileFailed(EEXIST, "make");
  if (S_ISDIR(info.st_mode)) return FileWrongType("is a directory");
  if (!S_ISREG(info.st_mode)) return FileWrongType("is no regular file");
  // Who may not write to a file may not replace it either.
  if (::faccessat(directory, name, W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0)
    return FileFailed(errno, "write");
  if (!call.has_mode()) mode_ = info.st_mode & kPermissions;
  return {};
}

FileResult FileWriter::OpenTemporary(const internal::WriteFileCall& call) {
  FileResult result = LookAtReplaced(call);
  if (!result.ok()) return result;
  uint64_t number = 0;
  if (::getrandom(&number, sizeof(number), 0) != sizeof(number))
    return FileFailed(errno, "choose a name");
  std::string digits = absl::StrCat(absl::Hex(number, absl::kZeroPad16));
  digits.back() = replaces_ ? kReplaces : kNew;
  const std::string name = absl::StrCat(kPrefix, digits, kSuffix);
  file_.reset(::openat(place_.directory.get(), name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file_.valid()) return FileFailed(errno, "make");
  temporary_ = name;
  return {};
}

FileResult FileWriter::SetAttributes(const internal::WriteFileCall& call) {
  for (const auto& [name, value] : call.attributes()) {
    if (::fsetxattr(file_.get(), name.c_str(), value.data(), value.size(), 0) != 0)
      return FileFailed(errno, "set an extended attribute");
  }
  return {};
}

bool FileWriter::Take(const internal::StreamData& data) {
  window_ -= static_cast<int64_t>(data.data().size());
  if (window_ < 0) return false;
  FileResult result = Write(data.data());
  if (!result.ok()) {
    Fail(result);
    return true;
  }
  if (data.last()) {
    Finish();
    return true;
  }
  untold_ += static_cast<uint32_t>(data.data().size());
  if (untold_ < kCreditStep) return true;
  internal::AgentEvent event;
  event.mutable_credit()->set_stream_id(id());
  event.mutable_credit()->set_bytes(untold_);
  Tell(event);
  window_ += std::exchange(untold_, 0);
  return true;
}

FileResult FileWriter::Write(absl::string_view bytes) {
  digest_.Add(bytes);
  size_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t size = ::write(file_.get(), bytes.data(), bytes.size());
    if (size < 0 && errno == EINTR) continue;
    // EINVAL: it would end beyond the last offset that there is.
    if (size < 0) return FileFailed(errno == EINVAL ? EFBIG : errno, "write");
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return {};
}

FileResult FileWriter::Complete() {
  if (temporary_.empty()) return {};
  if (::fchmod(file_.get(), mode_) != 0) return FileFailed(errno, "change the mode");
  const int directory = place_.directory.get();
  if (::renameat2(directory, temporary_.c_str(), directory, place_.name.c_str(),
                  exclusive_ ? RENAME_NOREPLACE : 0) != 0) {
    return FileFailed(errno, "put it in its place");
  }
  temporary_.clear();
  return {};
}

void FileWriter::Finish() {
  internal::StreamEnd end;
  end.set_size(size_);
  end.set_sha256(digest_.Digest());
  FileResult result;
  if (!wanted_digest_.empty() && end.sha256() != wanted_digest_) {
    result = {internal::StreamEnd::DIGEST_DIFFERS, 0, "compare what arrived"};
  } else {
    result = Complete();
  }
  struct stat info;
  if (result.ok() && ::fstat(file_.get(), &info) == 0) {
    end.mutable_file()->set_path(path_);
    FillFacts(info, OwnerNames(root()), end.mutable_file());
    FillAttributes(file_.get(), end.mutable_file());
  }
  RemoveTemporary();
  End(result, std::move(end));
}

void FileWriter::Fail(const FileResult& result) {
  RemoveTemporary();
  End(result);
}

void FileWriter::RemoveTemporary() {
  if (temporary_.empty()) return;
  ::unlinkat(place_.directory.get(), temporary_.c_str(), 0);
  temporary_.clear();
}

}  // namespace warren
