#ifndef WARREN_RUNTIME_POLICY_TEXT_PROTO_H_
#define WARREN_RUNTIME_POLICY_TEXT_PROTO_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"

namespace warren {

// Reads a message in protobuf text format. An unknown field, a duplicate or a syntax error is
// INVALID_ARGUMENT with "path:line:column". Thread-safe.
absl::Status ReadTextProto(const std::string& path, google::protobuf::Message& message);

}  // namespace warren

#endif  // WARREN_RUNTIME_POLICY_TEXT_PROTO_H_
