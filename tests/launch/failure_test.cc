// What the launcher makes of processes that die: a zygote, an init, itself. Needs root.

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using internal::SandboxGone;

// Each test has its own launcher: it breaks something of it.
class FailureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    launcher_ = Harness::Start();
    ASSERT_NE(launcher_, nullptr);
    zygote_ = launcher_->StartZygote();
  }

  pid_t ZygotePid(uint64_t zygote) {
    std::vector<pid_t> pids = launcher_->PidsOf(absl::StrCat("zygote-", zygote));
    EXPECT_EQ(pids.size(), 1u);
    return pids.empty() ? -1 : pids[0];
  }

  // The launcher's own child of that name.
  pid_t Child(const std::string& name) {
    for (pid_t pid : launcher_->Descendants()) {
      if (StatusField(pid, "Name") == name &&
          StatusField(pid, "PPid") == absl::StrCat(launcher_->pid()))
        return pid;
    }
    ADD_FAILURE() << "no " << name;
    return -1;
  }

  // Everything of this launcher, once it is dead.
  static void ExpectGone(const std::set<pid_t>& pids, const std::vector<fs::path>& directories) {
    EXPECT_TRUE(Eventually([&] {
      return std::none_of(pids.begin(), pids.end(),
                          [](pid_t pid) { return fs::exists(absl::StrCat("/proc/", pid)); }) &&
             std::none_of(directories.begin(), directories.end(),
                          [](const fs::path& directory) { return fs::exists(directory); });
    }));
    for (pid_t pid : pids)
      EXPECT_FALSE(fs::exists(absl::StrCat("/proc/", pid))) << pid << StatusField(pid, "Name");
    for (const fs::path& directory : directories) EXPECT_FALSE(fs::exists(directory)) << directory;
  }

  std::unique_ptr<Harness> launcher_;
  uint64_t zygote_ = 0;
};

TEST_F(FailureTest, AKilledZygoteTakesNothingAlong) {
  RunningSandbox before = launcher_->Launch("before", zygote_);
  ASSERT_TRUE(before.launched());
  launcher_->Output(before, "kept = 5");
  ASSERT_EQ(KillProcess(ZygotePid(zygote_), SIGKILL), 0);
  EXPECT_NE(launcher_->WaitForZygoteExited(zygote_).reason(), "");
  EXPECT_EQ(launcher_->Output(before, "print(kept)"), "5\n");
  absl::Status status =
      launcher_->WaitForStatus(launcher_->RequestCreate(launcher_->Spec("late"), zygote_));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(
      Eventually([&] { return !launcher_->GroupExists(absl::StrCat("zygote-", zygote_)); }));

  uint64_t next = launcher_->StartZygote();
  EXPECT_NE(next, zygote_);
  RunningSandbox after = launcher_->Launch("after", next);
  ASSERT_TRUE(after.launched()) << after.reply.message();
  EXPECT_EQ(launcher_->Output(after, "print(1)"), "1\n");
  launcher_->Destroy("before");
  launcher_->Destroy("after");
}

// The supervisor makes up for what fails by a zygote's death, if it has heard of that.
TEST_F(FailureTest, AZygotesDeathIsToldOfBeforeWhatFailsByIt) {
  auto first_told = [&](uint64_t request) {
    return launcher_->WaitFor(
        [&](const internal::LauncherReply& reply) {
          return reply.request_id() == request || reply.has_zygote_exited();
        },
        "the zygote's death, or the failure of a create");
  };
  launcher_->Freeze(absl::StrCat("zygote-", zygote_), true);
  const uint64_t asked = launcher_->RequestCreate(launcher_->Spec("asked"), zygote_);
  EXPECT_TRUE(Eventually([&] { return launcher_->GroupExists("asked"); }));
  ASSERT_EQ(KillProcess(ZygotePid(zygote_), SIGKILL), 0);
  launcher_->Freeze(absl::StrCat("zygote-", zygote_), false);
  EXPECT_TRUE(first_told(asked).reply.has_zygote_exited());
  EXPECT_TRUE(absl::IsUnavailable(launcher_->WaitForStatus(asked)));

  // Dead as it is to be asked: the request is read before its end is heard of.
  zygote_ = launcher_->StartZygote();
  const pid_t pid = ZygotePid(zygote_);
  ASSERT_EQ(KillProcess(launcher_->pid(), SIGSTOP), 0);
  EXPECT_TRUE(
      Eventually([&] { return StatusField(launcher_->pid(), "State").substr(0, 1) == "T"; }));
  const uint64_t late = launcher_->RequestCreate(launcher_->Spec("late"), zygote_);
  ASSERT_EQ(KillProcess(pid, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return StatusField(pid, "State").substr(0, 1) != "S"; }));
  ASSERT_EQ(KillProcess(launcher_->pid(), SIGCONT), 0);
  EXPECT_TRUE(first_told(late).reply.has_zygote_exited());
  EXPECT_TRUE(absl::IsUnavailable(launcher_->WaitForStatus(late)));
}

