// Every probe of the doctor must be able to fail: each is shown a host that lacks what it looks
// for.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "nlohmann/json.hpp"
#include "runtime/base/status.h"
#include "runtime/linux/host_facts.h"
#include "tools/warren/doctor/child.h"
#include "tools/warren/doctor/report.h"

namespace warren::doctor {
namespace {

using ::testing::HasSubstr;

Finding Ask(const std::string& name, const Host& host) {
  for (const Probe& probe : AllProbes()) {
    if (probe.name == name) return probe.run(host);
  }
  ADD_FAILURE() << "no probe " << name;
  return {};
}

// A host whose /proc, /sys and /usr are a directory of the test's.
class FakeHost : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/warren-doctor-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    host_.root = name;
  }
  void TearDown() override { std::filesystem::remove_all(host_.root); }

  void Write(const std::string& path, const std::string& content) const {
    std::filesystem::path file = host_.root + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << content;
  }

  Host host_;
};

TEST_F(FakeHost, KernelTooOldOrUnreadable) {
  EXPECT_EQ(Ask("kernel", host_).verdict, Verdict::kLacks);
  Write("/proc/sys/kernel/osrelease", "5.10.0-8-amd64\n");
  EXPECT_EQ(Ask("kernel", host_).verdict, Verdict::kLacks);
  Write("/proc/sys/kernel/osrelease", "5.19.17\n");
  EXPECT_EQ(Ask("kernel", host_).verdict, Verdict::kWarn);
  Write("/proc/sys/kernel/osrelease", "6.18.1\n");
  EXPECT_EQ(Ask("kernel", host_).verdict, Verdict::kOk);
}

TEST_F(FakeHost, PrivilegeNamesTheMissingCapabilities) {
  Write("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffdfffff\n");
  Finding finding = Ask("privilege", host_);
  EXPECT_EQ(finding.verdict, Verdict::kLacks);
  EXPECT_EQ(finding.detail, "missing: CAP_SYS_ADMIN");
  Write("/proc/self/status", "CapEff:\t000001ffffffffff\n");
  EXPECT_EQ(Ask("privilege", host_).verdict, Verdict::kOk);
}

TEST_F(FakeHost, NamespaceCounts) {
  Write("/proc/sys/user/max_pid_namespaces", "90000\n");
  EXPECT_EQ(Ask("namespace-counts", host_).verdict, Verdict::kOk);
  Write("/proc/sys/user/max_user_namespaces", "0\n");
  EXPECT_EQ(Ask("namespace-counts", host_).verdict, Verdict::kLacks);
}

