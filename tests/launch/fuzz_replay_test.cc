// The corpora as unit tests, with every truncation of each of their files.

#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/launch/fuzz_targets.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

struct Target {
  const char* corpus;
  void (*run)(const uint8_t*, size_t);
};

class LaunchFuzzReplayTest : public ::testing::TestWithParam<Target> {};

TEST_P(LaunchFuzzReplayTest, NoInputBreaksAnInvariant) {
  int files = 0;
  fs::path directory = absl::StrCat("tests/launch/corpus/", GetParam().corpus);
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    SCOPED_TRACE(entry.path());
    std::ifstream file(entry.path(), std::ios::binary);
    std::string data((std::istreambuf_iterator<char>(file)), {});
    for (size_t size = 0; size <= data.size(); ++size) {
      // A copy of its own, so that AddressSanitizer sees a step beyond its end.
      std::vector<uint8_t> cut(data.begin(), data.begin() + static_cast<ptrdiff_t>(size));
      GetParam().run(cut.data(), cut.size());
    }
    ++files;
  }
  EXPECT_GT(files, 2) << "an empty corpus tests nothing";
}

INSTANTIATE_TEST_SUITE_P(Targets, LaunchFuzzReplayTest,
                         ::testing::Values(Target{"zygote_message", FuzzZygoteMessage},
                                           Target{"launch_plan", FuzzLaunchPlan}),
                         [](const auto& parameter) { return std::string(parameter.param.corpus); });

}  // namespace
}  // namespace warren