TEST_F(FailureTest, AZygoteKilledDuringForksFailsTheseOnly) {
  // Not stopped: the launcher would notice that.
  launcher_->Freeze(absl::StrCat("zygote-", zygote_), true);
  uint64_t first = launcher_->RequestCreate(launcher_->Spec("first"), zygote_);
  uint64_t second = launcher_->RequestCreate(launcher_->Spec("second"), zygote_);
  EXPECT_TRUE(Eventually([&] { return launcher_->GroupExists("second"); }));
  ASSERT_EQ(KillProcess(ZygotePid(zygote_), SIGKILL), 0);
  launcher_->Freeze(absl::StrCat("zygote-", zygote_), false);
  for (uint64_t request : {first, second}) {
    absl::Status status = launcher_->WaitForStatus(request);
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  }
  EXPECT_EQ(launcher_->WaitForGone("first"), SandboxGone::SETUP_FAILED);
  EXPECT_EQ(launcher_->WaitForGone("second"), SandboxGone::SETUP_FAILED);
  EXPECT_TRUE(launcher_->Launch("third", launcher_->StartZygote()).launched());
}

// Before its sandbox is there, after, or in between: each time at another moment.
TEST_F(FailureTest, AContextThatIsKilledDuringTheSetUpEndsItsLaunchAlone) {
  constexpr int kLaunches = 40;
  for (int i = 0; i < kLaunches; ++i) {
    const std::string id = absl::StrCat("killed", i);
    const uint64_t request = launcher_->RequestCreate(launcher_->Spec(id), zygote_);
    pid_t context = -1;
    // At once: all of it takes some milliseconds.
    for (const absl::Time end = absl::Now() + Patience(); context < 0 && absl::Now() < end;) {
      for (pid_t pid : launcher_->PidsOf(id)) {
        if (!absl::EndsWith(absl::StrCat(" ", StatusField(pid, "NSpid")), " 1")) context = pid;
      }
    }
    ASSERT_GT(context, 0);
    KillProcess(context, SIGKILL);
    const internal::LauncherReply reply = launcher_->WaitForReply(request).reply;
    if (reply.has_process_started()) {
      EXPECT_EQ(launcher_->WaitForProcessExited(id).signal(), SIGKILL);
      launcher_->Destroy(id);
    } else {
      EXPECT_NE(reply.message(), "");
      EXPECT_EQ(launcher_->WaitForGone(id), SandboxGone::SETUP_FAILED);
    }
  }
  EXPECT_TRUE(launcher_->Launch("next", zygote_).launched());
}