TEST_F(FakeHost, UserNamespaceSysctls) {
  EXPECT_EQ(Ask("userns-sysctl", host_).verdict, Verdict::kOk);
  EXPECT_EQ(Ask("userns-apparmor", host_).verdict, Verdict::kOk);
  Write("/proc/sys/kernel/unprivileged_userns_clone", "0\n");
  Write("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
  EXPECT_EQ(Ask("userns-sysctl", host_).verdict, Verdict::kLacks);
  EXPECT_EQ(Ask("userns-apparmor", host_).verdict, Verdict::kWarn);
}

TEST_F(FakeHost, NothingInstalled) {
  EXPECT_EQ(Ask("python", host_).verdict, Verdict::kWarn);
  EXPECT_EQ(Ask("templates", host_).verdict, Verdict::kWarn);
  EXPECT_EQ(Ask("idmap-store", host_).verdict, Verdict::kWarn);
  EXPECT_EQ(Ask("idmap", host_).verdict, Verdict::kWarn);
}

TEST_F(FakeHost, NoCgroups) {
  host_.facts = absl::FailedPreconditionError("no hierarchy");
  for (const char* name : {"cgroup", "cgroup-memory", "cgroup-cpu", "cgroup-cpuacct", "cgroup-pids",
                           "cgroup-writable", "swap"}) {
    EXPECT_EQ(Ask(name, host_).verdict, Verdict::kLacks) << name;
  }
  EXPECT_EQ(Ask("landlock", host_).verdict, Verdict::kWarn);
}

TEST_F(FakeHost, GroupsThatCannotBeMade) {
  internal::HostFacts facts;
  facts.set_cgroup_mode(internal::HostFacts::V2);
  for (const char* controller : {"memory", "cpu", "pids"}) {
    (*facts.mutable_controllers())[controller] = host_.root + "/sys/fs/cgroup";
  }
  host_.facts = facts;
  EXPECT_EQ(Ask("cgroup-writable", host_).verdict, Verdict::kLacks);
}

TEST_F(FakeHost, SwapWithoutAccounting) {
  internal::HostFacts facts;
  facts.set_swap_present(true);
  host_.facts = facts;
  EXPECT_EQ(Ask("swap", host_).verdict, Verdict::kLacks);
}

// The probe's answer in a child for which these system calls fail, as they do in a container that
// forbids them.
std::string VerdictWithout(const std::string& probe, std::initializer_list<int> system_calls) {
  absl::Status status = InChild([&] {
    scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
    for (int number : system_calls) {
      ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
    }
    if (::seccomp_load(filter) != 0) return absl::InternalError("seccomp_load");
    Finding finding = Ask(probe, Host());
    if (finding.verdict == Verdict::kOk) return absl::UnknownError(finding.detail);
    return absl::CancelledError(finding.verdict == Verdict::kLacks ? "lacks" : "warns");
  });
  return std::string(status.message());
}

TEST(Probes, FailWhereTheirSystemCallsFail) {
  for (const char* kind : {"user", "mount", "pid", "net", "ipc", "uts", "cgroup"}) {
    EXPECT_EQ(VerdictWithout(absl::StrCat("namespace-", kind), {SCMP_SYS(unshare)}), "lacks");
  }
  EXPECT_EQ(VerdictWithout("userns-nested", {SCMP_SYS(unshare)}), "lacks");
  EXPECT_EQ(VerdictWithout("overlay", {SCMP_SYS(mount)}), "lacks");
  EXPECT_EQ(VerdictWithout("proc", {SCMP_SYS(mount)}), "lacks");
  EXPECT_EQ(VerdictWithout("idmap", {SCMP_SYS(mount_setattr)}), "warns");
  EXPECT_EQ(VerdictWithout("seccomp", {SCMP_SYS(seccomp)}), "lacks");
  EXPECT_EQ(VerdictWithout("pidfd", {SCMP_SYS(clone3)}), "lacks");
  EXPECT_EQ(VerdictWithout("pidfd", {SCMP_SYS(setns)}), "lacks");
  EXPECT_EQ(VerdictWithout("socket lookup", {SCMP_SYS(bpf)}), "warns");
}

TEST(Probes, FewOpenFilesAreNotEnough) {
  EXPECT_TRUE(InChild([] {
                rlimit few{512, 512};
                if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return Errno("setrlimit");
                return Ask("open-files", Host()).verdict == Verdict::kLacks
                           ? absl::OkStatus()
                           : absl::UnknownError("512 files are taken for enough");
              }).ok());
}

// The host that the tests run on can run Warren: the other half of a probe that can fail.
TEST(Probes, HoldOnThisHost) {
  Host host;
  host.facts = DetectHostFacts();
  std::vector<Result> results = Examine(AllProbes(), host);
  EXPECT_TRUE(CanRun(results)) << ReportText(results);
}

// A child that is reaped has no number any more. (Once, its destructor killed pid -1: everybody.)
TEST(Children, AReapedChildIsNotKilledAgain) {
  // In a pid namespace of its own, so that a relapse harms nobody.
  absl::Status status = InChild([] {
    if (::unshare(CLONE_NEWPID) != 0) return Errno("unshare");
    return InChild([] {
      pid_t bystander = ::fork();
      if (bystander == 0) {
        ::pause();
        ::_exit(0);
      }
      absl::StatusOr<std::string> output = OutputOf({"/bin/echo", "hello"});
      if (!output.ok() || *output != "hello\n") return absl::UnknownError("no output");
      if (!InChild([] { return absl::OkStatus(); }).ok()) return absl::UnknownError("no answer");
      int wait_status = 0;
      if (::waitpid(bystander, &wait_status, WNOHANG) != 0) {
        return absl::UnknownError("a bystander was killed");
      }
      return absl::OkStatus();
    });
  });
  EXPECT_TRUE(status.ok()) << status;
}

TEST(Children, DeathWithoutAnAnswerIsAFailure) {
  EXPECT_FALSE(InChild([]() -> absl::Status { ::_exit(0); }).ok());
  EXPECT_FALSE(OutputOf({"/bin/false"}).ok());
  EXPECT_FALSE(OutputOf({"/does/not/exist"}).ok());
}

TEST(Report, SaysWhatIsWrongAndWhatToDo) {
  Probe good{"good", "claim one", "nothing", [](const Host&) { return Ok("fine"); }};
  Probe bad{"bad", "claim two", "buy another", [](const Host&) { return Lacks("broken"); }};
  std::vector<Result> results = Examine({good, bad}, Host());
  EXPECT_FALSE(CanRun(results));
  EXPECT_TRUE(CanRun(Examine({good}, Host())));
  EXPECT_THAT(ReportText(results), HasSubstr("-> buy another"));
  nlohmann::json report = nlohmann::json::parse(ReportJson(results));
  EXPECT_EQ(report["can_run"], false);
  EXPECT_EQ(report["probes"][1]["verdict"], "lacks");
}

TEST(Report, TellsThePaceToPrograms) {
  const std::string line = PaceJson({absl::Microseconds(1500), 1.5});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(nlohmann::json::parse(line),
            (nlohmann::json{{"pace", 1.5}, {"fork_ms", 1.5}, {"reference_fork_ms", 1.0}}));
}

}  // namespace
}  // namespace warren::doctor
