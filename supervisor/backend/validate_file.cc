#include "supervisor/backend/validate_file.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "supervisor/backend/validate_fields.h"

namespace warren {
namespace {

constexpr size_t kMaxFilePath = 4095;
constexpr char kFileHome[] = "/home/user";
constexpr uint32_t kMaxFileMode = 07777;
constexpr size_t kSha256Bytes = 32;
constexpr size_t kMaxAttributesBytes = 4 << 10;
constexpr size_t kMaxAttributeNameBytes = 255;
constexpr size_t kMaxDataBytes = 1 << 20;
constexpr int32_t kMaxListDepth = 64;

absl::Status CheckFilePath(absl::string_view field, std::string* path) {
  if (path->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, " is empty; it takes an absolute path, or one relative to ", kFileHome));
  }
  if (path->find('\0') != std::string::npos)
    return absl::InvalidArgumentError(absl::StrCat(field, " contains a NUL byte"));
  if (*path == "~" || absl::StartsWith(*path, "~/")) {
    path->replace(0, 1, kFileHome);
  } else if ((*path)[0] != '/') {
    *path = absl::StrCat(kFileHome, "/", *path);
  }
  if (path->size() > kMaxFilePath) {
    return absl::InvalidArgumentError(absl::StrCat(field, " has ", path->size(),
                                                   " bytes as an absolute path; at most ",
                                                   kMaxFilePath, " are allowed"));
  }
  return absl::OkStatus();
}

absl::Status CheckNotNegative(absl::string_view field, int64_t value) {
  if (value >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, "; it must not be negative"));
}

absl::Status CheckMode(uint32_t mode) {
  if (mode <= kMaxFileMode) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("mode is 0%o; it must be permission bits, at most 0%o", mode, kMaxFileMode));
}

absl::Status CheckAttributes(const google::protobuf::Map<std::string, std::string>& attributes) {
  size_t bytes = 0;
  for (const auto& [name, value] : attributes) {
    if (!absl::StartsWith(name, "user.") || name.size() <= 5 ||
        name.size() > kMaxAttributeNameBytes || name.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "attributes: the name \"", absl::CEscape(absl::string_view(name).substr(0, 64)),
          "\" is none; names are \"user.…\", at most ", kMaxAttributeNameBytes, " bytes"));
    }
    bytes += name.size() + value.size();
  }
  if (bytes <= kMaxAttributesBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("attributes have ", bytes, " bytes; at most ",
                                                 kMaxAttributesBytes, " are allowed together"));
}

template <class Request>
absl::Status CheckPathAndUser(Request& request) {
  WARREN_RETURN_IF_ERROR(CheckFilePath("path", request.mutable_path()));
  return CheckUser(request.user());
}

}  // namespace

absl::Status ValidateReadFile(warren::v1::ReadFileRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckPathAndUser(request));
  WARREN_RETURN_IF_ERROR(CheckNotNegative("offset", request.offset()));
  return CheckNotNegative("length", request.length());
}

absl::Status ValidateWriteFile(warren::v1::WriteFileRequest::Header& header) {
  WARREN_RETURN_IF_ERROR(CheckPathAndUser(header));
  WARREN_RETURN_IF_ERROR(CheckMode(header.mode()));
  if (header.append() && header.exclusive()) {
    return absl::InvalidArgumentError(
        "append and exclusive are both set; what must not be there cannot be added to");
  }
  WARREN_RETURN_IF_ERROR(CheckNotNegative("offset", header.offset()));
  if (header.has_offset() && (header.append() || header.exclusive())) {
    return absl::InvalidArgumentError(
        absl::StrCat("offset and ", header.append() ? "append" : "exclusive",
                     " are both set; an offset is one in the file that is there"));
  }
  if (!header.sha256().empty() && header.sha256().size() != kSha256Bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("sha256 has ", header.sha256().size(), " bytes; a digest has ", kSha256Bytes));
  }
  return CheckAttributes(header.attributes());
}

absl::Status ValidateFileData(const std::string& data) {
  if (data.size() <= kMaxDataBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("data has ", data.size(), " bytes; at most ",
                                                 kMaxDataBytes,
                                                 " are allowed in one message: send more of them"));
}

absl::Status ValidateStatFile(warren::v1::StatFileRequest& request) {
  return CheckPathAndUser(request);
}

absl::Status ValidateListDirectory(warren::v1::ListDirectoryRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckPathAndUser(request));
  if (request.depth() == 0) request.set_depth(1);
  if (request.depth() >= 1 && request.depth() <= kMaxListDepth) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("depth is ", request.depth(), "; it must be 1 to ",
                                                 kMaxListDepth, ", or 0 for 1"));
}

absl::Status ValidateMakeDirectory(warren::v1::MakeDirectoryRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckPathAndUser(request));
  if (!request.has_mode()) request.set_mode(0755);
  return CheckMode(request.mode());
}

absl::Status ValidateMoveFile(warren::v1::MoveFileRequest& request) {
  WARREN_RETURN_IF_ERROR(CheckFilePath("source", request.mutable_source()));
  WARREN_RETURN_IF_ERROR(CheckFilePath("destination", request.mutable_destination()));
  return CheckUser(request.user());
}

absl::Status ValidateRemoveFile(warren::v1::RemoveFileRequest& request) {
  return CheckPathAndUser(request);
}

absl::Status ValidateWatchDirectory(warren::v1::WatchDirectoryRequest& request) {
  return CheckPathAndUser(request);
}

}  // namespace warren
