// The launcher's requests, driven as the supervisor drives them, on the real kernel. Needs root.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/linux/cpuset.h"
#include "tests/launch/harness.h"

namespace warren {
namespace {

using internal::SandboxGone;
using ::testing::HasSubstr;

class LauncherTest : public SharedLauncherTest {};

bool IsZygoteExited(const internal::LauncherReply& reply) { return reply.has_zygote_exited(); }

TEST_F(LauncherTest, ASandboxRunsCodeAndLeavesNothing) {
  RunningSandbox sandbox = shared_->Launch("one", zygote_);
  ASSERT_TRUE(sandbox.launched()) << sandbox.reply.message();
  for (const v1::StageTiming& stage : sandbox.reply.process_started().stages()) {
    RecordProperty(stage.stage() + "_us", stage.duration().nanos() / 1000);
  }
  EXPECT_EQ(shared_->Output(sandbox, "print(1 + 1)"), "2\n");
  EXPECT_EQ(shared_->Output(sandbox, "import os; print(os.getuid(), os.getcwd())"),
            "1000 /home/user\n");
  std::vector<pid_t> pids = shared_->PidsOf("one");
  EXPECT_EQ(pids.size(), 2u) << "init and the context";
  shared_->Destroy("one");
  EXPECT_FALSE(shared_->GroupExists("one"));
  // The anchor may not have waited for them yet.
  for (pid_t pid : pids) {
    EXPECT_TRUE(Eventually([&] { return StatusField(pid, "NoNewPrivs").substr(0, 1) == "N"; }))
        << pid;
  }
}

TEST_F(LauncherTest, StatesPersistBetweenCellsOfOneContextOnly) {
  RunningSandbox first = shared_->Launch("state1", zygote_);
  RunningSandbox second = shared_->Launch("state2", zygote_);
  ASSERT_TRUE(first.launched() && second.launched());
  shared_->Output(first, "kept = 41; open('/tmp/mark', 'w').write('x')");
  EXPECT_EQ(shared_->Output(first, "print(kept + 1)"), "42\n");
  EXPECT_EQ(shared_->Output(second, "import os; print('kept' in dir(), os.listdir('/tmp'))"),
            "False []\n");
  shared_->Destroy("state1");
  shared_->Destroy("state2");
}

TEST_F(LauncherTest, ManySandboxesAtOnceHaveTheirOwnIdsAndProcesses) {
  const int count = InUml() ? 4 : 16;
  std::vector<uint64_t> requests;
  for (int i = 0; i < count; ++i) {
    requests.push_back(shared_->RequestCreate(shared_->Spec(absl::StrCat("many", i)), zygote_));
  }
  std::vector<RunningSandbox> sandboxes;
  for (int i = 0; i < count; ++i) {
    sandboxes.push_back(shared_->Take(absl::StrCat("many", i), shared_->WaitForReply(requests[i])));
    ASSERT_TRUE(sandboxes.back().launched()) << sandboxes.back().reply.message();
  }
  for (const RunningSandbox& sandbox : sandboxes)
    shared_->StartCell(sandbox, "print(open('/proc/self/cgroup').read())");
  std::set<std::string> host_ids;
  std::set<pid_t> pids;
  for (const RunningSandbox& sandbox : sandboxes) {
    CellResult result = shared_->FinishCell(sandbox);
    EXPECT_EQ(result.outcome, internal::WorkerDone::OK);
    // Nothing of the host's cgroup names is visible.
    EXPECT_THAT(result.out, ::testing::Not(HasSubstr("warren")));
    for (pid_t pid : shared_->PidsOf(sandbox.id)) {
      EXPECT_TRUE(pids.insert(pid).second) << pid << " is in two groups";
      host_ids.insert(StatusField(pid, "Uid"));
    }
  }
  EXPECT_EQ(pids.size(), 2u * static_cast<size_t>(count));
  // Root and user of every sandbox are somebody else on the host.
  EXPECT_EQ(host_ids.size(), 2u * static_cast<size_t>(count));
  for (const RunningSandbox& sandbox : sandboxes) shared_->Destroy(sandbox.id);
}

TEST_F(LauncherTest, DestroyedWhileItIsBeingMade) {
  for (int i = 0; i < 10; ++i) {
    std::string id = absl::StrCat("early", i);
    uint64_t launch = shared_->RequestCreate(shared_->Spec(id), zygote_);
    uint64_t destroy = shared_->RequestDestroy(id);
    absl::Status launched = shared_->WaitForStatus(launch);
    EXPECT_TRUE(launched.ok() || absl::IsCancelled(launched)) << launched;
    EXPECT_EQ(shared_->WaitForStatus(destroy), absl::OkStatus());
    ASSERT_EQ(shared_->WaitForGone(id), SandboxGone::DESTROYED);
  }
  EXPECT_FALSE(shared_->Arrives(IsZygoteExited, 200))
      << "a cancelled launch must not end the zygote";
  RunningSandbox next = shared_->Launch("afterearly", zygote_);
  ASSERT_TRUE(next.launched()) << next.reply.message();
  EXPECT_EQ(shared_->Output(next, "print('alive')"), "alive\n");
  shared_->Destroy("afterearly");
}

TEST_F(LauncherTest, DestroyIsAcknowledgedAlsoTheSecondTimeButNotForStrangers) {
  ASSERT_TRUE(shared_->Launch("twice", zygote_).launched());
  uint64_t first = shared_->RequestDestroy("twice");
  uint64_t second = shared_->RequestDestroy("twice");
  EXPECT_EQ(shared_->WaitForStatus(first), absl::OkStatus());
  // The first may have finished already.
  absl::Status again = shared_->WaitForStatus(second);
  EXPECT_TRUE(again.ok() || absl::IsNotFound(again)) << again;
  EXPECT_EQ(shared_->WaitForGone("twice"), SandboxGone::DESTROYED);
  EXPECT_TRUE(absl::IsNotFound(shared_->WaitForStatus(shared_->RequestDestroy("twice"))));
}

TEST_F(LauncherTest, RefusesWhatItDoesNotKnow) {
  absl::Status status = shared_->WaitForStatus(shared_->RequestZygote("no\nsuch"));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("no\\nsuch")) << "escaped";

