#include "supervisor/api/message.h"

#include "absl/strings/str_cat.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/proto_buffer_writer.h"

namespace warren {

absl::Status Parse(const grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  if (bytes.Valid()) {
    // The reader takes no const buffer, and changes nothing of it.
    grpc::ProtoBufferReader reader(&const_cast<grpc::ByteBuffer&>(bytes));
    if (reader.status().ok() && message.ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "the request is not a valid ", message.GetTypeName(), " message; its strings must be UTF-8"));
}

absl::Status Serialize(const google::protobuf::Message& message, grpc::ByteBuffer& bytes) {
  // gRPC writes into an empty buffer only.
  bytes.Clear();
  bool own_buffer;
  grpc::Status status =
      grpc::SerializationTraits<google::protobuf::Message>::Serialize(message, &bytes, &own_buffer);
  if (status.ok()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("a ", message.GetTypeName(), " of ",
                                          message.ByteSizeLong(), " bytes could not be written"));
}

}  // namespace warren
