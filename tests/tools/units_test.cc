#include "tools/warren/units.h"

#include <gtest/gtest.h>

#include "supervisor/base/proto_time.h"

namespace warren {
namespace {

TEST(ParseDurationFlag, TakesUnitsAndPlainSeconds) {
  EXPECT_EQ(*ParseDurationFlag("30s"), absl::Seconds(30));
  EXPECT_EQ(*ParseDurationFlag("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDurationFlag("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDurationFlag("1.5"), absl::Milliseconds(1500));
}

TEST(ParseDurationFlag, RefusesWhatIsNoBound) {
  for (const char* text : {"", "s", "30 parsecs", "-1s", "-2", "inf", "nan", "1e400"}) {
    EXPECT_FALSE(ParseDurationFlag(text).ok()) << text;
  }
}

TEST(ParseBytes, SuffixesArePowersOf1024) {
  EXPECT_EQ(*ParseBytes("65536"), 65536);
  EXPECT_EQ(*ParseBytes("1k"), 1024);
  EXPECT_EQ(*ParseBytes("512M"), 512LL << 20);
  EXPECT_EQ(*ParseBytes("512MB"), 512LL << 20);
  EXPECT_EQ(*ParseBytes("512MiB"), 512LL << 20);
  EXPECT_EQ(*ParseBytes("1.5g"), 3LL << 29);
  EXPECT_EQ(*ParseBytes("2TiB"), 2LL << 40);
  EXPECT_EQ(*ParseBytes("7B"), 7);
}

TEST(ParseBytes, RefusesNonsense) {
  for (const char* text :
       {"", "M", "iB", "5iB", "-1", "1MM", "1 potato", "inf", "nan", "9e30", "1K5"}) {
    EXPECT_FALSE(ParseBytes(text).ok()) << text;
  }
}

TEST(ParseCpuMillis, CoresToThousandths) {
  EXPECT_EQ(*ParseCpuMillis("0.5"), 500);
  EXPECT_EQ(*ParseCpuMillis("2"), 2000);
  for (const char* text : {"", "0", "-1", "nan", "0.0001", "half"}) {
    EXPECT_FALSE(ParseCpuMillis(text).ok()) << text;
  }
}

TEST(Format, BytesAndSpansAreShort) {
  EXPECT_EQ(FormatBytes(512), "512 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(512LL << 20), "512.0 MiB");
  EXPECT_EQ(FormatSpan(absl::Microseconds(42)), "42 us");
  EXPECT_EQ(FormatSpan(absl::Microseconds(3200)), "3.2 ms");
  EXPECT_EQ(FormatSpan(absl::Milliseconds(12400)), "12.4 s");
  EXPECT_EQ(FormatSpan(absl::Seconds(7500)), "2h5m");
}

TEST(ProtoDuration, RoundTripsToTheNanosecond) {
  absl::Duration d = absl::Seconds(3) + absl::Nanoseconds(7);
  EXPECT_EQ(ToProto(d).seconds(), 3);
  EXPECT_EQ(ToProto(d).nanos(), 7);
  EXPECT_EQ(ToDuration(ToProto(d)), d);
}

}  // namespace
}  // namespace warren
