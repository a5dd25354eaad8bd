#include "supervisor/gateway/control/network_ranges.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(NetworkRangesTest, WhatIsAllowedIsCutOut) {
  EXPECT_THAT(WithoutAllowed({"8.8.8.8", "evil.test"}, {"8.8.8.8", "evil.test"}), IsEmpty());
  EXPECT_THAT(WithoutAllowed({"8.8.8.8"}, {"8.0.0.0/8"}), IsEmpty());
  EXPECT_THAT(WithoutAllowed({"8.8.8.8/30"}, {"8.8.8.9"}),
              ElementsAre("8.8.8.8/32", "8.8.8.10/31"));
  EXPECT_THAT(WithoutAllowed({"8.0.0.0/8"}, {"8.8.8.8"}), SizeIs(24));
  EXPECT_THAT(WithoutAllowed({"2001:db8::/32"}, {"2001:db8:8000::/33"}),
              ElementsAre("2001:db8::/33"));
  EXPECT_THAT(WithoutAllowed({"8.8.8.0/24"}, {"8.8.8.0/25", "8.8.8.128/25"}), IsEmpty());
}

TEST(NetworkRangesTest, WhatIsNotAllowedStaysAsItWasWritten) {
  EXPECT_THAT(
      WithoutAllowed({"8.8.8.8", "9.9.9.9/24", "x.test", "::1", "no/range"}, {"1.1.1.1", "y.test"}),
      ElementsAre("8.8.8.8", "9.9.9.9/24", "x.test", "::1", "no/range"));
  EXPECT_THAT(WithoutAllowed({"8.8.8.8"}, {"nonsense", "8.8.8.8/33", "2001:db8::/32"}),
              ElementsAre("8.8.8.8"));
}

TEST(NetworkRangesTest, ADenialOfTooManyPiecesStaysWhole) {
  std::vector<std::string> allowed;
  for (int i = 0; i < 250; ++i) allowed.push_back("8.8." + std::to_string(i) + ".1");
  EXPECT_THAT(WithoutAllowed({"8.0.0.0/8"}, allowed), ElementsAre("8.0.0.0/8"));
}

}  // namespace
}  // namespace warren
