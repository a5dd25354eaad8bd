// Launch plans as text, against tests/golden/plan/: whatever changes what a sandbox is made of
// shows up there.

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/plan/plan_testing.h"

namespace warren::testing {
namespace {

void ExpectGolden(const google::protobuf::Message& message, const std::string& name) {
  std::string text;
  ASSERT_TRUE(google::protobuf::TextFormat::PrintToString(message, &text));
  std::string path = absl::StrCat("tests/golden/plan/", name, ".txt");
  if (const char* update = std::getenv("WARREN_UPDATE_GOLDEN");
      update != nullptr && std::string(update) == "1") {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  std::string golden((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(text, golden) << "The plan changed. When that is what you want, run this test with "
                             "WARREN_UPDATE_GOLDEN=1 and review the diff of "
                          << path;
}

v1::Limits CustomLimits() {
  v1::Limits limits;
  limits.set_memory_bytes(100'000'000);
  limits.set_cpu_millis(2500);
  limits.set_pids(64);
  limits.set_disk_bytes(10 << 20);
  limits.set_disk_inodes(1000);
  limits.set_open_files(128);
  limits.set_file_size_bytes(1 << 20);
  limits.set_cpu_seconds(60);
  return limits;
}

struct Case {
  const char* template_name;
  const char* host;
  const char* limits;
};

class PlanGoldenTest : public ::testing::TestWithParam<Case> {};

TEST_P(PlanGoldenTest, IsWhatWasReviewed) {
  const Case& what = GetParam();
  config::TemplateRecipe recipe = Recipe(what.template_name);
  internal::HostFacts facts = std::string(what.host) == "v1" ? V1Host() : V2Host();
  v1::Limits wanted = std::string(what.limits) == "custom" ? CustomLimits() : v1::Limits();
  auto plan = MakeLaunchPlan(Spec(recipe, wanted), recipe, Policy(), facts);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ExpectGolden(*plan, absl::StrCat(what.template_name, "-", what.host, "-", what.limits));
}

INSTANTIATE_TEST_SUITE_P(
    Plans, PlanGoldenTest,
    ::testing::Values(Case{"base", "v1", "default"}, Case{"base", "v1", "custom"},
                      Case{"base", "v2", "default"}, Case{"base", "v2", "custom"},
                      Case{"data-science", "v1", "default"}, Case{"data-science", "v1", "custom"},
                      Case{"data-science", "v2", "default"}, Case{"data-science", "v2", "custom"}),
    [](const auto& parameter) {
      std::string name = parameter.param.template_name;
      name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
      return absl::StrCat(name, "_", parameter.param.host, "_", parameter.param.limits);
    });

TEST(PlanGoldenTest, OfATemplateWhoseContextsStartByExec) {
  config::TemplateRecipe recipe = Recipe("base");
  recipe.set_start(config::TemplateRecipe::EXEC);
  auto plan = MakeLaunchPlan(Spec(recipe), recipe, Policy(), V1Host());
  ASSERT_TRUE(plan.ok()) << plan.status();
  ExpectGolden(*plan, "base-exec");
}

TEST(PlanGoldenTest, OfTheZygotes) {
  for (const char* name : {"base", "data-science"}) {
    internal::LaunchPlan mounts;
    for (const internal::MountOp& op : ZygoteMounts(Recipe(name), V2Host()))
      *mounts.add_mounts() = op;
    ExpectGolden(mounts, absl::StrCat(name, "-zygote"));
  }
}

}  // namespace
}  // namespace warren::testing