  internal::SandboxSpec spec = shared_->Spec("stranger");
  status = shared_->WaitForStatus(shared_->RequestCreate(spec, zygote_ + 1000));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  spec.set_template_id("nosuch");
  status = shared_->WaitForStatus(shared_->RequestCreate(spec, zygote_));
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_TRUE(absl::IsNotFound(shared_->WaitForStatus(shared_->RequestInterrupt("stranger"))));
  EXPECT_TRUE(absl::IsInvalidArgument(shared_->WaitForStatus(shared_->Send({}))));
  EXPECT_FALSE(shared_->GroupExists("stranger"));
}

TEST_F(LauncherTest, RefusesMalformedSandboxIds) {
  for (const std::string& id :
       {std::string(""), std::string("../up"), std::string("a/b"), std::string("Upper"),
        std::string("zygote-1"), std::string("."), std::string(65, 'a'), std::string("a\0b", 3)}) {
    internal::SandboxSpec spec = shared_->Spec("placeholder");
    spec.set_sandbox_id(id);
    absl::Status status = shared_->WaitForStatus(shared_->RequestCreate(spec, zygote_));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << '"' << id << "\": " << status;
  }
  ASSERT_TRUE(shared_->Launch("taken", zygote_).launched());
  absl::Status status =
      shared_->WaitForStatus(shared_->RequestCreate(shared_->Spec("taken"), zygote_));
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  shared_->Destroy("taken");
}

// One of its own: with these limits no sandbox can be made.
TEST(LooseLimitsTest, AFailedStepOfTheSetUpIsNamedAndLeavesNothing) {
  LoosePrefix prefix;
  std::unique_ptr<Harness> launcher =
      Harness::Start({.prefix = prefix.path(), .limits_policy = "loose"});
  ASSERT_NE(launcher, nullptr);
  uint64_t zygote = launcher->StartZygote();
  internal::SandboxSpec spec =
      launcher->Spec("broken", [](v1::Limits& limits) { limits.set_disk_inodes(1); });
  absl::Status status = launcher->WaitForStatus(launcher->RequestCreate(spec, zygote));
  EXPECT_THAT(std::string(status.message()), HasSubstr("make directory /layer/up"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("No space left"));
  EXPECT_EQ(launcher->WaitForGone("broken"), SandboxGone::SETUP_FAILED);
  EXPECT_FALSE(launcher->GroupExists("broken"));
  EXPECT_FALSE(launcher->Arrives(IsZygoteExited, 100));

  // Whether the set-up or the context is the first to need more.
  spec = launcher->Spec("small", [](v1::Limits& limits) { limits.set_memory_bytes(64 << 10); });
  launcher->WaitForReply(launcher->RequestCreate(spec, zygote));
  EXPECT_EQ(launcher->WaitForGone("small"), SandboxGone::OUT_OF_MEMORY);
  EXPECT_FALSE(launcher->GroupExists("small"));
}

TEST_F(LauncherTest, InterruptEndsTheCellOnly) {
  RunningSandbox sandbox = shared_->Launch("interrupted", zygote_);
  ASSERT_TRUE(sandbox.launched());
  shared_->StartCell(sandbox, "print('begun', flush=True)\nimport time; time.sleep(600)");
  // Not before the cell runs: between cells an interrupt is forgotten.
  pollfd begun = {sandbox.events.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&begun, 1, PatienceMs()), 1);
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestInterrupt("interrupted")), absl::OkStatus());
  EXPECT_EQ(shared_->FinishCell(sandbox).outcome, internal::WorkerDone::INTERRUPTED);
  EXPECT_EQ(shared_->Output(sandbox, "print('on')"), "on\n");
  shared_->Destroy("interrupted");
}

