// Processes of one sandbox beside each other: started, killed and reported each by itself, on
// whatever cgroup hierarchies this kernel has. Needs root.

#include <poll.h>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/launch/harness.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// Children that have left the session of the context, and its parentage.
constexpr char kLeaveChildren[] =
    "import os, time\n"
    "for i in range(3):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork() == 0:\n"
    "            time.sleep(600)\n"
    "        os._exit(0)\n"
    "    os.wait()\n";

class ProcessesTest : public SharedLauncherTest {
 protected:
  void SetUp() override {
    SharedLauncherTest::SetUp();
    static int count = 0;
    id_ = absl::StrCat("many", ++count);
    first_ = shared_->Launch(id_, zygote_);
    ASSERT_TRUE(first_.launched()) << first_.reply.message();
    second_ = Further();
  }
  void TearDown() override {
    if (shared_->GroupExists(id_)) shared_->Destroy(id_);
    EXPECT_FALSE(shared_->GroupExists(id_));
  }

  RunningSandbox Further() {
    RunningSandbox further =
        shared_->Take(id_, shared_->WaitForReply(shared_->RequestProcess(id_, zygote_)));
    EXPECT_TRUE(further.launched()) << further.reply.message();
    return further;
  }
  static uint64_t ProcessOf(const RunningSandbox& context) {
    return context.reply.process_started().process_id();
  }
  std::string GroupOf(const RunningSandbox& context) const {
    return absl::StrCat(id_, "/p", ProcessOf(context));
  }
  // Those in the sandbox's own group: init, and what belongs to the first context.
  size_t OwnPids() const { return shared_->PidsInFreezer(id_).size(); }
  size_t PidsOf(const RunningSandbox& context) const {
    return shared_->PidsInFreezer(GroupOf(context)).size();
  }

  // Of its own for each test: what is told of an earlier one may not have been waited for.
  std::string id_;
  RunningSandbox first_;
  RunningSandbox second_;
};

TEST_F(ProcessesTest, ContextsShareTheSandboxAndNoState) {
  EXPECT_EQ(ProcessOf(first_), 1u);
  EXPECT_EQ(ProcessOf(second_), 2u);
  shared_->Output(first_, "mine = 1; open('/tmp/shared', 'w').write('for both')");
  EXPECT_EQ(shared_->Output(second_, "print('mine' in dir(), open('/tmp/shared').read())"),
            "False for both\n");
  const std::string who =
      "import os; print(os.getuid(), os.readlink('/proc/self/ns/mnt'), os.getcwd())";
  EXPECT_EQ(shared_->Output(first_, who), shared_->Output(second_, who));
  // The pid namespace is theirs together, and signals are a matter between them.
  shared_->Output(
      second_, "import os; os.kill(" +
                   std::string(shared_->Output(first_, "import os; print(os.getpid(), end='')")) +
                   ", 0)");
}

TEST_F(ProcessesTest, LimitsHoldForAllTogether) {
  EXPECT_EQ(shared_->Output(second_, "print(len(open('/proc/self/cgroup').read()) > 0)"), "True\n");
  int64_t before = first_.Stat(internal::StatFile::MEMORY_CURRENT);
  shared_->Output(second_,
                  "kept = bytearray(64 << 20)\nfor i in range(0, len(kept), 4096): kept[i] = 1");
  EXPECT_GT(first_.Stat(internal::StatFile::MEMORY_CURRENT), before + (60 << 20));
  EXPECT_EQ(first_.Stat(internal::StatFile::PIDS_CURRENT), 3) << "init and two contexts";
}

TEST_F(ProcessesTest, OutOfMemoryInOneEndsTheSandbox) {
  EXPECT_TRUE(shared_->Run(second_, "kept = []\nwhile True: kept.append(b'x' * (16 << 20))").gone);
  EXPECT_EQ(shared_->WaitForGone(id_), internal::SandboxGone::OUT_OF_MEMORY);
  // The end of the sandbox stands for the ends that were not told before it.
  auto first_ended = [&](const internal::LauncherReply& reply) {
    return reply.process_exited().sandbox_id() == id_ && reply.process_exited().process_id() == 1;
  };
  if (shared_->Arrives(first_ended, 0)) {
    EXPECT_TRUE(shared_->WaitForProcessExited(id_, 1).sandbox_ends());
  }
}

