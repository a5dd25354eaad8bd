#include "runtime/plan/package_directories.h"

#include "gmock/gmock.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(PackageDirectoriesTest, TheUsersOwnComeFirst) {
  EXPECT_THAT(
      SandboxPackageDirectories("/usr/bin/python3", "3.13.5"),
      ElementsAre("/home/user/.local/lib/python3.13/site-packages", "/opt/packages",
                  "/usr/local/lib/python3.13/dist-packages", "/usr/lib/python3.13/site-packages",
                  "/usr/lib/python3.13/dist-packages", "/usr/lib/python3/dist-packages"));
}

TEST(PackageDirectoriesTest, WhatIsNoInterpreterHasNone) {
  EXPECT_THAT(SandboxPackageDirectories("/usr/bin/python3", ""), IsEmpty());
  EXPECT_THAT(SandboxPackageDirectories("/usr/bin/python3", "3"), IsEmpty());
  EXPECT_THAT(SandboxPackageDirectories("/usr/bin/python3", "3.x"), IsEmpty());
  EXPECT_THAT(SandboxPackageDirectories("python3", "3.13.5"), IsEmpty());
}

}  // namespace
}  // namespace warren
