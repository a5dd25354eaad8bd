#include "runtime/store/space.h"

#include <future>
#include <thread>

#include "gtest/gtest.h"

namespace warren {
namespace {

TEST(Space, CountsWholeBlocks) {
  EXPECT_EQ(BlocksOf(0), 4096);
  EXPECT_EQ(BlocksOf(1), 4096);
  EXPECT_EQ(BlocksOf(4096), 4096);
  EXPECT_EQ(BlocksOf(4097), 8192);
}

TEST(Space, WhatIsNotKeptIsGivenBack) {
  Space space(100, [] {});
  {
    SpaceHold hold(space);
    EXPECT_TRUE(hold.Grow(60).ok());
    EXPECT_EQ(space.used(), 60);
  }
  EXPECT_EQ(space.used(), 0);
  {
    SpaceHold hold(space);
    EXPECT_TRUE(hold.Grow(60).ok());
    EXPECT_EQ(hold.Keep(), 60);
  }
  EXPECT_EQ(space.used(), 60);
}

TEST(Space, WhoWaitsGetsWhatHasBeenMade) {
  std::promise<void> asked;
  Space space(100, [&] { asked.set_value(); });
  space.Add(80);
  std::future<absl::Status> reserved =
      std::async(std::launch::async, [&] { return space.Reserve(30); });
  asked.get_future().wait();
  int64_t wanted = 0;
  space.Serve([&](int64_t missing) {
    wanted = missing;
    return true;
  });
  EXPECT_EQ(wanted, 10);
  space.Release(40);
  space.Serve([](int64_t) { return false; });
  EXPECT_TRUE(reserved.get().ok());
  EXPECT_EQ(space.used(), 70);
}

TEST(Space, WhoCannotHaveItIsTold) {
  std::promise<void> asked;
  Space space(100, [&] { asked.set_value(); });
  std::future<absl::Status> reserved =
      std::async(std::launch::async, [&] { return space.Reserve(101); });
  asked.get_future().wait();
  space.Serve([](int64_t) { return false; });
  EXPECT_TRUE(absl::IsResourceExhausted(reserved.get()));
  EXPECT_EQ(space.used(), 0);
}

TEST(Space, NobodyWaitsAtItsEnd) {
  std::promise<void> asked;
  Space space(100, [&] { asked.set_value(); });
  std::future<absl::Status> reserved =
      std::async(std::launch::async, [&] { return space.Reserve(101); });
  asked.get_future().wait();
  space.Stop();
  EXPECT_TRUE(absl::IsCancelled(reserved.get()));
}

}  // namespace
}  // namespace warren
