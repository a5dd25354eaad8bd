#include "runtime/sudo/accounts.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace warren::sudo {
namespace {

using ::testing::ElementsAre;

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/bash\n"
    "broken:x:7:8\n"
    "far:x:99999999999:1:::\n"
    "user:x:1000:1001:user:/home/user:/bin/zsh\n"
    "plain:x:33:33::/srv:\n";
constexpr char kGroup[] =
    "root:x:0:\nuser:x:1001:\nwheel:x:10:root,user\nuser2:x:11:user2\nbroken\nvideo:x:44:user\n";

TEST(AccountsTest, FindsByNameAndNumber) {
  const std::optional<Account> user = FindAccount(kPasswd, "user");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->uid, 1000u);
  EXPECT_EQ(user->gid, 1001u);
  EXPECT_EQ(user->home, "/home/user");
  EXPECT_EQ(user->shell, "/bin/zsh");
  EXPECT_EQ(FindAccount(kPasswd, "#33")->name, "plain");
  EXPECT_EQ(FindAccount(kPasswd, "plain")->shell, "/bin/sh");
  EXPECT_EQ(AccountOf(kPasswd, 1000).name, "user");
}

TEST(AccountsTest, ANumberNeedsNoName) {
  EXPECT_EQ(FindAccount(kPasswd, "#77")->uid, 77u);
  EXPECT_EQ(AccountOf("", 0).home, "/root");
  EXPECT_EQ(FindAccount("", "root")->uid, 0u);
}

TEST(AccountsTest, WhatIsNoneIsNone) {
  for (const char* who : {"", "nobody", "broken", "far", "#", "#-1", "#1x", "#4294967295", "use"})
    EXPECT_FALSE(FindAccount(kPasswd, who)) << who;
  EXPECT_FALSE(FindGroup(kGroup, "broken"));
  EXPECT_FALSE(FindGroup(kGroup, "#x"));
}

TEST(AccountsTest, GroupsAreThoseThatNameIt) {
  EXPECT_THAT(GroupsOf(kGroup, *FindAccount(kPasswd, "user")), ElementsAre(1001, 10, 44));
  EXPECT_THAT(GroupsOf("", *FindAccount(kPasswd, "user")), ElementsAre(1001));
  EXPECT_EQ(FindGroup(kGroup, "wheel"), 10u);
  EXPECT_EQ(FindGroup(kGroup, "#5"), 5u);
}

}  // namespace
}  // namespace warren::sudo
