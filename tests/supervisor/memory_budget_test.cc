#include "supervisor/base/memory_budget.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace warren {
namespace {

TEST(MemoryBudgetTest, RefusesWhatIsOverTheLimitAndTakesItAgainLater) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.TryAdd(60));
  EXPECT_FALSE(budget.TryAdd(41));
  EXPECT_EQ(budget.used(), 60) << "a refused charge counts for nothing";
  EXPECT_TRUE(budget.TryAdd(40));
  EXPECT_TRUE(budget.exhausted());
  budget.Remove(60);
  EXPECT_FALSE(budget.exhausted());
  EXPECT_TRUE(budget.TryAdd(60));
}

TEST(MemoryBudgetTest, WhatIsThereAlreadyCountsEvenWhereItDoesNotFit) {
  MemoryBudget budget(100);
  budget.Add(150);
  EXPECT_TRUE(budget.exhausted());
  EXPECT_FALSE(budget.TryAdd(1));
  budget.Remove(60);
  EXPECT_TRUE(budget.TryAdd(1));
}

TEST(MemoryBudgetTest, APartIsBoundedByItselfAndByTheWhole) {
  MemoryBudget whole(100);
  MemoryBudget part(40, &whole);
  EXPECT_FALSE(part.TryAdd(41)) << "its own limit";
  EXPECT_EQ(whole.used(), 0);
  EXPECT_TRUE(whole.TryAdd(80));
  EXPECT_FALSE(part.TryAdd(21)) << "the whole's";
  EXPECT_EQ(part.used(), 0);
  EXPECT_TRUE(part.TryAdd(20));
  EXPECT_EQ(whole.used(), 100);
  EXPECT_TRUE(part.exhausted()) << "there is no more to be had";
  part.Remove(20);
  EXPECT_EQ(whole.used(), 80);
}

TEST(MemoryChargeTest, GivesBackWhatItHolds) {
  MemoryBudget budget(100);
  {
    MemoryCharge charge(&budget);
    charge.Add(30);
    MemoryCharge moved = std::move(charge);
    EXPECT_EQ(budget.used(), 30);
    EXPECT_TRUE(moved.TryAdd(70));
    EXPECT_FALSE(moved.TryAdd(1));
    moved.Remove(50);
    EXPECT_EQ(budget.used(), 50);
    MemoryCharge other(&budget);
    other.Add(10);
    moved = std::move(other);
    EXPECT_EQ(budget.used(), 10) << "what it held before is given back";
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(MemoryBudgetTest, IsNeverOverItsLimitWhateverTheThreadsDo) {
  MemoryBudget budget(1000);
  std::atomic<int64_t> held{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 5000; ++k) {
        const bool added = budget.TryAdd(300);
        if (budget.used() > 1000) over = true;
        if (!added) continue;
        if (held.fetch_add(300) + 300 > 1000) over = true;
        held.fetch_sub(300);
        budget.Remove(300);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(budget.used(), 0);
}

}  // namespace
}  // namespace warren
