#ifndef WARREN_TESTS_LAUNCH_PACKAGES_TESTING_H_
#define WARREN_TESTS_LAUNCH_PACKAGES_TESTING_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "tests/launch/harness.h"

namespace warren {

size_t DescriptorsOf(pid_t pid);

// One launcher with packages: its index is a directory, and its services are the tests' own.
class PackagesTest : public ::testing::Test {
 protected:
  PackagesTest();
  ~PackagesTest() override;
  void SetUp() override { Start(WithPackages()); }

  HarnessOptions WithPackages() const;
  void Start(const HarnessOptions& options);

  // A set as the store makes one.
  void MakeSet(const std::string& digest, const std::map<std::string, std::string>& files) const;
  absl::Status Mount(const std::string& id, const std::string& digest) {
    return launcher_->WaitForStatus(launcher_->RequestPackages(id, digest));
  }
  RunningSandbox Launch(const std::string& id, const std::string& profile = "");
  std::string Say(const RunningSandbox& sandbox, const std::string& expression) {
    return launcher_->Output(sandbox, absl::StrCat("print(", expression, ")"));
  }
  // Of a service's kind: the process that there is, -1 for none.
  pid_t PidOf(const std::string& service) const;

  std::filesystem::path directory_;
  std::filesystem::path store_;
  std::unique_ptr<Harness> launcher_;
  uint64_t zygote_ = 0;
};

}  // namespace warren

#endif  // WARREN_TESTS_LAUNCH_PACKAGES_TESTING_H_
