// Sandboxes that stand still, and go on or end from there; limits that change while they live. On
// whatever cgroup hierarchies this kernel has. Needs root.

#include <poll.h>
#include <signal.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/io.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// A thread that counts for as long as it runs, and what it has come to.
constexpr char kCount[] =
    "import threading, time\n"
    "count = 0\n"
    "def tick():\n"
    "    global count\n"
    "    while True:\n"
    "        count += 1\n"
    "        time.sleep(0.001)\n"
    "threading.Thread(target=tick, daemon=True).start()\n";

// Processes and threads of the group and of those below it, by what their state is.
std::string StatesOf(const Harness& launcher, const std::string& id) {
  std::string states;
  for (pid_t pid : launcher.PidsOf(id)) absl::StrAppend(&states, StatusField(pid, "State"), " ");
  return states;
}

class PauseTest : public SharedLauncherTest {
 protected:
  void SetUp() override {
    SharedLauncherTest::SetUp();
    static int count = 0;
    id_ = absl::StrCat("paused", ++count);
    first_ = shared_->Launch(id_, zygote_);
    ASSERT_TRUE(first_.launched()) << first_.reply.message();
  }
  void TearDown() override {
    if (shared_->GroupExists(id_)) shared_->Destroy(id_);
    EXPECT_FALSE(shared_->GroupExists(id_));
  }
  absl::Status Pause() { return shared_->WaitForStatus(shared_->RequestPause(id_)); }
  absl::Status Resume() { return shared_->WaitForStatus(shared_->RequestResume(id_)); }
  RunningSandbox Further() {
    RunningSandbox further =
        shared_->Take(id_, shared_->WaitForReply(shared_->RequestProcess(id_, zygote_)));
    EXPECT_TRUE(further.launched()) << further.reply.message();
    return further;
  }
  static uint64_t ProcessOf(const RunningSandbox& context) {
    return context.reply.process_started().process_id();
  }
  // CPU time of all of it, which only what runs adds to.
  int64_t CpuTime() {
    const auto kind =
        shared_->v2() ? internal::StatFile::CPU_STAT : internal::StatFile::CPU_USAGE_USER;
    std::string text(4096, '\0');
    const ssize_t size = ::pread(first_.stats.at(kind).get(), text.data(), text.size(), 0);
    EXPECT_GT(size, 0);
    text.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
    if (shared_->v2()) text = text.substr(text.find(' ') + 1, text.find('\n') - text.find(' ') - 1);
    int64_t time = -1;
    EXPECT_TRUE(absl::SimpleAtoi(text, &time)) << text;
    return time;
  }

  std::string id_;
  RunningSandbox first_;
};

TEST_F(PauseTest, TheSameProcessesGoOnWhereTheyWere) {
  shared_->Output(first_, kCount);
  const std::vector<pid_t> before = shared_->PidsOf(id_);
  ASSERT_EQ(Pause(), absl::OkStatus());
  const int64_t then = CpuTime();
  // What is asked meanwhile is answered later.
  shared_->StartCell(first_, "print(count > 0)");
  pollfd answer{first_.events.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&answer, 1, 300), 0);
  EXPECT_EQ(CpuTime(), then);
  EXPECT_EQ(Pause(), absl::OkStatus()) << "it is paused";
  EXPECT_EQ(shared_->PidsOf(id_), before);
  ASSERT_EQ(Resume(), absl::OkStatus());
  EXPECT_EQ(shared_->FinishCell(first_).out, "True\n");
  EXPECT_EQ(shared_->PidsOf(id_), before);
  EXPECT_EQ(Resume(), absl::OkStatus()) << "it goes on";
}

TEST_F(PauseTest, AFurtherContextAndAnAgentStandStillToo) {
  RunningSandbox second = Further();
  LauncherMessage agent =
      shared_->WaitForReply(shared_->RequestProcess(id_, internal::StartProcess::AGENT));
  ASSERT_TRUE(agent.reply.has_process_started()) << agent.reply.message();
  ASSERT_EQ(Pause(), absl::OkStatus());
  shared_->StartCell(second, "print('second')");
  pollfd answer{second.events.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&answer, 1, 200), 0);
  ASSERT_EQ(Resume(), absl::OkStatus());
  EXPECT_EQ(shared_->FinishCell(second).out, "second\n");
  LauncherMessage command =
      shared_->WaitForReply(shared_->RequestProcess(id_, internal::StartProcess::COMMAND));
  EXPECT_TRUE(command.reply.has_process_started())
      << "the agent lives: " << command.reply.message();
}

