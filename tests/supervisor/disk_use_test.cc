// What metrics tell of a sandbox's disk, over an agent that the test plays.
#include "supervisor/session/disk_use.h"

#include <signal.h>

#include <atomic>

#include "tests/supervisor/fake_agent.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;

class DiskUseTest : public SessionTest {
 protected:
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    sandbox = MakeReadySandbox(worker);
  }
  void StartAgent() {
    OnLoop([&] { sandbox->agent()->Use([](const absl::Status&) {}); });
    agent.Start(launcher, launcher.Expect(LauncherRequest::kStartProcess));
    ASSERT_TRUE(Eventually([&] {
      bool up = false;
      OnLoop([&] { up = sandbox->agent()->up(); });
      return up;
    }));
  }
  void Ask() {
    OnLoop([&] { DiskUse::Ask(host, sandbox, [this] { ++answered; }); });
  }
  bool WaitForAnswers(int many) {
    return Eventually([&] { return answered >= many; });
  }
  uint64_t ExpectQuestion() {
    auto request = agent.NextRequest();
    EXPECT_TRUE(request.call().has_usage());
    return request.call().stream_id();
  }
  void Tell(uint64_t stream_id, uint64_t bytes) {
    internal::AgentEvent event;
    event.mutable_end()->set_stream_id(stream_id);
    event.mutable_end()->set_outcome(internal::StreamEnd::OK);
    event.mutable_end()->set_disk_used(bytes);
    agent.Say(event);
  }

  FakeWorker worker;
  FakeAgent agent;
  std::shared_ptr<Sandbox> sandbox;
  std::atomic<int> answered{0};
};

TEST_F(DiskUseTest, NoAgentIsStartedForIt) {
  Ask();
  EXPECT_EQ(answered, 1);
  OnLoop([&] { sandbox->agent(); });
  Ask();
  EXPECT_EQ(answered, 2);
  EXPECT_FALSE(launcher.Poll());
  EXPECT_FALSE(sandbox->ReadMetrics().has_disk_bytes());
}

TEST_F(DiskUseTest, TheAgentTellsAndThatIsNoUseOfTheSandbox) {
  StartAgent();
  Ask();
  const uint64_t stream = ExpectQuestion();
  EXPECT_FALSE(sandbox->uses().in_use());
  // It joins the one that is under way.
  Ask();
  Tell(stream, 5000);
  EXPECT_TRUE(WaitForAnswers(2));
  EXPECT_EQ(sandbox->ReadMetrics().disk_bytes(), 5000);
  Ask();
  Tell(ExpectQuestion(), ~uint64_t{0});
  EXPECT_TRUE(WaitForAnswers(3));
  EXPECT_EQ(sandbox->ReadMetrics().disk_bytes(), INT64_MAX) << "whatever it says";
}

TEST_F(DiskUseTest, WhoDoesNotAnswerIsNotWaitedForNorAskedAgain) {
  SetPace(kHasty);
  StartAgent();
  Ask();
  const uint64_t stream = ExpectQuestion();
  EXPECT_TRUE(WaitForAnswers(1));
  EXPECT_EQ(agent.NextRequest().cancel().stream_id(), stream);
  for (int i = 0; i < 100; ++i) Ask();
  EXPECT_EQ(answered, 101);
  EXPECT_FALSE(sandbox->ReadMetrics().has_disk_bytes());
  Tell(stream, 7);
  EXPECT_TRUE(Eventually([&] { return sandbox->ReadMetrics().has_disk_bytes(); }));
  SetPace(kPatient);
  Ask();
  Tell(ExpectQuestion(), 8);
  EXPECT_TRUE(WaitForAnswers(102));
  EXPECT_EQ(sandbox->ReadMetrics().disk_bytes(), 8);
}

TEST_F(DiskUseTest, AnAgentThatEndsAnswersToo) {
  StartAgent();
  Ask();
  ExpectQuestion();
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, FakeAgent::kProcess);
  EXPECT_TRUE(WaitForAnswers(1));
}

TEST_F(DiskUseTest, OfAPausedSandboxWhatWasToldLast) {
  StartAgent();
  Ask();
  Tell(ExpectQuestion(), 5000);
  EXPECT_TRUE(WaitForAnswers(1));
  std::atomic<bool> paused{false};
  sandbox->Pause([&](const absl::Status& status) { paused = status.ok(); });
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
  ASSERT_TRUE(Eventually([&] { return paused.load(); }));
  Ask();
  EXPECT_EQ(answered, 2) << "at once";
  EXPECT_EQ(sandbox->ReadMetrics().disk_bytes(), 5000);
}

}  // namespace
}  // namespace warren