TEST_F(LauncherTest, ASandboxIsInTheBackgroundWhileItComputes) {
  auto idle = [&](const char* id) { return shared_->ReadGroupFile(id, "cpu", "cpu.idle"); };
  // What its making took does not count, where it took no more than is usual on this host.
  bool calm_at_once = false;
  for (int i = 0; i < 5 && !calm_at_once; ++i) {
    ASSERT_TRUE(shared_->Launch("made", zygote_).launched());
    calm_at_once = idle("made") == "0";
    shared_->Destroy("made");
  }
  EXPECT_TRUE(calm_at_once);
  RunningSandbox busy = shared_->Launch("busy", zygote_);
  RunningSandbox calm = shared_->Launch("calm", zygote_);
  ASSERT_TRUE(busy.launched() && calm.launched());
  shared_->StartCell(busy, "print('begun', flush=True)\nwhile True: pass");
  pollfd begun = {busy.events.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&begun, 1, PatienceMs()), 1);
  EXPECT_TRUE(Eventually([&] { return idle("busy") == "1" && idle("calm") == "0"; }));
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestInterrupt("busy")), absl::OkStatus());
  EXPECT_EQ(shared_->FinishCell(busy).outcome, internal::WorkerDone::INTERRUPTED);
  EXPECT_TRUE(Eventually([&] { return idle("busy") == "0"; }));
  shared_->Destroy("busy");
  shared_->Destroy("calm");
}