TEST_F(PauseTest, NothingStartsAndNothingIsInterruptedMeanwhile) {
  RunningSandbox second = Further();
  ASSERT_EQ(Pause(), absl::OkStatus());
  for (uint64_t request : {shared_->RequestProcess(id_, zygote_), shared_->RequestInterrupt(id_)}) {
    absl::Status refused = shared_->WaitForStatus(request);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("resume it first"));
  }
  ASSERT_EQ(Resume(), absl::OkStatus());
  EXPECT_EQ(shared_->Output(second, "print('lives')"), "lives\n");
}

TEST_F(PauseTest, AKillIsCarriedOutWhenItGoesOn) {
  RunningSandbox second = Further();
  ASSERT_EQ(Pause(), absl::OkStatus());
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestKill(id_, ProcessOf(second))), absl::OkStatus());
  ASSERT_EQ(Resume(), absl::OkStatus());
  EXPECT_EQ(shared_->WaitForProcessExited(id_, ProcessOf(second)).signal(), SIGKILL);
}

TEST_F(PauseTest, IsRefusedWhileAProcessIsBeingStarted) {
  // A zygote that does not fork.
  const std::string zygote = absl::StrCat("zygote-", zygote_);
  shared_->Freeze(zygote, true);
  const uint64_t start = shared_->RequestProcess(id_, zygote_);
  absl::Status refused = Pause();
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("try again"));
  shared_->Freeze(zygote, false);
  EXPECT_TRUE(shared_->Take(id_, shared_->WaitForReply(start)).launched());
  EXPECT_EQ(Pause(), absl::OkStatus());
  EXPECT_TRUE(absl::IsNotFound(shared_->WaitForStatus(shared_->RequestPause("stranger"))));
  EXPECT_TRUE(absl::IsNotFound(shared_->WaitForStatus(shared_->RequestResume("stranger"))));
}

// A kill of the first context freezes and thaws the group of the whole sandbox.
TEST_F(PauseTest, WhatIsBeingKilledEndsAtTheResumeAndNothingElseRunsBefore) {
  RunningSandbox second = Further();
  shared_->Output(second, kCount);
  // It ends by itself, and its children have to be killed: some attempts, all of them perhaps after
  // the pause.
  shared_->StartCell(first_,
                     "import os, time\n"
                     "for i in range(40):\n"
                     "    if os.fork() == 0:\n"
                     "        time.sleep(600)\n"
                     "os._exit(3)\n");
  shared_->WaitForProcessExited(id_, 1);
  absl::Status paused = Pause();
  ASSERT_EQ(paused, absl::OkStatus());
  // On v2 a pause does not wait for what is dying, which uses a little until its end.
  int64_t then = CpuTime();
  EXPECT_TRUE(Eventually([&] {
    absl::SleepFor(absl::Milliseconds(100));
    const int64_t before = std::exchange(then, CpuTime());
    return then == before;
  })) << StatesOf(*shared_, id_);
  pollfd answer{second.events.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&answer, 1, 300), 0);
  EXPECT_EQ(CpuTime(), then) << StatesOf(*shared_, id_);
  ASSERT_EQ(Resume(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return shared_->PidsInFreezer(id_).size() == 1; })) << "init alone";
  EXPECT_EQ(shared_->Output(second, "print(count > 0)"), "True\n");
}

TEST_F(PauseTest, APausedSandboxIsDestroyed) {
  RunningSandbox second = Further();
  shared_->Output(first_, kCount);
  ASSERT_EQ(Pause(), absl::OkStatus());
  shared_->Destroy(id_);
  EXPECT_FALSE(shared_->GroupExists(id_));
}

TEST_F(PauseTest, OneThatIsBeingPausedIsDestroyed) {
  const uint64_t pause = shared_->RequestPause(id_);
  shared_->Destroy(id_);
  absl::Status status = shared_->WaitForStatus(pause);
  EXPECT_TRUE(status.ok() || absl::IsCancelled(status)) << status;
}

TEST_F(PauseTest, OneThatComputesIsPausedAndSortedAllTheSame) {
  shared_->StartCell(first_, "x = 0\nwhile x < 40_000_000: x += 1\nprint('done')");
  RunningSandbox other = shared_->Launch("beside", zygote_);
  ASSERT_TRUE(other.launched());
  // In the background, where the host leaves it enough of its processors to come to that.
  Eventually([&] { return shared_->ReadGroupFile(id_, "cpu", "cpu.idle") == "1"; },
             absl::Seconds(2));
  ASSERT_EQ(Pause(), absl::OkStatus());
  const int64_t then = CpuTime();
  EXPECT_EQ(shared_->Output(other, "import time; time.sleep(1.5); print('beside')"), "beside\n");
  EXPECT_EQ(CpuTime(), then);
  ASSERT_EQ(Resume(), absl::OkStatus());
  EXPECT_EQ(shared_->FinishCell(first_).out, "done\n");
  shared_->Destroy("beside");
}

