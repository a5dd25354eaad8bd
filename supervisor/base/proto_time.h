#ifndef WARREN_SUPERVISOR_BASE_PROTO_TIME_H_
#define WARREN_SUPERVISOR_BASE_PROTO_TIME_H_

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

// Times as absl has them and as messages carry them. Pure; thread-safe.
namespace warren {

// Saturates to absl::InfiniteDuration: a client may have written anything into the message.
absl::Duration ToDuration(const google::protobuf::Duration& duration);
google::protobuf::Duration ToProto(absl::Duration duration);
google::protobuf::Timestamp ToProto(absl::Time time);
absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BASE_PROTO_TIME_H_
