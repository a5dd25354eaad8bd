#include "supervisor/e2b/control/usage_meter.h"

#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << error;
  return time;
}

config::Budget OfMinutes(int64_t minutes, const std::string& file = "") {
  config::Budget budget;
  budget.set_sandbox_minutes(minutes);
  budget.set_warn_percent(80);
  budget.set_file(file);
  return budget;
}

const absl::Time kStart = absl::FromUnixSeconds(1796126400);  // 2026-12-01T12:00:00Z

TEST(UsageMeter, CountsWhatRunsAndNoPauses) {
  UsageMeter meter(OfMinutes(500));
  meter.Runs("a", kStart, kStart + absl::Hours(1));
  meter.Runs("b", kStart, kStart + absl::Hours(1));
  EXPECT_EQ(meter.Used(kStart + absl::Minutes(10)), absl::Minutes(20));
  meter.Stopped("a", kStart + absl::Minutes(10));
  EXPECT_EQ(meter.Used(kStart + absl::Minutes(20)), absl::Minutes(30));
  meter.Runs("a", kStart + absl::Minutes(30), kStart + absl::Hours(2));
  EXPECT_EQ(meter.Used(kStart + absl::Minutes(40)), absl::Minutes(60));
  meter.Stopped("nobody", kStart);
  EXPECT_EQ(meter.limit(), absl::Minutes(500));
}

TEST(UsageMeter, OneWhoseEndNobodyTellsEndsWithItsLifetime) {
  UsageMeter meter(OfMinutes(500));
  meter.Runs("a", kStart, kStart + absl::Minutes(5));
  EXPECT_EQ(meter.Used(kStart + absl::Hours(3)), absl::Minutes(5));
  meter.Runs("b", kStart + absl::Hours(3), kStart + absl::Hours(4));
  // Its lifetime was renewed.
  meter.Runs("b", kStart + absl::Hours(3) + absl::Minutes(30), kStart + absl::Hours(5));
  EXPECT_EQ(meter.Used(kStart + absl::Hours(6)), absl::Minutes(125));
}

TEST(UsageMeter, ANewMonthBeginsWithWhatRunsInIt) {
  UsageMeter meter(OfMinutes(500));
  meter.Runs("a", At("2026-12-31T23:00:00Z"), At("2027-01-01T02:00:00Z"));
  EXPECT_EQ(meter.Used(At("2026-12-31T23:59:00Z")), absl::Minutes(59));
  EXPECT_EQ(meter.Used(At("2027-01-01T00:10:00Z")), absl::Minutes(10));
  EXPECT_EQ(meter.Used(At("2027-01-02T00:00:00Z")), absl::Minutes(120));
}

TEST(UsageMeter, WarnsOnceAMonth) {
  UsageMeter meter(OfMinutes(10));
  meter.Runs("a", kStart, kStart + absl::Hours(24));
  EXPECT_FALSE(meter.WarnsNow(kStart + absl::Minutes(7)));
  EXPECT_TRUE(meter.WarnsNow(kStart + absl::Minutes(8)));
  EXPECT_FALSE(meter.WarnsNow(kStart + absl::Minutes(9)));
  UsageMeter unbounded(OfMinutes(0));
  unbounded.Runs("a", kStart, kStart + absl::Hours(24));
  EXPECT_FALSE(unbounded.WarnsNow(kStart + absl::Hours(23)));
}

class UsageFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/warren-usage-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
    file_ = absl::StrCat(directory_, "/used");
  }
  void TearDown() override {
    ::unlink(file_.c_str());
    ::rmdir(directory_.c_str());
  }
  void Write(const std::string& text) { std::ofstream(file_) << text; }

  std::string directory_;
  std::string file_;
};

TEST_F(UsageFileTest, OutlivesTheServerWithinItsMonth) {
  {
    UsageMeter meter(OfMinutes(500, file_));
    ASSERT_TRUE(meter.Load(kStart).ok()) << "no file is an empty one";
    meter.Runs("a", kStart, kStart + absl::Hours(1));
    ASSERT_TRUE(meter.Save(kStart + absl::Minutes(30)).ok());
  }
  UsageMeter next(OfMinutes(500, file_));
  ASSERT_TRUE(next.Load(kStart + absl::Hours(2)).ok());
  EXPECT_EQ(next.Used(kStart + absl::Hours(2)), absl::Minutes(30));
  UsageMeter later(OfMinutes(500, file_));
  ASSERT_TRUE(later.Load(kStart + absl::Hours(24 * 40)).ok());
  EXPECT_EQ(later.Used(kStart + absl::Hours(24 * 40)), absl::ZeroDuration());
}

TEST_F(UsageFileTest, WhatIsNotItsOwnIsRefused) {
  for (const char* text : {"hello", "2026-12 much\n", "2026-12 -5\n", "2026-12 nan\n", ""}) {
    Write(text);
    UsageMeter meter(OfMinutes(500, file_));
    const absl::Status status = meter.Load(kStart);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(file_));
  }
}

TEST_F(UsageFileTest, ADirectoryThatIsNotThereIsAnError) {
  UsageMeter meter(OfMinutes(500, "/tmp/warren-nowhere/used"));
  EXPECT_FALSE(meter.Save(kStart).ok());
}

}  // namespace
}  // namespace warren
