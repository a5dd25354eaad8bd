#include "runtime/linux/cpuset.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CpusetTest, AListNamesItsProcessors) {
  EXPECT_THAT(ParseProcessors("0"), ElementsAre(0));
  EXPECT_THAT(ParseProcessors("0-3\n"), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(ParseProcessors("1,4-5,9"), ElementsAre(1, 4, 5, 9));
}

TEST(CpusetTest, WhatIsNoListNamesNone) {
  for (const char* list : {"", "\n", "x", "3-1", "1-2-3", "0,y", "-1", "0-99999999"})
    EXPECT_THAT(ParseProcessors(list), IsEmpty()) << list;
}

TEST(CpusetTest, AListIsWrittenAsTheKernelDoes) {
  for (const char* list : {"", "0", "0-1", "0-3,7", "1,4-5,9", "2,4"})
    EXPECT_EQ(FormatProcessors(ParseProcessors(list)), list);
}

}  // namespace
}  // namespace warren
