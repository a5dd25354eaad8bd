#include "supervisor/gateway/http/target.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

TEST(TargetTest, SplitsPathAndQuery) {
  auto target = ParseTarget("/v2/sandboxes/sb1/connect?a=b%20c&d=e+f&g");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_THAT(target->segments, ElementsAre("v2", "sandboxes", "sb1", "connect"));
  EXPECT_EQ(target->Parameter("a"), "b c");
  EXPECT_EQ(target->Parameter("d"), "e f");
  EXPECT_EQ(target->Parameter("g"), "");
  EXPECT_EQ(target->Parameter("h"), std::nullopt);
}

TEST(TargetTest, IgnoresEmptySegments) {
  auto target = ParseTarget("//sandboxes/");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->segments, ElementsAre("sandboxes"));
}

TEST(TargetTest, RefusesWhatGoesElsewhere) {
  for (const char* bad : {"/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a%00b", "http://x/", "*", "", "a",
                          "/a b", "/%zz", "/b/./a"}) {
    EXPECT_FALSE(ParseTarget(bad).ok()) << bad;
  }
}

TEST(TargetTest, BoundsEverything) {
  EXPECT_FALSE(ParseTarget("/" + std::string(Target::kMaxBytes, 'a')).ok());
  std::string many = "/a?x=1";
  for (size_t i = 0; i < Target::kMaxParameters; ++i) many += "&x=1";
  EXPECT_FALSE(ParseTarget(many).ok());
  std::string deep;
  for (size_t i = 0; i <= Target::kMaxSegments; ++i) deep += "/a";
  EXPECT_FALSE(ParseTarget(deep).ok());
}

TEST(TargetTest, FormsAreDecodedOnce) {
  auto form = ParseForm("a=b%2520c&k%3D=v");
  ASSERT_TRUE(form.ok());
  EXPECT_EQ((*form)[0].second, "b%20c");
  EXPECT_EQ((*form)[1].first, "k=");
  EXPECT_EQ(*PercentDecode("b%20c+d"), "b c+d");
  EXPECT_FALSE(PercentDecode("%2").ok());
  EXPECT_TRUE(ParseForm("")->empty());
}

}  // namespace
}  // namespace warren
