#include "runtime/plan/visible_mounts.h"

#include "gmock/gmock.h"
#include "tests/plan/plan_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

// "/usr overlay ro"
std::vector<std::string> Told(const std::string& name) {
  std::vector<std::string> told;
  for (const auto& mount : VisibleMounts(SandboxMounts(testing::Recipe(name), {}, {}))) {
    told.push_back(mount.path() + " " + mount.file_system() + (mount.read_only() ? " ro" : " rw"));
  }
  return told;
}

// That it is what a sandbox has is seen in one: tests/e2e/environment_test.cc.
TEST(VisibleMountsTest, OfATemplateOfTheHosts) {
  EXPECT_THAT(Told("base"), ElementsAre("/ overlay rw", "/dev tmpfs ro", "/dev/pts devpts rw",
                                        "/dev/shm tmpfs rw", "/opt/warren  ro", "/proc proc rw",
                                        "/proc/sys proc ro", "/usr overlay ro"));
}

TEST(VisibleMountsTest, OfABuiltTemplate) {
  EXPECT_THAT(
      Told("data-science"),
      ElementsAre("/ overlay rw", "/dev tmpfs ro", "/dev/pts devpts rw", "/dev/shm tmpfs rw",
                  "/opt/warren  ro", "/proc proc rw", "/proc/sys proc ro"));
}

}  // namespace
}  // namespace warren