// Whatever it is that keeps it: the launcher goes on with everybody else.
TEST_F(FailureTest, AZygoteThatTakesNoRequestsHoldsUpNobodyElse) {
  constexpr int kSandboxes = 5;
  constexpr int kFurther = 60;
  for (int i = 0; i < kSandboxes; ++i) {
    ASSERT_TRUE(launcher_->Launch(absl::StrCat("many", i), zygote_).launched());
  }
  const uint64_t other = launcher_->StartZygote();
  // Not stopped: the launcher would notice that.
  launcher_->Freeze(absl::StrCat("zygote-", zygote_), true);
  // More forks than its socket holds.
  std::vector<uint64_t> requests;
  for (int i = 0; i < kSandboxes * kFurther; ++i) {
    requests.push_back(launcher_->RequestProcess(absl::StrCat("many", i % kSandboxes), zygote_));
  }
  // These are told so at once, and do not wait for the others.
  const absl::Status full = launcher_->WaitForStatus(requests.back());
  EXPECT_TRUE(absl::IsUnavailable(full)) << full;
  requests.pop_back();

  RunningSandbox bystander = launcher_->Launch("bystander", other);
  ASSERT_TRUE(bystander.launched()) << bystander.reply.message();
  EXPECT_EQ(launcher_->Output(bystander, "print('on')"), "on\n");
  EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestInterrupt("bystander")), absl::OkStatus());
  launcher_->Destroy("bystander");
  launcher_->Destroy("many0");

  ASSERT_EQ(KillProcess(ZygotePid(zygote_), SIGKILL), 0);
  launcher_->Freeze(absl::StrCat("zygote-", zygote_), false);
  launcher_->WaitForZygoteExited(zygote_);
  for (uint64_t request : requests) EXPECT_FALSE(launcher_->WaitForStatus(request).ok());
  EXPECT_TRUE(launcher_->Launch("next", other).launched());
}

TEST_F(FailureTest, AStoppedZygoteKeepsItsContexts) {
  RunningSandbox sandbox = launcher_->Launch("stays", zygote_);
  ASSERT_TRUE(sandbox.launched());
  pid_t zygote = ZygotePid(zygote_);
  EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestStopZygote(zygote_)), absl::OkStatus());
  launcher_->WaitForZygoteExited(zygote_);
  EXPECT_TRUE(Eventually([&] { return !fs::exists(absl::StrCat("/proc/", zygote)); }));
  EXPECT_EQ(launcher_->Output(sandbox, "print('alive')"), "alive\n");
  EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestInterrupt("stays")), absl::OkStatus());
  launcher_->Destroy("stays");
}

TEST_F(FailureTest, StoppingAZygoteThatIsNotReadyFailsItsStart) {
  // The launcher finds both requests at once: whatever holds up this test, the zygote does not
  // become ready between them.
  ASSERT_EQ(KillProcess(launcher_->pid(), SIGSTOP), 0);
  EXPECT_TRUE(
      Eventually([&] { return absl::StartsWith(StatusField(launcher_->pid(), "State"), "T"); }));
  uint64_t start = launcher_->RequestZygote(launcher_->template_id());
  // Ids are given in turn, and nothing else was asked for.
  uint64_t id = zygote_ + 1;
  uint64_t stop = launcher_->RequestStopZygote(id);
  ASSERT_EQ(KillProcess(launcher_->pid(), SIGCONT), 0);
  EXPECT_EQ(launcher_->WaitForStatus(stop), absl::OkStatus());
  EXPECT_FALSE(launcher_->WaitForStatus(start).ok());
  EXPECT_EQ(launcher_->WaitForZygoteExited(id).reason(), "stopped");
  EXPECT_TRUE(launcher_->Launch("other", zygote_).launched());
}

TEST_F(FailureTest, AKilledInitEndsItsSandboxOnly) {
  RunningSandbox first = launcher_->Launch("first", zygote_);
  RunningSandbox second = launcher_->Launch("second", zygote_);
  ASSERT_TRUE(first.launched() && second.launched());
  ASSERT_EQ(KillProcess(launcher_->InitOf("first"), SIGKILL), 0);
  EXPECT_EQ(launcher_->WaitForGone("first"), SandboxGone::INIT_DIED);
  EXPECT_FALSE(launcher_->GroupExists("first"));
  EXPECT_EQ(launcher_->Output(second, "print('on')"), "on\n");
  EXPECT_TRUE(launcher_->Launch("first", zygote_).launched()) << "the name is free again";
}