TEST_F(ProcessesTest, KillingAFurtherContextTakesItsChildrenAndNothingElse) {
  shared_->Output(first_, kLeaveChildren);
  shared_->Output(first_, "kept = 5");
  shared_->Output(second_, kLeaveChildren);
  EXPECT_EQ(PidsOf(second_), 4u);
  EXPECT_EQ(OwnPids(), 5u);
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestKill(id_, ProcessOf(second_))),
            absl::OkStatus());
  internal::ProcessExited exited = shared_->WaitForProcessExited(id_, ProcessOf(second_));
  EXPECT_EQ(exited.signal(), SIGKILL);
  EXPECT_FALSE(exited.sandbox_ends());
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(second_)); }));
  EXPECT_EQ(OwnPids(), 5u);
  EXPECT_EQ(shared_->Output(first_, "print(kept)"), "5\n");
  EXPECT_TRUE(
      absl::IsNotFound(shared_->WaitForStatus(shared_->RequestKill(id_, ProcessOf(second_)))));
}

TEST_F(ProcessesTest, KillingTheFirstContextTakesItsChildrenAndNothingElse) {
  shared_->Output(first_, kLeaveChildren);
  shared_->Output(first_, "open('/tmp/kept', 'w').write('kept')");
  shared_->Output(second_, kLeaveChildren);
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestKill(id_, 1)), absl::OkStatus());
  EXPECT_EQ(shared_->WaitForProcessExited(id_, 1).signal(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return OwnPids() == 1; })) << "init";
  EXPECT_EQ(PidsOf(second_), 4u);
  // The sandbox and its files live on, and take a third one.
  RunningSandbox third = Further();
  EXPECT_EQ(ProcessOf(third), 3u);
  EXPECT_EQ(shared_->Output(third, "print(open('/tmp/kept').read())"), "kept\n");
  EXPECT_EQ(shared_->Output(second_, "print('on')"), "on\n");
}

TEST_F(ProcessesTest, AFrozenContextEndsWithItsSandbox) {
  // What a kill leaves behind that could not thaw what it had frozen.
  shared_->Freeze(GroupOf(second_), true);
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestDestroy(id_)), absl::OkStatus());
  EXPECT_EQ(shared_->WaitForGone(id_), internal::SandboxGone::DESTROYED);
  EXPECT_FALSE(shared_->GroupExists(id_));
}

TEST_F(ProcessesTest, AContextThatExitsTakesItsChildrenAlong) {
  shared_->Output(second_, kLeaveChildren);
  EXPECT_TRUE(shared_->Run(second_, "os._exit(7)").gone);
  internal::ProcessExited exited = shared_->WaitForProcessExited(id_, ProcessOf(second_));
  EXPECT_EQ(exited.exit_code(), 7);
  EXPECT_EQ(exited.signal(), 0);
  EXPECT_GT(exited.cpu_us(), 0);
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(second_)); }));
  EXPECT_EQ(shared_->Output(first_, "print('on')"), "on\n");
}

TEST_F(ProcessesTest, AForkBombInOneIsKilledWithoutTheOther) {
  shared_->Output(first_, "kept = 5");
  shared_->StartCell(second_,
                     "import os\n"
                     "while True:\n"
                     "    try: os.fork()\n"
                     "    except OSError: pass\n");
  EXPECT_TRUE(Eventually([&] { return PidsOf(second_) > 50; }));
  EXPECT_EQ(shared_->WaitForStatus(shared_->RequestKill(id_, ProcessOf(second_))),
            absl::OkStatus());
  EXPECT_EQ(shared_->WaitForProcessExited(id_, ProcessOf(second_)).signal(), SIGKILL);
  EXPECT_TRUE(Eventually([&] { return !shared_->GroupExists(GroupOf(second_)); }));
  EXPECT_EQ(shared_->Output(first_, "print(kept)"), "5\n");
}

TEST_F(ProcessesTest, AnInterruptIsForOneContext) {
  shared_->StartCell(first_,
                     "print('begun', flush=True)\nimport time; time.sleep(1)\nprint('whole')");
  shared_->StartCell(second_, "print('begun', flush=True)\nimport time; time.sleep(600)");
  internal::LauncherRequest request;
  request.mutable_signal_process()->set_sandbox_id(id_);
  request.mutable_signal_process()->set_process_id(ProcessOf(second_));
  request.mutable_signal_process()->set_signal(internal::SignalProcess::INTERRUPT);
  // Not before the cell runs: between cells an interrupt is forgotten.
  pollfd begun = {second_.events.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&begun, 1, PatienceMs()), 1);
  EXPECT_EQ(shared_->WaitForStatus(shared_->Send(request)), absl::OkStatus());
  EXPECT_EQ(shared_->FinishCell(second_).outcome, internal::WorkerDone::INTERRUPTED);
  CellResult whole = shared_->FinishCell(first_);
  EXPECT_EQ(whole.outcome, internal::WorkerDone::OK);
  EXPECT_THAT(whole.out, HasSubstr("whole"));
}

