// The compiled policies as text, against tests/golden/policy/. A call that becomes allowed shows up
// there with its reason.

#include <fstream>
#include <iterator>

#include "runtime/policy/policy_dump.h"
#include "tests/policy/policy_testing.h"

namespace warren::testing {
namespace {

class PolicyGoldenTest : public ::testing::TestWithParam<const char*> {};

TEST_P(PolicyGoldenTest, CompilesToWhatWasReviewed) {
  config::SeccompPolicy policy = LoadOrDie(GetParam());
  auto dump = DumpPolicy(policy, CompileOrDie(policy));
  ASSERT_TRUE(dump.ok()) << dump.status();
  std::string path = absl::StrCat("tests/golden/policy/", GetParam(), ".txt");
  if (const char* update = ::getenv("WARREN_UPDATE_GOLDEN");
      update != nullptr && std::string(update) == "1") {
    std::ofstream(path) << *dump;
    return;
  }
  std::ifstream file(path);
  std::string golden((std::istreambuf_iterator<char>(file)), {});
  EXPECT_EQ(*dump, golden) << "The policy changed. When that is what you want, run this test with "
                              "WARREN_UPDATE_GOLDEN=1 and review the diff of "
                           << path;
}

INSTANTIATE_TEST_SUITE_P(Policies, PolicyGoldenTest,
                         ::testing::Values("default", "root", "agent", "zygote", "init", "relay",
                                           "fetcher", "store"),
                         [](const auto& parameter) { return std::string(parameter.param); });

}  // namespace
}  // namespace warren::testing
