#include "supervisor/pool/generations.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const MonotonicTime kBegin{std::chrono::hours(1)};

Generations Running(uint64_t zygote_id) {
  Generations generations({.max_age = seconds(100), .max_forks = 3});
  generations.Starting();
  generations.Started(zygote_id, kBegin);
  return generations;
}

TEST(GenerationsTest, StartsOneAndNoSecondMeanwhile) {
  Generations generations({});
  EXPECT_TRUE(generations.WantsStart(kBegin));
  generations.Starting();
  EXPECT_FALSE(generations.WantsStart(kBegin));
  generations.Started(5, kBegin);
  EXPECT_FALSE(generations.WantsStart(kBegin));
  EXPECT_EQ(generations.current(), 5u);
  EXPECT_EQ(generations.number(), 1);
}

TEST(GenerationsTest, ReplacesAnOldOneAndStopsItWhenItsForksAreDone) {
  Generations generations = Running(1);
  generations.BeginFork();
  EXPECT_FALSE(generations.WantsStart(kBegin + seconds(99)));
  EXPECT_EQ(generations.NextChange(kBegin), kBegin + seconds(100));
  ASSERT_TRUE(generations.WantsStart(kBegin + seconds(100)));
  generations.Starting();
  EXPECT_EQ(generations.current(), 1u) << "it serves until the next one is warm";
  generations.Started(2, kBegin + seconds(101));
  EXPECT_EQ(generations.current(), 2u);
  EXPECT_THAT(generations.TakeFinished(), IsEmpty());
  generations.EndFork(1);
  EXPECT_THAT(generations.TakeFinished(), ElementsAre(1));
  EXPECT_THAT(generations.TakeFinished(), IsEmpty());
}

TEST(GenerationsTest, ReplacesOneThatHasForkedOften) {
  Generations generations = Running(1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(generations.WantsStart(kBegin));
    generations.BeginFork();
    generations.EndFork(1);
  }
  EXPECT_TRUE(generations.WantsStart(kBegin));
}

TEST(GenerationsTest, AFailingStartIsTriedAgainEverMoreRarely) {
  Generations generations({});
  MonotonicTime now = kBegin;
  std::chrono::milliseconds last{0};
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(generations.WantsStart(now));
    generations.Starting();
    generations.StartFailed(absl::InternalError("no such module"), now);
    EXPECT_FALSE(generations.WantsStart(now));
    EXPECT_THAT(std::string(generations.Hindrance(now).message()), HasSubstr("no such module"));
    auto wait =
        std::chrono::duration_cast<std::chrono::milliseconds>(*generations.NextChange(now) - now);
    EXPECT_GE(wait, last);
    EXPECT_LE(wait, Generations::kLongestBackOff);
    last = wait;
    now += wait;
  }
  EXPECT_EQ(last, Generations::kLongestBackOff);
}

TEST(GenerationsTest, ADeathIsAnsweredAtOnceASeriesOfThemIsNot) {
  Generations generations = Running(1);
  ASSERT_TRUE(generations.Exited(1, kBegin + seconds(1)));
  EXPECT_EQ(generations.current(), 0u);
  EXPECT_TRUE(generations.WantsStart(kBegin + seconds(1)));
  generations.Starting();
  generations.Started(2, kBegin + seconds(2));
  ASSERT_TRUE(generations.Exited(2, kBegin + seconds(2)));
  EXPECT_FALSE(generations.WantsStart(kBegin + seconds(2)));
}

TEST(GenerationsTest, ForgetsRetiredOnesThatDieAndIgnoresStrangers) {
  Generations generations = Running(1);
  generations.BeginFork();
  generations.Starting();
  generations.Started(2, kBegin + seconds(200));
  EXPECT_TRUE(generations.Exited(1, kBegin + seconds(201)));
  EXPECT_FALSE(generations.Exited(1, kBegin + seconds(201)));
  EXPECT_FALSE(generations.Exited(77, kBegin + seconds(201)));
  EXPECT_EQ(generations.current(), 2u);
  EXPECT_THAT(generations.TakeFinished(), IsEmpty());
}

}  // namespace
}  // namespace warren
