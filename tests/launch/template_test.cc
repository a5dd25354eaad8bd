// Zygotes of templates that cannot work, and contexts that start by exec, from a tree of the test's
// own. Needs root, and a /usr that takes id-mapped mounts.

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TemplateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (shared_) return;
    prefix_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-prefix-", ::getpid());
    fs::path share = prefix_ / "share/warren";
    fs::create_directories(share);
    fs::create_directory_symlink(fs::path(TestPrefix()) / "bin", prefix_ / "bin");
    for (const char* part : {"policies", "worker"}) {
      fs::create_directory_symlink(fs::path(TestPrefix()) / "share/warren" / part, share / part);
    }
    AddRecipe("exec", "start: EXEC preload: \"json\"");
    AddRecipe("missing-module", "preload: \"no_such_module_for_warren\"");
    AddRecipe("missing-policy", "seccomp_policy: \"nosuch\"");
    AddRecipe("missing-python", "", "/usr/bin/no-such-python");
    AddRecipe("threads", "");
    AddWarmup("threads",
              "import threading, time\nthreading.Thread(target=time.sleep, "
              "args=(60,), daemon=True).start()\n");
    AddRecipe("long-failure", "");
    AddWarmup("long-failure", "raise RuntimeError('x' * 12000 + ' the end')\n");
    AddRecipe("quoted", "preload: \"json\\\"],\\\"start\\\":\\\"exec\"");
    fs::create_directories(share / "rootfs/unbuilt");
    std::ofstream(share / "rootfs/unbuilt/recipe.textproto")
        << "name: \"unbuilt\" debian { suite: \"trixie\" } python: \"/usr/bin/python3\"\n";
    shared_ = Harness::Start({.prefix = prefix_, .template_id = "exec"});
    ASSERT_NE(shared_, nullptr);
  }
  static void TearDownTestSuite() {
    shared_.reset();
    fs::remove_all(prefix_);
  }

  static void AddRecipe(const std::string& name, const std::string& more,
                        const std::string& python = "/usr/bin/python3") {
    fs::path directory = prefix_ / "share/warren/rootfs" / name;
    fs::create_directories(directory);
    std::ofstream(directory / "recipe.textproto")
        << "name: \"" << name << "\" host { directories: \"/usr\" } python: \"" << python << "\" "
        << more << "\n";
  }
  static void AddWarmup(const std::string& name, const std::string& code) {
    std::ofstream(prefix_ / "share/warren/rootfs" / name / "warmup.py") << code;
  }
  // The message of the failure that starting this template's zygote must be.
  static std::string Failure(const std::string& template_id) {
    absl::Status status = shared_->WaitForStatus(shared_->RequestZygote(template_id));
    EXPECT_FALSE(status.ok()) << template_id;
    return std::string(status.message());
  }

  static fs::path prefix_;
  static std::unique_ptr<Harness> shared_;
};
fs::path TemplateTest::prefix_;
std::unique_ptr<Harness> TemplateTest::shared_;

TEST_F(TemplateTest, AContextThatStartsByExecRunsCodeUnderTheSameConfinement) {
  RunningSandbox sandbox = shared_->Launch("fresh", shared_->StartZygote());
  ASSERT_TRUE(sandbox.launched()) << sandbox.reply.message();
  EXPECT_EQ(shared_->Output(sandbox, "import os; print(os.getuid(), 6 * 7)"), "1000 42\n");
  for (pid_t pid : shared_->PidsOf("fresh")) {
    EXPECT_EQ(StatusField(pid, "CapEff"), "0000000000000000");
    EXPECT_EQ(StatusField(pid, "CapBnd"), "0000000000000000");
    EXPECT_EQ(StatusField(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(StatusField(pid, "Seccomp"), "2");
  }
  shared_->Destroy("fresh");
}

TEST_F(TemplateTest, HashSeedsOfExecutedContextsDiffer) {
  uint64_t zygote = shared_->StartZygote();
  std::set<std::string> hashes;
  for (int i = 0; i < 3; ++i) {
    RunningSandbox sandbox = shared_->Launch(absl::StrCat("hash", i), zygote);
    ASSERT_TRUE(sandbox.launched());
    hashes.insert(shared_->Output(sandbox, "print(hash('warren'))"));
    shared_->Destroy(sandbox.id);
  }
  EXPECT_EQ(hashes.size(), 3u);
}

TEST_F(TemplateTest, FailuresToStartNameTheirCause) {
  EXPECT_THAT(Failure("missing-module"), HasSubstr("no_such_module_for_warren"));
  EXPECT_THAT(Failure("missing-policy"), HasSubstr("\"nosuch\""));
  EXPECT_THAT(Failure("missing-python"), HasSubstr("execute: No such file"));
  EXPECT_THAT(Failure("threads"), HasSubstr("2 threads"));
  EXPECT_THAT(Failure("long-failure"), HasSubstr("the end"));
  EXPECT_THAT(Failure("unbuilt"), HasSubstr("not built"));
}

TEST_F(TemplateTest, ARecipesTextIsNoConfiguration) {
  // The quotation marks end up in the module's name.
  EXPECT_THAT(Failure("quoted"), HasSubstr("cannot import"));
}

TEST_F(TemplateTest, FailedZygotesLeaveNoGroup) {
  Failure("missing-module");
  Failure("missing-policy");
  EXPECT_TRUE(Eventually([] {
    for (const fs::path& instance : shared_->InstanceDirectories()) {
      for (const fs::directory_entry& entry : fs::directory_iterator(instance)) {
        std::string name = entry.path().filename();
        if (entry.is_directory() && !shared_->PidsOf(name).empty()) continue;
        if (entry.is_directory()) return false;
      }
    }
    return true;
  }));
}

}  // namespace
}  // namespace warren
