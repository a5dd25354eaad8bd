#include "supervisor/session/read_turns.h"

#include "gtest/gtest.h"

namespace warren {
namespace {

using std::chrono::milliseconds;

constexpr auto kSlice = ReadTurns::kSlice;
// The most that one may say beside others at work before it is held.
constexpr size_t kFlood = ReadTurns::kShare + ReadTurns::kCommon - 1;

class ReadTurnsTest : public ::testing::Test {
 protected:
  bool Held(ReadTurns::Turn& turn, size_t bytes) {
    return turns.OnRead(turn, bytes, now).has_value();
  }
  ReadTurns turns;
  ReadTurns::Turn calm;
  ReadTurns::Turn flood;
  ReadTurns::Turn other_flood;
  MonotonicTime now{std::chrono::hours(1)};
};

TEST_F(ReadTurnsTest, AFloodAloneIsNeverHeld) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(Held(flood, 10 * kFlood));
    now += milliseconds(1);
  }
}

TEST_F(ReadTurnsTest, BesideOneAtWorkAFloodWaitsForTheNextSlice) {
  EXPECT_FALSE(Held(calm, 100));
  EXPECT_FALSE(Held(flood, kFlood)) << "so much is its turn";
  const auto until = turns.OnRead(flood, 1, now + milliseconds(3));
  ASSERT_TRUE(until.has_value());
  EXPECT_EQ(*until, now + kSlice);
  now = *until;
  EXPECT_FALSE(Held(flood, kFlood)) << "a new slice";
  EXPECT_TRUE(Held(flood, 1));
}

TEST_F(ReadTurnsTest, WhatOneContextSaysOfItselfDoesNotHoldItBack) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Held(flood, 1)) << "it is at work itself";
    now += 2 * kSlice;
  }
  EXPECT_FALSE(Held(flood, 2 * kFlood));
}

TEST_F(ReadTurnsTest, FloodsDoNotHoldEachOtherBack) {
  // At first the one cannot be told from one at work.
  for (MonotonicTime begin = now; now - begin <= ReadTurns::kAtWork; now += kSlice) {
    Held(flood, kFlood);
    Held(other_flood, kFlood);
  }
  for (int i = 0; i < 20; ++i) {
    // Each begins its slice with as little as one at work.
    EXPECT_FALSE(Held(flood, 10)) << i;
    EXPECT_FALSE(Held(other_flood, 10)) << i;
    EXPECT_FALSE(Held(flood, kFlood)) << i;
    EXPECT_FALSE(Held(other_flood, kFlood)) << i;
    now += kSlice;
  }
}

TEST_F(ReadTurnsTest, AllFloodsTogetherHaveOneAllowance) {
  EXPECT_FALSE(Held(calm, 1));
  EXPECT_FALSE(Held(flood, kFlood));
  EXPECT_FALSE(Held(other_flood, ReadTurns::kShare)) << "a share of its own";
  EXPECT_TRUE(Held(other_flood, 1)) << "what is common is used up";
}

TEST_F(ReadTurnsTest, WhatIsOverdrawnIsWaitedOff) {
  EXPECT_FALSE(Held(calm, 1));
  EXPECT_FALSE(Held(flood, kFlood));
  EXPECT_EQ(turns.OnRead(flood, 1 + 10 * ReadTurns::kShare, now), now + 11 * kSlice);
  // Not by the others.
  EXPECT_EQ(turns.OnRead(other_flood, ReadTurns::kShare + 1, now), now + kSlice);
}

TEST_F(ReadTurnsTest, NoMoreIsReadThanThat) {
  EXPECT_EQ(turns.Allowance(flood, now), ReadTurns::kUnbounded) << "nobody else is at work";
  EXPECT_FALSE(Held(calm, 1));
  EXPECT_EQ(turns.Allowance(flood, now), ReadTurns::kShare + ReadTurns::kCommon);
  EXPECT_FALSE(Held(flood, ReadTurns::kShare + 10));
  EXPECT_EQ(turns.Allowance(flood, now), ReadTurns::kCommon - 10);
  EXPECT_TRUE(Held(flood, ReadTurns::kCommon));
  EXPECT_EQ(turns.Allowance(flood, now), ReadTurns::kLeast) << "every one comes to its end";
  EXPECT_EQ(turns.Allowance(other_flood, now), ReadTurns::kShare);
  now += kSlice;
  EXPECT_EQ(turns.Allowance(flood, now), ReadTurns::kShare + ReadTurns::kCommon);
}

TEST_F(ReadTurnsTest, OneWithinItsShareIsNeverHeld) {
  EXPECT_FALSE(Held(flood, kFlood));
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(Held(calm, ReadTurns::kShare));
    Held(flood, kFlood);
    now += kSlice;
  }
}

TEST_F(ReadTurnsTest, NothingIsHeldOnceTheOthersRest) {
  EXPECT_FALSE(Held(calm, 1));
  EXPECT_TRUE(Held(flood, 2 * kFlood));
  now += ReadTurns::kAtWork;
  EXPECT_FALSE(Held(flood, 2 * kFlood));
}

}  // namespace
}  // namespace warren
