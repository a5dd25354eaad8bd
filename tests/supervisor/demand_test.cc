#include "supervisor/pool/demand.h"

#include "gtest/gtest.h"

namespace warren {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const MonotonicTime kStart{std::chrono::hours(1)};

TEST(DemandTest, AsksForNothingWithoutCreates) { EXPECT_EQ(Demand().Extra(kStart), 0); }

TEST(DemandTest, ASingleCreateIsNoDemand) {
  Demand demand;
  demand.NoteCreate(kStart);
  EXPECT_EQ(demand.Extra(kStart), 0);
}

TEST(DemandTest, FollowsRateTimesLatency) {
  Demand demand;
  MonotonicTime now = kStart;
  for (int i = 0; i < 200; ++i) demand.NoteMade(milliseconds(100));
  // 50 creates a second, each taking 100 ms to replace: 5 in the making at any time, twice that
  // with headroom.
  for (int i = 0; i < 3000; ++i) demand.NoteCreate(now += milliseconds(20));
  EXPECT_GE(demand.Extra(now), 8);
  EXPECT_LE(demand.Extra(now), 12);
  EXPECT_EQ(demand.Extra(now + seconds(120)), 0);
}

TEST(DemandTest, RemembersABurstAndForgetsIt) {
  Demand demand;
  for (int waiting = 1; waiting <= 40; ++waiting) demand.NoteWaiting(waiting, kStart);
  EXPECT_EQ(demand.Extra(kStart), 40);
  EXPECT_EQ(demand.Extra(kStart + seconds(60)), 20);
  EXPECT_EQ(demand.Extra(kStart + seconds(3600)), 0);
}

TEST(DemandTest, ASmallerBurstDoesNotLowerTheMemoryOfALargeOne) {
  Demand demand;
  demand.NoteWaiting(40, kStart);
  demand.NoteWaiting(3, kStart + seconds(1));
  EXPECT_GE(demand.Extra(kStart + seconds(1)), 39);
}

}  // namespace
}  // namespace warren
