#include "tests/launch/packages_testing.h"

#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace warren {

namespace fs = std::filesystem;

size_t DescriptorsOf(pid_t pid) {
  std::error_code error;
  size_t count = 0;
  for (fs::directory_iterator entry(absl::StrCat("/proc/", pid, "/fd"), error), end; entry != end;
       entry.increment(error))
    ++count;
  return count;
}

PackagesTest::PackagesTest() {
  // On a file system that can be mapped, which /tmp need not be.
  const char* mappable = std::getenv("WARREN_TEST_MAPPABLE");
  directory_ = fs::path(mappable != nullptr ? mappable : ::testing::TempDir()) /
               absl::StrCat("warren-packages-", ::getpid());
  store_ = directory_ / "var/packages";
  fs::create_directories(directory_ / "wheels");
  std::ofstream(directory_ / "wheels/some-1-py3-none-any.whl") << "no wheel";
}

PackagesTest::~PackagesTest() {
  launcher_.reset();
  fs::remove_all(directory_);
}

HarnessOptions PackagesTest::WithPackages() const {
  HarnessOptions options;
  options.relay_program = WARREN_TEST_RELAY;
  options.fetcher_program = WARREN_TEST_FETCHER;
  options.store_program = WARREN_TEST_STORE_PROGRAM;
  options.package_indexes = {(directory_ / "wheels").string()};
  options.package_store = store_.string();
  return options;
}

void PackagesTest::Start(const HarnessOptions& options) {
  launcher_ = Harness::Start(options);
  ASSERT_NE(launcher_, nullptr);
  zygote_ = launcher_->StartZygote();
}

void PackagesTest::MakeSet(const std::string& digest,
                           const std::map<std::string, std::string>& files) const {
  const fs::path tree = store_ / "sets" / digest / "tree";
  fs::create_directories(tree);
  for (const auto& [name, content] : files) {
    fs::create_directories((tree / name).parent_path());
    std::ofstream(tree / name) << content;
    if (name.starts_with("bin/")) fs::permissions(tree / name, fs::perms(0755));
  }
  // The same for all of them, as a store may well have it.
  fs::last_write_time(tree, fs::file_time_type());
}

RunningSandbox PackagesTest::Launch(const std::string& id, const std::string& profile) {
  internal::SandboxSpec spec = launcher_->Spec(id);
  spec.set_profile(profile);
  RunningSandbox sandbox = launcher_->Launch(spec, zygote_);
  EXPECT_TRUE(sandbox.launched()) << sandbox.reply.message();
  return sandbox;
}

pid_t PackagesTest::PidOf(const std::string& service) const {
  for (int number = 1; number < 20; ++number) {
    const auto pids = launcher_->PidsOf(absl::StrCat(service, "-", number));
    if (!pids.empty()) return pids[0];
  }
  return -1;
}

}  // namespace warren