TEST_F(ProcessesTest, AStoppedContextIsKilledAndSaidToBe) {
  EXPECT_TRUE(
      shared_->Run(second_, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)").gone);
  internal::ProcessExited exited = shared_->WaitForProcessExited(id_, ProcessOf(second_));
  EXPECT_TRUE(exited.stopped());
  EXPECT_EQ(exited.signal(), SIGSTOP);
  EXPECT_EQ(shared_->Output(first_, "print('on')"), "on\n");
}

TEST_F(ProcessesTest, RefusesWhatItCannotStart) {
  internal::LauncherRequest unknown;
  unknown.mutable_start_process()->set_sandbox_id(id_);
  unknown.mutable_start_process()->set_zygote_id(zygote_);
  EXPECT_TRUE(absl::IsInvalidArgument(shared_->WaitForStatus(shared_->Send(unknown))));
  EXPECT_TRUE(absl::IsNotFound(shared_->WaitForStatus(shared_->RequestProcess("nosuch", zygote_))));
  EXPECT_TRUE(
      absl::IsUnavailable(shared_->WaitForStatus(shared_->RequestProcess(id_, zygote_ + 1000))));
  EXPECT_TRUE(absl::IsNotFound(shared_->WaitForStatus(shared_->RequestKill(id_, 99))));
}

TEST_F(ProcessesTest, TheirNumberIsBounded) {
  // None starts before the last is asked for: those whose answer is not kept end at once.
  const std::string zygote = absl::StrCat("zygote-", zygote_);
  shared_->Freeze(zygote, true);
  std::vector<uint64_t> requests;
  for (int i = 0; i < 100; ++i) requests.push_back(shared_->RequestProcess(id_, zygote_));
  // first_ and second_ are of the 80.
  constexpr size_t kRoom = 80 - 2;
  for (size_t i = kRoom; i < requests.size(); ++i)
    EXPECT_TRUE(absl::IsResourceExhausted(shared_->WaitForStatus(requests[i]))) << i;
  shared_->Freeze(zygote, false);
  for (size_t i = 0; i < kRoom; ++i)
    EXPECT_EQ(shared_->WaitForStatus(requests[i]), absl::OkStatus()) << i;
}

// Each with a launcher of its own: it breaks the zygote.
class OrphansTest : public ::testing::Test {
 protected:
  void SetUp() override {
    launcher_ = Harness::Start();
    ASSERT_NE(launcher_, nullptr);
    zygote_ = launcher_->StartZygote();
    exits_ = launcher_->Launch("exits", zygote_);
    crashes_ = launcher_->Launch("crashes", zygote_);
    ASSERT_TRUE(exits_.launched() && crashes_.launched());
  }
  void ExpectTheirEndsAreTold() {
    EXPECT_TRUE(launcher_->Run(exits_, "import os; os._exit(3)").gone);
    EXPECT_EQ(launcher_->WaitForProcessExited("exits").exit_code(), 3);
    EXPECT_TRUE(launcher_->Run(crashes_, "import os; os.kill(os.getpid(), 11)").gone);
    EXPECT_EQ(launcher_->WaitForProcessExited("crashes").signal(), SIGSEGV);
    // Each is told once.
    EXPECT_FALSE(launcher_->Arrives(
        [](const internal::LauncherReply& reply) { return reply.has_process_exited(); }, 100));
  }
  pid_t ZygotePid() { return launcher_->PidsOf(absl::StrCat("zygote-", zygote_)).at(0); }

  std::unique_ptr<Harness> launcher_;
  uint64_t zygote_ = 0;
  RunningSandbox exits_;
  RunningSandbox crashes_;
};

TEST_F(OrphansTest, OfAZygoteThatWasReplaced) {
  EXPECT_EQ(launcher_->WaitForStatus(launcher_->RequestStopZygote(zygote_)), absl::OkStatus());
  launcher_->WaitForZygoteExited(zygote_);
  ExpectTheirEndsAreTold();
}

TEST_F(OrphansTest, OfAZygoteThatWasKilled) {
  ASSERT_EQ(KillProcess(ZygotePid(), SIGKILL), 0);
  launcher_->WaitForZygoteExited(zygote_);
  ExpectTheirEndsAreTold();
}

TEST_F(OrphansTest, OfAZygoteThatWasStopped) {
  ASSERT_EQ(KillProcess(ZygotePid(), SIGSTOP), 0);
  EXPECT_THAT(launcher_->WaitForZygoteExited(zygote_).reason(), HasSubstr("stopped by signal 19"));
  ExpectTheirEndsAreTold();
  EXPECT_TRUE(launcher_->Launch("next", launcher_->StartZygote()).launched());
}

}  // namespace
}  // namespace warren
