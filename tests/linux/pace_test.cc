#include "runtime/linux/pace.h"

#include <cstdlib>

#include "gtest/gtest.h"

namespace warren {
namespace {

double PaceWith(const char* stated) {
  ::setenv("WARREN_PACE", stated, 1);
  return Pace();
}

// In a process of its own each, which ran no other test: the factor is found once in a process.
void ExpectPace(const char* stated, double expected) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::_Exit(PaceWith(stated) == expected ? 0 : 1), ::testing::ExitedWithCode(0), "")
      << stated;
}

TEST(PaceTest, IsWhatTheEnvironmentStatesWithinBounds) {
  ExpectPace("3.5", 3.5);
  ExpectPace("1000", kMaxPace);
  ExpectPace("0.1", 1);
  ExpectPace("-2", 1);
  ExpectPace("nan", 1);
}

TEST(PaceTest, IsMeasuredWhereNothingIsStated) {
  PaceSample sample = MeasurePace();
  EXPECT_GT(sample.fork, absl::ZeroDuration());
  EXPECT_GE(sample.factor, 1);
  EXPECT_LE(sample.factor, kMaxPace);
  EXPECT_NE(DescribePace(sample).find("pace "), std::string::npos);
}

TEST(PaceTest, IsTheSameEachTimeInOneProcess) { EXPECT_EQ(Pace(), Pace()); }

}  // namespace
}  // namespace warren