// Many threads that wait for their quota have to run to where they can stop.
TEST_F(PauseTest, OneThatIsThrottledIsPausedAndThrottledAgain) {
  RunningSandbox slow = shared_->Launch(
      shared_->Spec("throttled", [](v1::Limits& limits) { limits.set_cpu_millis(60); }), zygote_);
  ASSERT_TRUE(slow.launched());
  shared_->StartCell(slow,
                     "import threading\n"
                     "def burn():\n"
                     "    while True: pass\n"
                     "for i in range(10): threading.Thread(target=burn, daemon=True).start()\n"
                     "burn()\n");
  EXPECT_TRUE(Eventually([&] { return slow.Stat(internal::StatFile::PIDS_CURRENT) > 6; }));
  const std::string file = shared_->v2() ? "cpu.max" : "cpu.cfs_quota_us";
  const std::string quota = shared_->ReadGroupFile("throttled", "cpu", file);
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestPause("throttled")), absl::OkStatus());
  EXPECT_EQ(shared_->ReadGroupFile("throttled", "cpu", file), quota);
  shared_->Destroy("throttled");
}

// ---- The end of everything --------------------------------------------------------------------

TEST(PauseEndTest, AShutdownEndsAPausedSandbox) {
  std::unique_ptr<Harness> launcher = Harness::Start();
  ASSERT_NE(launcher, nullptr);
  const uint64_t zygote = launcher->StartZygote();
  RunningSandbox sandbox = launcher->Launch("still", zygote);
  ASSERT_TRUE(sandbox.launched());
  launcher->Output(sandbox, kCount);
  ASSERT_EQ(launcher->WaitForStatus(launcher->RequestPause("still")), absl::OkStatus());
  launcher->Stop();
}

TEST(PauseEndTest, TheJanitorEndsAPausedSandboxOfAKilledLauncher) {
  std::unique_ptr<Harness> launcher = Harness::Start();
  ASSERT_NE(launcher, nullptr);
  const uint64_t zygote = launcher->StartZygote();
  std::vector<pid_t> pids;
  for (const char* id : {"still1", "still2"}) {
    RunningSandbox sandbox = launcher->Launch(id, zygote);
    ASSERT_TRUE(sandbox.launched());
    RunningSandbox further =
        launcher->Take(id, launcher->WaitForReply(launcher->RequestProcess(id, zygote)));
    ASSERT_TRUE(further.launched());
    for (pid_t pid : launcher->PidsOf(id)) pids.push_back(pid);
    if (launcher->v2()) {
      // A group of its own has it, and not that of the sandbox too.
      const uint64_t number = further.reply.process_started().process_id();
      for (pid_t pid : launcher->PidsOf(absl::StrCat(id, "/p", number))) pids.push_back(pid);
    }
    ASSERT_EQ(launcher->WaitForStatus(launcher->RequestPause(id)), absl::OkStatus());
  }
  ASSERT_GE(pids.size(), 6u);
  ASSERT_EQ(::kill(launcher->pid(), SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] {
    for (const fs::path& directory : launcher->InstanceDirectories()) {
      if (fs::exists(directory)) return false;
    }
    return true;
  }));
  // A group can go before its dead are reaped, and until then they are there.
  for (pid_t pid : pids) {
    EXPECT_TRUE(Eventually([&] { return KillProcess(pid, 0) != 0; })) << pid << " is left";
  }
  launcher->Stop();
}

// ---- Limits -----------------------------------------------------------------------------------

class LimitChangeTest : public PauseTest {
 protected:
  absl::Status Change(const std::function<void(v1::Limits&)>& change) {
    return shared_->WaitForStatus(shared_->RequestLimits(id_, change));
  }
  int64_t MemoryLimit() { return Number("memory", v2() ? "memory.max" : "memory.limit_in_bytes"); }
  int64_t Number(const std::string& controller, const std::string& file) {
    int64_t number = -1;
    const std::string text = shared_->ReadGroupFile(id_, controller, file);
    EXPECT_TRUE(absl::SimpleAtoi(text, &number)) << file << ": " << text;
    return number;
  }
  // Every file of the group that a limit is in.
  std::string All() {
    std::string all;
    const internal::LaunchPlan plan = shared_->Plan(shared_->Spec(id_));
    for (const internal::CgroupWrite& write : plan.cgroup()) {
      absl::StrAppend(&all, write.file(), "=",
                      shared_->ReadGroupFile(id_, write.controller(), write.file()), "\n");
    }
    return all;
  }
  static bool v2() { return shared_->v2(); }
};

