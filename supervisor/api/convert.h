#ifndef WARREN_SUPERVISOR_API_CONVERT_H_
#define WARREN_SUPERVISOR_API_CONVERT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/map.h"
#include "grpcpp/support/status.h"
#include "supervisor/base/proto_time.h"
#include "warren/v1/sandbox.pb.h"

// Between the wire and the domain: statuses, durations, sandboxes. Pure; thread-safe.
namespace warren {

grpc::Status ToGrpc(const absl::Status& status);

// For a method that the contract has and this version has not.
grpc::Status NotBuilt(absl::string_view method);

struct DurationRange {
  absl::Duration minimum;
  absl::Duration maximum;
  absl::Duration otherwise;
};
// `otherwise` where the field is unset; INVALID_ARGUMENT names the field and the range.
absl::StatusOr<absl::Duration> ReadDuration(absl::string_view field,
                                            const google::protobuf::Duration* value,
                                            const DurationRange& range);

// At most 64 entries, keys to 128 bytes, values to 1024 bytes.
absl::Status CheckMetadata(const google::protobuf::Map<std::string, std::string>& metadata);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_CONVERT_H_
