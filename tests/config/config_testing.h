#ifndef WARREN_TESTS_CONFIG_CONFIG_TESTING_H_
#define WARREN_TESTS_CONFIG_CONFIG_TESTING_H_

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/config/config_file.h"

namespace warren {

// What is wrong with a text, as people read it: "LINE:COLUMN: what; remedy". Files are not looked
// at.
inline std::vector<std::string> ProblemsOf(const std::string& text,
                                           SecretFiles secrets = SecretFiles::kLeave) {
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : CheckConfigurationText(text, secrets).problems) {
    lines.push_back(ProblemText("", problem).substr(1));
  }
  return lines;
}

// A directory of a test's own, with files of given modes.
class ConfigDirectory : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "warren-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string PathOf(const std::string& name) const { return directory_ / name; }
  // Its path.
  std::string Write(const std::string& name, const std::string& content, mode_t mode = 0640) const {
    const std::string path = PathOf(name);
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

 private:
  std::filesystem::path directory_;
};

}  // namespace warren

#endif  // WARREN_TESTS_CONFIG_CONFIG_TESTING_H_
