// What a sandbox says that it offers, beside what its own code finds in it.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "tests/e2e/harness.h"
#include "warren/v1/package.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using warren::v1::Environment;

class EnvironmentTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    environments_ = warren::v1::EnvironmentService::NewStub(server().channel());
    sandboxes_ = warren::v1::SandboxService::NewStub(server().channel());
  }
  Environment Get(const std::string& sandbox_id) {
    grpc::ClientContext context;
    warren::v1::GetEnvironmentRequest request;
    request.set_sandbox_id(sandbox_id);
    Environment environment;
    const grpc::Status status = environments_->GetEnvironment(&context, request, &environment);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return environment;
  }
  warren::v1::SandboxMetrics Metrics(const std::string& sandbox_id) {
    grpc::ClientContext context;
    warren::v1::GetSandboxMetricsRequest request;
    request.set_sandbox_id(sandbox_id);
    warren::v1::SandboxMetrics metrics;
    EXPECT_TRUE(sandboxes_->GetSandboxMetrics(&context, request, &metrics).ok());
    return metrics;
  }
  void Pause(const std::string& sandbox_id) {
    grpc::ClientContext context;
    warren::v1::PauseSandboxRequest request;
    request.set_sandbox_id(sandbox_id);
    warren::v1::Sandbox sandbox;
    const grpc::Status status = sandboxes_->PauseSandbox(&context, request, &sandbox);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  // A line for each.
  static std::string PackagesOf(const Environment& environment) {
    std::string told;
    for (const auto& package : environment.python_packages())
      absl::StrAppend(&told, package.name(), " ", package.version(), "\n");
    return told;
  }

 private:
  std::unique_ptr<warren::v1::EnvironmentService::Stub> environments_;
  std::unique_ptr<warren::v1::SandboxService::Stub> sandboxes_;
};

TEST_F(EnvironmentTest, ItsPackagesAreThoseThatItsCodeFinds) {
  TestSandbox sandbox(server());
  const CellRun found = sandbox.Execute(R"(
import importlib.metadata, os, re, site
own = site.getusersitepackages()
os.makedirs(own + "/My_Own.Tool-1.2.dist-info")
open(own + "/My_Own.Tool-1.2.dist-info/METADATA", "w").write("Name: My_Own.Tool\nVersion: 1.2\n")
first = {}
for each in importlib.metadata.distributions():
    first.setdefault(re.sub("[-_.]+", "-", each.name).lower(), each.version)
for name in sorted(first): print(name, first[name])
)");
  ASSERT_EQ(found.err, "");
  const Environment environment = Get(sandbox.id());
  EXPECT_EQ(environment.python_packages_incomplete(), "");
  EXPECT_THAT(PackagesOf(environment), HasSubstr("my-own-tool 1.2\n"));
  EXPECT_EQ(PackagesOf(environment), found.out);
  const CellRun interpreter = sandbox.Execute(
      "import platform, sys; print(platform.python_version(), os.path.realpath(sys.executable))");
  const CellRun told =
      sandbox.Execute(absl::StrCat("print('", environment.python_version(), "', os.path.realpath('",
                                   environment.interpreter(), "'))"));
  EXPECT_EQ(interpreter.out, told.out);
}

TEST_F(EnvironmentTest, NamesThatAreNoneDoNoHarm) {
  TestSandbox sandbox(server());
  const CellRun made = sandbox.Execute(R"(
import os, site
own = os.fsencode(site.getusersitepackages())
os.makedirs(own)
for name in (b"\xff\xfe-1", b"evil\x1b[31m-1", b"new\nline-1", b"a" * 200 + b"-1", b"v-" + b"1" * 200, b"-", b"ok-1"):
    os.mkdir(own + b"/" + name + b".dist-info")
os.symlink(b"/proc/self/root", own + b"/link-1.dist-info")
os.mkfifo(own + b"/fifo-1.egg-info")
)");
  ASSERT_EQ(made.err, "");
  const std::string told = PackagesOf(Get(sandbox.id()));
  EXPECT_THAT(told, HasSubstr("ok 1\n"));
  for (const char* name : {"evil", "new", "line", "aaaa", "v 1"})
    EXPECT_THAT(told, Not(HasSubstr(absl::StrCat("\n", name))));
}