TEST_F(FailureTest, NothingIsLeftOfAKilledLauncher) {
  RunningSandbox one = launcher_->Launch("one", zygote_);
  RunningSandbox two = launcher_->Launch("two", zygote_);
  ASSERT_TRUE(one.launched() && two.launched());
  EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestNetwork("one")), absl::OkStatus());
  launcher_->Output(two,
                    "import os\nfor i in range(5):\n"
                    "    if os.fork() == 0: os.setsid(); import time; time.sleep(300)");
  std::set<pid_t> pids = launcher_->Descendants();
  std::vector<fs::path> directories = launcher_->InstanceDirectories();
  // Janitor, relay, anchor, zygote, two inits, two contexts, five children.
  EXPECT_EQ(pids.size(), 13u);
  EXPECT_FALSE(directories.empty());
  ASSERT_EQ(KillProcess(launcher_->pid(), SIGKILL), 0);
  ExpectGone(pids, directories);
}

TEST_F(FailureTest, NothingIsLeftWhenTheSupervisorCloses) {
  RunningSandbox one = launcher_->Launch("one", zygote_);
  ASSERT_TRUE(one.launched());
  // In the middle of making one more.
  launcher_->RequestCreate(launcher_->Spec("two"), zygote_);
  std::set<pid_t> pids = launcher_->Descendants();
  std::vector<fs::path> directories = launcher_->InstanceDirectories();
  EXPECT_GE(pids.size(), 5u);
  pids.insert(launcher_->pid());
  launcher_->client().CloseSocket();
  int status = -1;
  ASSERT_EQ(::waitpid(launcher_->pid(), &status, 0), launcher_->pid());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  ExpectGone(pids, directories);
}