// Some sandboxes compute and one answers cell after cell.
class SpareProcessorTest : public LauncherTest {
 protected:
  void SetUp() override {
    LauncherTest::SetUp();
    all_ = ProcessorsOf("");
    processors_ = static_cast<int>(ParseProcessors(all_).size());
    calm_ = shared_->Launch("calm", zygote_);
    ASSERT_TRUE(calm_.launched());
  }
  void TearDown() override {
    EXPECT_EQ(ProcessorsOf("calm"), all_);
    for (const std::string& id : busy_) shared_->Destroy(id);
    shared_->Destroy("calm");
    LauncherTest::TearDown();
  }
  // Returns when it is in the background.
  void StartComputing(const std::string& id, int cpu_millis) {
    RunningSandbox busy = shared_->Launch(
        shared_->Spec(id, [&](v1::Limits& limits) { limits.set_cpu_millis(cpu_millis); }), zygote_);
    ASSERT_TRUE(busy.launched());
    busy_.push_back(id);
    shared_->StartCell(busy, "while True: pass");
    computing_.push_back(std::move(busy));
    EXPECT_TRUE(Eventually([&] { return shared_->ReadGroupFile(id, "cpu", "cpu.idle") == "1"; }));
  }
  // A sixteenth of a processor where it takes 50 ms or less: work, and far from computing.
  void Answer() {
    const auto begin = std::chrono::steady_clock::now();
    shared_->Output(calm_, "for n in range(50_000): pass");
    // No longer than the launcher remembers that it answers.
    std::this_thread::sleep_for(std::min<std::chrono::steady_clock::duration>(
        15 * (std::chrono::steady_clock::now() - begin), std::chrono::milliseconds(800)));
  }
  // Nothing where the launcher has no use for the controller: then all of them are the same.
  std::string ProcessorsOf(const std::string& id) {
    if (!HasCpuset(shared_->facts())) return "";
    const auto& controllers = shared_->facts().controllers();
    const auto on_the_mount =
        std::count_if(controllers.begin(), controllers.end(),
                      [&](const auto& entry) { return entry.second == controllers.at("cpuset"); });
    if (!shared_->v2() && on_the_mount > 1) return "";
    return shared_->ReadGroupFile(
        id, "cpuset", shared_->v2() ? "cpuset.cpus.effective" : "cpuset.effective_cpus");
  }

  std::string all_;
  int processors_ = 0;
  RunningSandbox calm_;
  std::vector<RunningSandbox> computing_;
  std::vector<std::string> busy_;
};

TEST_F(SpareProcessorTest, IsLeftWhereWhatComputesFitsOnTheOthers) {
  StartComputing("busy", 900);
  std::vector<int> but_one = ParseProcessors(all_);
  if (processors_ > 1) but_one.pop_back();
  const std::string fewer = processors_ > 1 ? FormatProcessors(but_one) : all_;
  EXPECT_TRUE(Eventually([&] {
    Answer();
    return ProcessorsOf("busy") == fewer;
  }));
  // With nobody beside it, it has them all back.
  shared_->Destroy("calm");
  EXPECT_TRUE(Eventually([&] { return ProcessorsOf("busy") == all_; }));
  calm_ = shared_->Launch("calm", zygote_);
}

TEST_F(SpareProcessorTest, IsNotLeftWhereThatWouldCost) {
  StartComputing("busy", std::max(processors_, 1) * 1000);
  // Some looks of the launcher's.
  for (int i = 0; i < 40; ++i) {
    Answer();
    EXPECT_EQ(ProcessorsOf("busy"), all_);
  }
}

TEST_F(LauncherTest, TheEndOfAContextIsReported) {
  RunningSandbox exits = shared_->Launch("exits", zygote_);
  RunningSandbox dies = shared_->Launch("dies", zygote_);
  ASSERT_TRUE(exits.launched() && dies.launched());
  EXPECT_TRUE(shared_->Run(exits, "import os; os._exit(3)").gone);
  internal::ProcessExited exited = shared_->WaitForProcessExited("exits");
  EXPECT_EQ(exited.exit_code(), 3);
  EXPECT_EQ(exited.signal(), 0);
  EXPECT_TRUE(shared_->Run(dies, "import os; os.kill(os.getpid(), 9)").gone);
  exited = shared_->WaitForProcessExited("dies");
  EXPECT_EQ(exited.exit_code(), 0);
  EXPECT_EQ(exited.signal(), SIGKILL);
  shared_->Destroy("exits");
  shared_->Destroy("dies");
}

// One launcher of its own: it has room for two sandboxes.
TEST(LauncherSlotsTest, AreGivenBack) {
  std::unique_ptr<Harness> launcher = Harness::Start({.max_sandboxes = 2});
  ASSERT_NE(launcher, nullptr);
  EXPECT_EQ(launcher->facts().slots(), 2);
  uint64_t zygote = launcher->StartZygote();
  ASSERT_TRUE(launcher->Launch("a", zygote).launched());
  ASSERT_TRUE(launcher->Launch("b", zygote).launched());
  absl::Status status =
      launcher->WaitForStatus(launcher->RequestCreate(launcher->Spec("c"), zygote));
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("--max-sandboxes"));
  launcher->Destroy("a");
  EXPECT_TRUE(launcher->Launch("c", zygote).launched());
}

}  // namespace
}  // namespace warren