TEST_F(EnvironmentTest, ADirectoryFullOfThemIsCutAndSaid) {
  TestSandbox sandbox(server());
  const CellRun made = sandbox.Execute(R"(
import os, site
os.makedirs(site.getusersitepackages())
for i in range(5000): os.mkdir(f"{site.getusersitepackages()}/p{i}-1.dist-info")
)");
  ASSERT_EQ(made.err, "");
  const Environment environment = Get(sandbox.id());
  EXPECT_EQ(environment.python_packages_size(), 4096);
  EXPECT_THAT(environment.python_packages_incomplete(), HasSubstr("more than 4096"));
}

TEST_F(EnvironmentTest, ItsMountsAreThoseOfItsMountinfo) {
  TestSandbox sandbox(server());
  // Of Warren's own files the type is that of the host's; of /proc what covers it is not told.
  const CellRun seen = sandbox.Execute(R"(
mounts = {}
for line in open("/proc/self/mountinfo"):
    fields = line.split()
    path, options, kind = fields[4], fields[5].split(","), fields[fields.index("-") + 1]
    if path.startswith("/proc/") and path != "/proc/sys": continue
    if path == "/opt/warren": kind = ""
    # Of the mount, or of the file system.
    read_only = "ro" in options or "ro" in fields[-1].split(",")
    mounts[path] = (kind, "ro" if read_only else "rw")
for path in sorted(mounts): print(path, *mounts[path])
)");
  ASSERT_EQ(seen.err, "");
  std::string told;
  const Environment environment = Get(sandbox.id());
  for (const auto& mount : environment.mounts()) {
    absl::StrAppend(&told, mount.path(), " ", mount.file_system(),
                    mount.read_only() ? " ro\n" : " rw\n");
  }
  EXPECT_EQ(told, seen.out);
}

TEST_F(EnvironmentTest, LimitsAndTheirUseAreThoseOfNow) {
  TestSandbox sandbox(server());
  EXPECT_FALSE(Metrics(sandbox.id()).has_disk_bytes()) << "no agent is started for metrics";
  const Environment before = Get(sandbox.id());
  EXPECT_EQ(before.profile(), sandbox.Get().profile());
  EXPECT_EQ(before.limits().disk_bytes(), sandbox.Get().limits().disk_bytes());
  EXPECT_EQ(before.use().disk_limit_bytes(), before.limits().disk_bytes());
  ASSERT_TRUE(before.use().has_disk_bytes());
  EXPECT_EQ(sandbox.Execute("open('big', 'wb').write(bytes(5 << 20)); del _").err, "");
  const int64_t after = Get(sandbox.id()).use().disk_bytes();
  EXPECT_GE(after, before.use().disk_bytes() + (5 << 20));
  EXPECT_LT(after, before.use().disk_bytes() + (6 << 20));
  EXPECT_EQ(Metrics(sandbox.id()).disk_bytes(), after);
  EXPECT_EQ(sandbox.Execute("import os; os.remove('big')").err, "");
  EXPECT_LT(Metrics(sandbox.id()).disk_bytes(), after);
}

TEST_F(EnvironmentTest, OneThatIsPausedOrDeadIsToldOfAllTheSame) {
  TestSandbox sandbox(server());
  const int64_t disk = Get(sandbox.id()).use().disk_bytes();
  Pause(sandbox.id());
  const Environment paused = Get(sandbox.id());
  EXPECT_THAT(paused.python_packages_incomplete(), HasSubstr("paused"));
  EXPECT_EQ(paused.use().disk_bytes(), disk) << "what was told last";
  EXPECT_EQ(Metrics(sandbox.id()).disk_bytes(), disk);
  EXPECT_GT(paused.features_size(), 0);

  TestSandbox dying(server());
  dying.Execute("x = [bytearray(1 << 20) for _ in range(4096)]");
  ASSERT_EQ(dying.Get().state(), warren::v1::Sandbox::DEAD);
  EXPECT_THAT(Get(dying.id()).python_packages_incomplete(), HasSubstr("dead"));
  EXPECT_FALSE(Metrics(dying.id()).has_disk_bytes());
}

}  // namespace
}  // namespace warren
