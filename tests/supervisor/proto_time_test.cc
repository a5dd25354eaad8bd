#include "supervisor/base/proto_time.h"

#include <limits>

#include "gtest/gtest.h"

namespace warren {
namespace {

TEST(ProtoTimeTest, ADurationComesBackAsItWas) {
  for (absl::Duration duration :
       {absl::ZeroDuration(), absl::Seconds(3) + absl::Nanoseconds(7), -absl::Milliseconds(1500)}) {
    EXPECT_EQ(ToDuration(ToProto(duration)), duration);
  }
}

TEST(ProtoTimeTest, SecondsThatNobodyLivesToSeeSaturate) {
  google::protobuf::Duration forever;
  forever.set_seconds(std::numeric_limits<int64_t>::max());
  EXPECT_GT(ToDuration(forever), absl::Hours(1'000'000));
  forever.set_seconds(std::numeric_limits<int64_t>::min());
  EXPECT_LT(ToDuration(forever), -absl::Hours(1'000'000));
}

TEST(ProtoTimeTest, ATimestampCountsItsNanosecondsForward) {
  auto after = ToProto(absl::UnixEpoch() + absl::Nanoseconds(1'500'000'000));
  EXPECT_EQ(after.seconds(), 1);
  EXPECT_EQ(after.nanos(), 500'000'000);
  auto before = ToProto(absl::UnixEpoch() - absl::Nanoseconds(1));
  EXPECT_EQ(before.seconds(), -1);
  EXPECT_EQ(before.nanos(), 999'999'999);
}

}  // namespace
}  // namespace warren
