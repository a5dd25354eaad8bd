#include "supervisor/api/convert.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

constexpr size_t kMaxStatusMessage = 4096;
constexpr int kMaxMetadata = 64;
constexpr size_t kMaxMetadataKey = 128;
constexpr size_t kMaxMetadataValue = 1024;

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // It travels in a header: short, and UTF-8.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      ToValidUtf8(status.message(), kMaxStatusMessage));
}

grpc::Status NotBuilt(absl::string_view method) {
  return grpc::Status(grpc::StatusCode::UNIMPLEMENTED,
                      absl::StrCat(method, " is part of the contract, but not built yet"));
}

absl::StatusOr<absl::Duration> ReadDuration(absl::string_view field,
                                            const google::protobuf::Duration* value,
                                            const DurationRange& range) {
  if (value == nullptr) return range.otherwise;
  // Seconds beyond any range are caught before the sum could overflow.
  absl::Duration duration = absl::Seconds(value->seconds()) + absl::Nanoseconds(value->nanos());
  if (duration < range.minimum || duration > range.maximum) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, " is ", absl::FormatDuration(duration), "; it must be from ",
        absl::FormatDuration(range.minimum), " to ", absl::FormatDuration(range.maximum)));
  }
  return duration;
}

absl::Status CheckMetadata(const google::protobuf::Map<std::string, std::string>& metadata) {
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

}  // namespace warren
