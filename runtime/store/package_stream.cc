#include "runtime/store/package_stream.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/store/quote.h"

namespace warren {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kMaxFrame = 8192;
constexpr size_t kMaxPath = 1024;
constexpr size_t kMaxPart = 255;
constexpr size_t kMaxParts = 64;
// Of files and directories together, which are held in memory.
constexpr size_t kMaxPathBytes = 16 << 20;

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("the builder sent ", what));
}

absl::Status TooMuch(absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat("the package has more than ", what));
}

uint32_t FrameLength(absl::string_view head) {
  uint32_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<uint32_t>(static_cast<unsigned char>(head[i])) << (8 * i);
  return length;
}

}  // namespace

absl::Status CheckPackagePath(absl::string_view path) {
  if (path.empty()) return Malformed("a file without a path");
  if (path.size() > kMaxPath)
    return Malformed(absl::StrCat("a path of more than ", kMaxPath, " bytes: ", QuotedPath(path)));
  if (path.find('\0') != absl::string_view::npos)
    return Malformed(absl::StrCat("a path with a NUL: ", QuotedPath(path)));
  if (path.front() == '/') return Malformed(absl::StrCat("an absolute path: ", QuotedPath(path)));
  size_t parts = 0;
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty())
      return Malformed(absl::StrCat("a path with an empty part: ", QuotedPath(path)));
    if (part == "." || part == "..")
      return Malformed(absl::StrCat("a path with \"", part, "\": ", QuotedPath(path)));
    if (part.size() > kMaxPart) {
      return Malformed(
          absl::StrCat("a path with a name of more than ", kMaxPart, " bytes: ", QuotedPath(path)));
    }
    if (++parts > kMaxParts) {
      return Malformed(
          absl::StrCat("a path of more than ", kMaxParts, " parts: ", QuotedPath(path)));
    }
  }
  return absl::OkStatus();
}

absl::Status PackageStream::Feed(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (complete_) return Malformed("something behind the end of the package");
    WARREN_RETURN_IF_ERROR(in_file_ ? FeedContent(bytes) : FeedHead(bytes));
  }
  return absl::OkStatus();
}

absl::Status PackageStream::FeedHead(absl::string_view& bytes) {
  size_t wanted = kLengthBytes;
  if (head_.size() >= kLengthBytes) wanted += FrameLength(head_);
  const size_t taken = std::min(bytes.size(), wanted - head_.size());
  absl::StrAppend(&head_, bytes.substr(0, taken));
  bytes.remove_prefix(taken);
  if (head_.size() < wanted) return absl::OkStatus();
  if (wanted > kLengthBytes) {
    const std::string frame = std::move(head_);
    head_.clear();
    return OnFrame(absl::string_view(frame).substr(kLengthBytes));
  }
  const uint32_t length = FrameLength(head_);
  if (length == 0 || length > kMaxFrame)
    return Malformed(absl::StrCat("a message of ", length, " bytes; 1 to ", kMaxFrame, " may be"));
  return absl::OkStatus();
}

absl::Status PackageStream::FeedContent(absl::string_view& bytes) {
  const auto taken = static_cast<size_t>(std::min(static_cast<int64_t>(bytes.size()), left_));
  WARREN_RETURN_IF_ERROR(sink_.Write(bytes.substr(0, taken)));
  bytes.remove_prefix(taken);
  left_ -= static_cast<int64_t>(taken);
  if (left_ > 0) return absl::OkStatus();
  in_file_ = false;
  return sink_.EndFile();
}

absl::Status PackageStream::OnFrame(absl::string_view frame) {
  internal::PackageFile file;
  // A path that is no UTF-8 is none either.
  if (!file.ParseFromArray(frame.data(), static_cast<int>(frame.size())))
    return Malformed("a message that cannot be understood, or a path that is no UTF-8");
  return file.end() ? OnEnd(file) : OnFile(file);
}

absl::Status PackageStream::OnEnd(const internal::PackageFile& end) {
  if (!end.path().empty() || end.size() != 0) return Malformed("a file and the end in one");
  if (end.count() != files_) {
    return Malformed(
        absl::StrCat(files_, " files of the package, and says that they were ", end.count()));
  }
  complete_ = true;
  return absl::OkStatus();
}

absl::Status PackageStream::OnFile(const internal::PackageFile& file) {
  if (file.count() != 0) return Malformed("a count of files before the end");
  if (!LayerIsOff(limits_.layers_off, TestLayer::kPackagePaths))
    WARREN_RETURN_IF_ERROR(CheckPackagePath(file.path()));
  if (file.size() < 0) return Malformed(absl::StrCat("a negative size: ", QuotedPath(file.path())));
  if (++files_ > limits_.max_files) return TooMuch(absl::StrCat(limits_.max_files, " files"));
  if (file.size() > limits_.max_bytes - bytes_)
    return TooMuch(absl::StrCat(limits_.max_bytes, " bytes"));
  bytes_ += file.size();
  WARREN_RETURN_IF_ERROR(AddPath(file.path()));
  WARREN_RETURN_IF_ERROR(sink_.BeginFile(file));
  left_ = file.size();
  in_file_ = left_ > 0;
  return in_file_ ? absl::OkStatus() : sink_.EndFile();
}

absl::Status PackageStream::AddPath(absl::string_view path) {
  for (size_t slash = path.find('/'); slash != absl::string_view::npos;
       slash = path.find('/', slash + 1)) {
    WARREN_RETURN_IF_ERROR(AddEntry(path.substr(0, slash), Kind::kDirectory));
  }
  return AddEntry(path, Kind::kFile);
}

absl::Status PackageStream::AddEntry(absl::string_view path, Kind kind) {
  const auto found = entries_.find(path);
  if (found != entries_.end()) {
    if (found->second != kind) {
      return Malformed(absl::StrCat("a path that is a file and a directory: ", QuotedPath(path)));
    }
    if (kind == Kind::kFile)
      return Malformed(absl::StrCat("the same path twice: ", QuotedPath(path)));
    return absl::OkStatus();
  }
  if (kind == Kind::kDirectory && ++directories_ > limits_.max_files)
    return TooMuch(absl::StrCat(limits_.max_files, " directories"));
  path_bytes_ += path.size();
  if (path_bytes_ > kMaxPathBytes)
    return TooMuch(absl::StrCat(kMaxPathBytes, " bytes in the paths of its files"));
  entries_.emplace(path, kind);
  return absl::OkStatus();
}

}  // namespace warren