TEST_F(LimitChangeTest, MemoryIsRaisedAndLoweredWithWhatBoundsItsSwap) {
  const int64_t raised = int64_t{1} << 30;
  ASSERT_EQ(Change([&](v1::Limits& limits) { limits.set_memory_bytes(raised); }), absl::OkStatus());
  EXPECT_EQ(MemoryLimit(), raised);
  if (!v2() && shared_->facts().swap_limit()) {
    EXPECT_EQ(Number("memory", "memory.memsw.limit_in_bytes"), raised);
  }
  EXPECT_EQ(shared_->Output(first_, "print(len(bytes(700 << 20)))"),
            absl::StrCat(int64_t{700} << 20, "\n"));
  const int64_t lowered = int64_t{100} << 20;
  ASSERT_EQ(Change([&](v1::Limits& limits) { limits.set_memory_bytes(lowered); }),
            absl::OkStatus());
  EXPECT_EQ(MemoryLimit(), lowered);
  EXPECT_TRUE(shared_->Run(first_, "b'x' * (300 << 20)").gone);
  EXPECT_EQ(shared_->WaitForGone(id_), internal::SandboxGone::OUT_OF_MEMORY);
}

TEST_F(LimitChangeTest, BelowWhatItUsesNothingIsChanged) {
  shared_->Output(first_,
                  "kept = bytearray(150 << 20)\nfor i in range(0, len(kept), 4096): kept[i] = 1");
  const std::string before = All();
  absl::Status refused = Change([](v1::Limits& limits) {
    limits.set_memory_bytes(100 << 20);
    limits.set_cpu_millis(500);
    limits.set_pids(20);
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat(100 << 20)));
  EXPECT_EQ(All(), before);
  shared_->Output(first_,
                  "import threading, time\n"
                  "for i in range(10): threading.Thread(target=time.sleep, args=(600,),\n"
                  "                                     daemon=True).start()");
  refused = Change([](v1::Limits& limits) { limits.set_pids(8); });
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("processes and threads"));
  EXPECT_EQ(All(), before);
  EXPECT_EQ(shared_->Output(first_, "print(len(kept) >> 20)"), "150\n") << "it lives";
}

TEST_F(LimitChangeTest, ProcessorAndProcessesFollowInAPausedSandboxToo) {
  ASSERT_EQ(Pause(), absl::OkStatus());
  ASSERT_EQ(Change([](v1::Limits& limits) {
              limits.set_cpu_millis(250);
              limits.set_pids(600);
            }),
            absl::OkStatus());
  EXPECT_EQ(shared_->ReadGroupFile(id_, "cpu", v2() ? "cpu.max" : "cpu.cfs_quota_us"),
            v2() ? "25000 100000" : "25000");
  EXPECT_EQ(Number("pids", "pids.max"), 600);
  ASSERT_EQ(Resume(), absl::OkStatus());
  // More than it was made with.
  EXPECT_EQ(shared_->Output(first_,
                            "import threading, time\n"
                            "threads = [threading.Thread(target=time.sleep, args=(600,),\n"
                            "                            daemon=True) for i in range(400)]\n"
                            "for thread in threads: thread.start()\n"
                            "print(threading.active_count() >= 400)"),
            "True\n");
}

TEST_F(LimitChangeTest, RefusesWhatThePolicyAndTheContractRefuse) {
  const std::string before = All();
  absl::Status refused = Change([](v1::Limits& limits) { limits.set_memory_bytes(1); });
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("memory_bytes"));
  refused = Change([](v1::Limits& limits) { limits.set_pids(1 << 20); });
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  refused = Change([](v1::Limits& limits) {
    limits.set_pids(100);
    limits.set_disk_bytes(1 << 30);
  });
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("disk_bytes"));
  EXPECT_EQ(All(), before);
  EXPECT_EQ(Change([](v1::Limits&) {}), absl::OkStatus());
  EXPECT_TRUE(absl::IsNotFound(
      shared_->WaitForStatus(shared_->RequestLimits("stranger", [](v1::Limits&) {}))));
}

}  // namespace
}  // namespace warren