TEST_F(FailureTest, GarbageFromTheSupervisorIsRefusedAndHurtsNothing) {
  RunningSandbox one = launcher_->Launch("one", zygote_);
  ASSERT_TRUE(one.launched());
  ASSERT_TRUE(launcher_->client().SendSerialized("\xff garbage").ok());
  // With an id that can be read (field 1: 77), and then nonsense; whole, and too long to be whole.
  for (const std::string& rest : {std::string("\xff"), std::string(200'000, 'x')}) {
    ASSERT_TRUE(launcher_->client().SendSerialized("\x08\x4d" + rest).ok());
    absl::Status status = launcher_->WaitForStatus(77);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  }
  EXPECT_EQ(launcher_->Output(one, "print('on')"), "on\n");
  launcher_->Destroy("one");
}

TEST_F(FailureTest, ADeadAnchorEndsTheLauncherAndLeavesNothing) {
  RunningSandbox one = launcher_->Launch("one", zygote_);
  ASSERT_TRUE(one.launched());
  std::set<pid_t> pids = launcher_->Descendants();
  std::vector<fs::path> directories = launcher_->InstanceDirectories();
  ASSERT_EQ(::kill(Child("memfd:warren-in"), SIGKILL), 0);
  EXPECT_TRUE(launcher_->client().WaitForExit(Patience()));
  ExpectGone(pids, directories);
}

TEST_F(FailureTest, NothingIsLeftWithoutTheJanitorEither) {
  RunningSandbox one = launcher_->Launch("one", zygote_);
  ASSERT_TRUE(one.launched());
  std::set<pid_t> pids = launcher_->Descendants();
  std::vector<fs::path> directories = launcher_->InstanceDirectories();
  ASSERT_EQ(::kill(Child("warren-janitor"), SIGKILL), 0);
  launcher_->client().CloseSocket();
  EXPECT_TRUE(launcher_->client().WaitForExit(Patience()));
  ExpectGone(pids, directories);
}

TEST(LauncherSocketTest, TheSocketOfADeadSupervisorGoesAndThatOfALivingStays) {
  fs::path directory = fs::path(::testing::TempDir()) / absl::StrCat("warren-sockets-", ::getpid());
  fs::create_directories(directory);
  HarnessOptions options;
  for (const char* name : {"dead", "alive", "file"}) {
    std::string path = (directory / name).string();
    options.socket_paths.push_back(path);
    std::ofstream(path + ".lock") << "";
    if (name == std::string("file")) {
      std::ofstream(path) << "no socket";
    } else {
      ASSERT_EQ(::mknod(path.c_str(), S_IFSOCK | 0600, 0), 0);
    }
  }
  UniqueFd alive(::open((directory / "alive.lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(alive.get(), LOCK_EX), 0);
  std::unique_ptr<Harness> launcher = Harness::Start(options);
  ASSERT_NE(launcher, nullptr);
  ASSERT_EQ(::kill(launcher->pid(), SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return !fs::exists(directory / "dead.lock"); }));
  EXPECT_FALSE(fs::exists(directory / "dead"));
  EXPECT_TRUE(fs::exists(directory / "alive"));
  EXPECT_TRUE(fs::exists(directory / "file")) << "whatever it is, it is not ours";
  launcher.reset();
  fs::remove_all(directory);
}

TEST_F(FailureTest, SignalsOfATerminalDoNotEndIt) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
    ASSERT_EQ(KillProcess(launcher_->pid(), signal), 0);
  EXPECT_TRUE(launcher_->Launch("one", zygote_).launched());
}

TEST_F(FailureTest, AnotherLauncherBesideItSharesNoUserId) {
  std::unique_ptr<Harness> other = Harness::Start();
  ASSERT_NE(other, nullptr);
  RunningSandbox mine = launcher_->Launch("same", zygote_);
  RunningSandbox theirs = other->Launch("same", other->StartZygote());
  ASSERT_TRUE(mine.launched() && theirs.launched());
  std::set<std::string> ids;
  for (const Harness* harness : {launcher_.get(), other.get()}) {
    std::vector<pid_t> pids = harness->PidsOf("same");
    EXPECT_EQ(pids.size(), 2u);
    for (pid_t pid : pids) ids.insert(StatusField(pid, "Uid"));
  }
  EXPECT_EQ(ids.size(), 4u);
  other->Stop();
  EXPECT_EQ(launcher_->Output(mine, "print('on')"), "on\n");
}

TEST_F(FailureTest, SweepsWhatADeadLauncherLeft) {
  // As of a launcher and a janitor that were killed at once: no such process, and a pid of ours
  // with another start time.
  std::vector<fs::path> left;
  for (const fs::path& instance : launcher_->InstanceDirectories()) {
    for (const std::string& name : {std::string("4194303-1"), absl::StrCat(::getpid(), "-1")}) {
      left.push_back(instance.parent_path() / name);
      ASSERT_TRUE(fs::create_directory(left.back()));
      ASSERT_TRUE(fs::create_directory(left.back() / "sandbox"));
    }
  }
  ASSERT_FALSE(left.empty());
  std::unique_ptr<Harness> next = Harness::Start();
  ASSERT_NE(next, nullptr);
  for (const fs::path& directory : left) EXPECT_FALSE(fs::exists(directory)) << directory;
  EXPECT_TRUE(launcher_->Launch("alive", zygote_).launched()) << "the living are left alone";
}

TEST(LauncherStartTest, SaysWhatIsMissing) {
  LauncherOptions options;
  options.program = absl::StrCat(TestPrefix(), "/bin/warren-launcher");
  options.prefix = ::testing::TempDir();
  options.template_store = ::testing::TempDir();
  options.cgroup_parent = absl::StrCat("warren-test-", ::getpid());
  options.max_sandboxes = 2;
  auto client = LauncherClient::Start(options);
  ASSERT_TRUE(client.ok()) << client.status();
  auto hello = (*client)->ReceiveHello(Patience());
  EXPECT_FALSE(hello.ok());
  EXPECT_TRUE(absl::StrContains(hello.status().message(), "is the installation complete"))
      << hello.status();
  EXPECT_TRUE((*client)->WaitForExit(Patience()));

  options.program = "/nonexistent/warren-launcher";
  EXPECT_TRUE(absl::IsFailedPrecondition(LauncherClient::Start(options).status()));
}

}  // namespace
}  // namespace warren
