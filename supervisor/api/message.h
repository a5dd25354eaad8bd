#ifndef WARREN_SUPERVISOR_API_MESSAGE_H_
#define WARREN_SUPERVISOR_API_MESSAGE_H_

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/support/byte_buffer.h"

// The methods of the services are gRPC's raw ones: they get the request's bytes and parse them
// themselves. Where gRPC parses and fails it answers UNIMPLEMENTED, without a word and without
// asking the service. A request that is our own can be moved on besides, code and all.
namespace warren {

// INVALID_ARGUMENT for bytes that are no such message.
absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message& message);

// Replaces what is in `bytes`. Every message of ours fits: it fails at 2 GiB.
absl::Status Serialize(const google::protobuf::Message& message, grpc::ByteBuffer& bytes);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_API_MESSAGE_H_
