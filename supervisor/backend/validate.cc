#include "supervisor/backend/validate.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/map.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using warren::v1::CreateSandboxRequest;
using warren::v1::ExecuteCodeRequest;
using StringMap = google::protobuf::Map<std::string, std::string>;

struct DurationRange {
  absl::Duration minimum;
  absl::Duration maximum;
  absl::Duration otherwise;
};

const DurationRange kLifetime{absl::Seconds(1), absl::Hours(24), absl::Seconds(300)};
const DurationRange kTimeout{absl::Milliseconds(1), absl::Hours(24), absl::Seconds(60)};
constexpr int kMaxMetadata = 64;
constexpr size_t kMaxMetadataKey = 128;
constexpr size_t kMaxMetadataValue = 1024;
constexpr size_t kMaxCodeBytes = 1 << 20;
constexpr int64_t kDefaultOutputBytes = int64_t{64} << 20;
constexpr int64_t kMaxOutputBytes = int64_t{16} << 30;
constexpr size_t kMaxExpressions = 64;
constexpr size_t kMaxExpressionName = 128;
constexpr size_t kMaxExpressionBytes = 64 << 10;
constexpr int32_t kDefaultPageSize = 100;
constexpr int32_t kMaxPageSize = 1000;

absl::Status NotBuiltField(absl::string_view field) {
  return absl::UnimplementedError(
      absl::StrCat(field, " is part of the contract, but not built yet: leave it unset"));
}

absl::Status CheckDuration(absl::string_view field, const google::protobuf::Duration& value,
                           const DurationRange& range) {
  // Seconds beyond any range saturate, and are refused like the others.
  const absl::Duration duration = ToDuration(value);
  if (duration >= range.minimum && duration <= range.maximum) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      field, " is ", absl::FormatDuration(duration), "; it must be from ",
      absl::FormatDuration(range.minimum), " to ", absl::FormatDuration(range.maximum)));
}

absl::Status CheckMetadata(const StringMap& metadata) {
  if (metadata.size() > kMaxMetadata) {
    return absl::InvalidArgumentError(absl::StrCat(
        "metadata has ", metadata.size(), " entries; at most ", kMaxMetadata, " are allowed"));
  }
  for (const auto& [key, value] : metadata) {
    if (key.empty() || key.size() > kMaxMetadataKey || value.size() > kMaxMetadataValue) {
      return absl::InvalidArgumentError(absl::StrCat(
          "metadata: a key of ", key.size(), " bytes with a value of ", value.size(),
          " bytes; keys have 1 to ", kMaxMetadataKey, ", values at most ", kMaxMetadataValue));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCode(const std::string& code) {
  if (code.size() > kMaxCodeBytes) {
    return absl::InvalidArgumentError(absl::StrCat("code has ", code.size(), " bytes; at most ",
                                                   kMaxCodeBytes,
                                                   " are allowed: write larger data to a file"));
  }
  if (!IsValidUtf8(code)) return absl::InvalidArgumentError("code is not valid UTF-8");
  if (code.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("code contains a NUL byte");
  }
  return absl::OkStatus();
}

absl::Status CheckExpressions(const StringMap& expressions) {
  if (expressions.size() > kMaxExpressions) {
    return absl::InvalidArgumentError(absl::StrCat("user_expressions has ", expressions.size(),
                                                   " entries; at most ", kMaxExpressions,
                                                   " are allowed"));
  }
  size_t bytes = 0;
  for (const auto& [name, expression] : expressions) {
    if (name.empty() || name.size() > kMaxExpressionName) {
      return absl::InvalidArgumentError(absl::StrCat("user_expressions: a name of ", name.size(),
                                                     " bytes; names have 1 to ",
                                                     kMaxExpressionName));
    }
    bytes += expression.size();
  }
  if (bytes > kMaxExpressionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("user_expressions: expressions of ", bytes,
                                                   " bytes together; at most ", kMaxExpressionBytes,
                                                   " are allowed"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateCreate(CreateSandboxRequest& request) {
  if (!request.has_lifetime()) *request.mutable_lifetime() = ToProto(kLifetime.otherwise);
  WARREN_RETURN_IF_ERROR(CheckDuration("lifetime", request.lifetime(), kLifetime));
  WARREN_RETURN_IF_ERROR(CheckMetadata(request.metadata()));
  if (!request.env().empty()) return NotBuiltField("CreateSandboxRequest.env");
  if (!request.network_policy().empty() && request.network_policy() != "none") {
    return absl::UnimplementedError("network policies other than \"none\" are not built yet");
  }
  return absl::OkStatus();
}

absl::Status ValidateExecute(ExecuteCodeRequest& request) {
  if (!request.env().empty()) return NotBuiltField("ExecuteCodeRequest.env");
  if (request.allow_stdin()) return NotBuiltField("ExecuteCodeRequest.allow_stdin");
  WARREN_RETURN_IF_ERROR(CheckCode(request.code()));
  WARREN_RETURN_IF_ERROR(CheckExpressions(request.user_expressions()));
  if (request.max_output_bytes() < 0 || request.max_output_bytes() > kMaxOutputBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_output_bytes is ", request.max_output_bytes(), "; it must be from 1 to ",
                     kMaxOutputBytes, ", or 0 for ", kDefaultOutputBytes));
  }
  if (request.max_output_bytes() == 0) request.set_max_output_bytes(kDefaultOutputBytes);
  if (!request.has_timeout()) *request.mutable_timeout() = ToProto(kTimeout.otherwise);
  if (!request.has_store_history()) request.set_store_history(!request.silent());
  return CheckDuration("timeout", request.timeout(), kTimeout);
}

absl::Status ValidateLifetime(warren::v1::SetSandboxLifetimeRequest& request) {
  if (!request.has_lifetime()) return absl::InvalidArgumentError("lifetime is missing");
  return CheckDuration("lifetime", request.lifetime(), kLifetime);
}

absl::Status ValidateList(warren::v1::ListSandboxesRequest& request) {
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return absl::InvalidArgumentError(absl::StrCat("page_size is ", request.page_size(),
                                                   "; it must be from 1 to ", kMaxPageSize,
                                                   ", or 0 for ", kDefaultPageSize));
  }
  if (request.page_size() == 0) request.set_page_size(kDefaultPageSize);
  return absl::OkStatus();
}

}  // namespace warren
