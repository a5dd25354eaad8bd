#include "supervisor/api/message.h"

#include <string>

#include "gmock/gmock.h"
#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

grpc::ByteBuffer Bytes(const std::string& text) {
  grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

TEST(MessageTest, WhatWasWrittenIsRead) {
  v1::GetSandboxRequest request;
  request.set_sandbox_id("sb1");
  grpc::ByteBuffer bytes;
  // Twice: a stream writes each of its messages into the same buffer.
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Serialize(request, bytes).ok());
  v1::GetSandboxRequest read;
  ASSERT_TRUE(Parse(bytes, read).ok());
  EXPECT_EQ(read.sandbox_id(), "sb1");
}

TEST(MessageTest, BytesThatAreNoMessageAreAnInvalidArgument) {
  v1::GetSandboxRequest request;
  // A field that is longer than what follows, text that is not UTF-8, and no payload at all.
  for (const grpc::ByteBuffer& bytes :
       {Bytes("\x0a\x7fx"), Bytes("\x0a\x01\xff"), grpc::ByteBuffer()}) {
    absl::Status status = Parse(bytes, request);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr("warren.v1.GetSandboxRequest"));
  }
}

}  // namespace
}  // namespace warren
