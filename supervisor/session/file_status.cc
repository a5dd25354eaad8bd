#include "supervisor/session/file_status.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace warren {
namespace {

using internal::StreamEnd;

// A path is as long as Linux lets it be; a text for a reader is not.
constexpr size_t kMaxToldPath = 512;

struct Meaning {
  absl::StatusCode code;
  const char* remedy;
};

Meaning MeaningOf(int error) {
  switch (error) {
    case ENOENT:
      return {absl::StatusCode::kNotFound, "look at what is there with ListDirectory"};
    case EACCES:
    case EPERM:
      return {absl::StatusCode::kPermissionDenied,
              "act as the user that may, or change its mode or owner"};
    case EROFS:
      return {absl::StatusCode::kPermissionDenied,
              "that file system is read-only: use /home/user or /tmp"};
    case EEXIST:
      return {absl::StatusCode::kAlreadyExists, "remove it first, or choose another name"};
    case EXDEV:
      return {absl::StatusCode::kFailedPrecondition,
              "it lies on another file system, or came with the template: copy it, and remove it"};
    case ENOTEMPTY:
      return {absl::StatusCode::kFailedPrecondition, "remove what is in it, or set recursive"};
    case EOPNOTSUPP:
      return {absl::StatusCode::kFailedPrecondition,
              "this host's kernel has none on that file system (tmpfs: from Linux 6.6): leave "
              "attributes out"};
    case ESTALE:
      return {absl::StatusCode::kAborted, "try again when nobody changes it"};
    case ENOTDIR:
    case EISDIR:
    case EBUSY:
    case ELOOP:
    case ETXTBSY:
      return {absl::StatusCode::kFailedPrecondition, "look at what it is with StatFile"};
    case EINVAL:
    case ENAMETOOLONG:
      return {absl::StatusCode::kInvalidArgument, "name it otherwise"};
    case ENOSPC:
    case EDQUOT:
      return {absl::StatusCode::kResourceExhausted,
              "the sandbox's disk or its inodes are used up: remove something, or create one with "
              "higher limits"};
    case EFBIG:
      return {absl::StatusCode::kResourceExhausted,
              "it would be longer than a file may be: write less, or from an earlier offset"};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EUSERS:
      return {absl::StatusCode::kResourceExhausted,
              "too many files, lists and watches are open in the sandbox at once: try again when "
              "some have ended"};
    default:
      return {absl::StatusCode::kInternal, "see the server's log"};
  }
}

std::string Escaped(const std::string& path) {
  std::string told = absl::CEscape(absl::string_view(path).substr(0, kMaxToldPath));
  if (path.size() > kMaxToldPath) told += "…";
  return told;
}

}  // namespace

absl::Status FileStatus(const FileSubject& subject, const StreamEnd& end) {
  const std::string what = absl::StrCat(subject.verb, " \"", Escaped(subject.path), "\": ");
  const std::string detail = absl::CEscape(end.detail());
  switch (end.outcome()) {
    case StreamEnd::OK:
      return absl::OkStatus();
    case StreamEnd::CANCELLED:
      return absl::CancelledError(absl::StrCat(what, "it was cancelled"));
    case StreamEnd::TRUNCATED:
      return absl::AbortedError(
          absl::StrCat(what, "the file became shorter meanwhile; read it again"));
    case StreamEnd::DIGEST_DIFFERS:
      return absl::DataLossError(absl::StrCat(
          what, "what arrived does not have the sha256 that was asked for; send it again"));
    case StreamEnd::WRONG_TYPE:
      return absl::FailedPreconditionError(
          absl::StrCat(what, "it ", detail, "; look at what it is with StatFile"));
    case StreamEnd::OUT_OF_RANGE:
      return absl::OutOfRangeError(absl::StrCat(what, "offset lies beyond its end: ", detail));
    default:
      break;
  }
  const Meaning meaning = MeaningOf(end.error());
  return absl::Status(meaning.code, absl::StrCat(what, detail, ": ", std::strerror(end.error()),
                                                 "; ", meaning.remedy));
}

}  // namespace warren
