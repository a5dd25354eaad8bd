#include "supervisor/api/convert.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

const DurationRange kRange{absl::Milliseconds(1), absl::Hours(24), absl::Seconds(60)};

TEST(ReadDurationTest, DefaultsAndBounds) {
  EXPECT_EQ(*ReadDuration("timeout", nullptr, kRange), absl::Seconds(60));
  google::protobuf::Duration value;
  value.set_nanos(1'000'000);
  EXPECT_EQ(*ReadDuration("timeout", &value, kRange), absl::Milliseconds(1));
  value.set_nanos(999'999);
  absl::Status refused = ReadDuration("timeout", &value, kRange).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("from 1ms to 24h"));
}

TEST(ReadDurationTest, SurvivesSecondsBeyondEveryRange) {
  google::protobuf::Duration value;
  for (int64_t seconds :
       {std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min(), int64_t{-1}}) {
    value.set_seconds(seconds);
    EXPECT_FALSE(ReadDuration("timeout", &value, kRange).ok());
  }
}

TEST(ToGrpcTest, KeepsTheCodeAndCutsTheMessage) {
  grpc::Status status = ToGrpc(absl::NotFoundError(std::string(10'000, 'x') + "\xff"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message().size(), 4096u);
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
}

TEST(CheckMetadataTest, BoundsCountKeysAndValues) {
  google::protobuf::Map<std::string, std::string> metadata;
  metadata.insert({std::string(128, 'k'), std::string(1024, 'v')});
  EXPECT_TRUE(CheckMetadata(metadata).ok());
  metadata.insert({"", "v"});
  EXPECT_FALSE(CheckMetadata(metadata).ok());
}

}  // namespace
}  // namespace warren
