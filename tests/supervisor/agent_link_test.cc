// The supervisor's end of an agent, over a launcher and an agent that the test plays.
#include "supervisor/session/agent_link.h"

#include <signal.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "runtime/control/agent_stream.h"
#include "tests/supervisor/fake_agent.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::StreamEnd;

// Notes what it hears, in words.
class NotingListener final : public AgentStreamListener, public AgentCommandListener {
 public:
  void OnData(internal::StreamData& data) override { Note("data " + data.data().substr(0, 8)); }
  void OnEntry(internal::StreamEntry& entry) override { Note("entry " + entry.file().path()); }
  void OnWatchEvent(internal::StreamWatchEvent& event) override { Note("watch " + event.path()); }
  void OnCredit(uint32_t bytes) override { Note("credit " + std::to_string(bytes)); }
  void OnEnd(StreamEnd& end) override { Note("end " + StreamEnd::Outcome_Name(end.outcome())); }
  void OnAgentGone(const absl::Status&) override { Note("gone"); }
  void OnStarted(int32_t pid) override { Note("started " + std::to_string(pid)); }
  void OnFailed(const internal::CommandFailed& failed) override {
    Note("failed " + internal::CommandFailed::Step_Name(failed.step()));
  }
  void OnAgentGone() override { Note("gone"); }

  std::vector<std::string> heard() const {
    std::lock_guard lock(mu_);
    return heard_;
  }
  bool WaitFor(const std::string& what) const {
    return Eventually([&] {
      const auto all = heard();
      return std::find(all.begin(), all.end(), what) != all.end();
    });
  }

 private:
  void Note(std::string what) {
    std::lock_guard lock(mu_);
    heard_.push_back(std::move(what));
  }
  mutable std::mutex mu_;
  std::vector<std::string> heard_;
};

class AgentLinkTest : public SessionTest {
 protected:
  explicit AgentLinkTest(int descriptors = 1000)
      : SessionTest(int64_t{1} << 30, /*further_contexts=*/1000, descriptors) {}

  struct Used {
    std::atomic<int> calls{0};
    absl::Status status;
  };
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    sandbox = MakeReadySandbox(worker);
    agent_link = sandbox->agent();
  }
  void TearDown() override {
    EndSandbox();
    SessionTest::TearDown();
  }
  std::shared_ptr<Used> Use() {
    auto used = std::make_shared<Used>();
    OnLoop([&] {
      agent_link->Use([used](absl::Status status) {
        used->status = std::move(status);
        ++used->calls;
      });
    });
    return used;
  }
  static absl::Status Wait(const Used& used) {
    if (!Eventually([&] { return used.calls > 0; })) return absl::DeadlineExceededError("nothing");
    return used.status;
  }
  void StartAgent(uint64_t process_id = FakeAgent::kProcess) {
    auto used = Use();
    agent.Start(launcher, launcher.Expect(LauncherRequest::kStartProcess), process_id);
    EXPECT_EQ(Wait(*used), absl::OkStatus());
  }
  uint64_t OpenStream(std::shared_ptr<NotingListener> listener) {
    uint64_t id = 0;
    OnLoop([&] {
      internal::FileCall call;
      call.mutable_read()->set_path("/x");
      auto opened = agent_link->OpenStream(call, std::move(listener));
      EXPECT_TRUE(opened.ok()) << opened.status();
      if (opened.ok()) id = *opened;
    });
    EXPECT_EQ(agent.NextRequest().call().stream_id(), id);
    return id;
  }
  void SayData(uint64_t stream_id, size_t bytes) {
    internal::AgentEvent event;
    event.mutable_data()->set_stream_id(stream_id);
    event.mutable_data()->set_data(std::string(bytes, 'x'));
    agent.Say(event);
  }
  void SendData(uint64_t stream_id, size_t bytes) {
    OnLoop([&] {
      EXPECT_EQ(agent_link->SendData(stream_id, std::string(bytes, 'y'), false), absl::OkStatus());
    });
    EXPECT_EQ(agent.NextRequest().data().data().size(), bytes);
  }
  // It is killed, and told as ended.
  void ExpectLost(uint64_t process_id = FakeAgent::kProcess) {
    auto request = launcher.Expect(LauncherRequest::kSignalProcess);
    EXPECT_EQ(request.signal_process().process_id(), process_id);
    EXPECT_EQ(request.signal_process().signal(), internal::SignalProcess::KILL);
    launcher.ReplyOk(request);
    EXPECT_TRUE(Eventually([&] { return agent.Abandoned(); }));
    EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 0; }));
    launcher.SendProcessExited("sb1", 0, SIGKILL, false, process_id);
  }

  FakeWorker worker;
  FakeAgent agent;
  std::shared_ptr<Sandbox> sandbox;
  std::shared_ptr<AgentLink> agent_link;
};

TEST_F(AgentLinkTest, OneIsStartedByItsFirstUseAndByAllThatComeMeanwhile) {
  Settle();
  EXPECT_FALSE(launcher.Poll()) << "nobody has used it";
  auto first = Use();
  auto second = Use();
  auto request = launcher.Expect(LauncherRequest::kStartProcess);
  EXPECT_EQ(request.start_process().kind(), internal::StartProcess::AGENT);
  Settle();
  EXPECT_FALSE(launcher.Poll()) << "one is enough";
  EXPECT_EQ(first->calls, 0);
  agent.Start(launcher, request);
  EXPECT_EQ(Wait(*first), absl::OkStatus());
  EXPECT_EQ(Wait(*second), absl::OkStatus());
  EXPECT_EQ(Use()->calls, 1) << "in place";
  EXPECT_EQ(host.process_descriptors.taken(), AgentLink::kDescriptors);
}

TEST_F(AgentLinkTest, OneThatCannotBeStartedFailsAllUsesAndTheNextTriesAgain) {
  auto first = Use();
  auto second = Use();
  launcher.Reply(launcher.Expect(LauncherRequest::kStartProcess), absl::InternalError("no"));
  EXPECT_TRUE(absl::IsUnavailable(Wait(*first)));
  EXPECT_TRUE(absl::IsUnavailable(Wait(*second)));
  EXPECT_EQ(host.process_descriptors.taken(), 0);
  StartAgent();
}

TEST_F(AgentLinkTest, CommandsAndStreamsHearWhatIsTheirs) {
  StartAgent();
  auto command = std::make_shared<NotingListener>();
  auto stream = std::make_shared<NotingListener>();
  OnLoop([&] {
    internal::StartCommand start;
    start.set_process_id(5);
    EXPECT_EQ(agent_link->StartCommand(start, command), absl::OkStatus());
  });
  EXPECT_EQ(agent.NextRequest().start().process_id(), 5u);
  const uint64_t id = OpenStream(stream);
  agent.SayStarted(5, 77);
  SayData(id, 8);
  SendData(id, 9);
  internal::AgentEvent event;
  event.mutable_credit()->set_stream_id(id);
  event.mutable_credit()->set_bytes(9);
  agent.Say(event);
  event.mutable_end()->set_stream_id(id);
  event.mutable_end()->set_outcome(StreamEnd::OK);
  agent.Say(event);
  EXPECT_TRUE(stream->WaitFor("end OK"));
  EXPECT_THAT(stream->heard(), ::testing::ElementsAre("data xxxxxxxx", "credit 9", "end OK"));
  EXPECT_THAT(command->heard(), ::testing::ElementsAre("started 77"));
}

TEST_F(AgentLinkTest, WhatBreaksTheProtocolEndsIt) {
  const std::vector<std::function<void()>> breaches = {
      [&] { agent.SayBytes(std::string("\0\0\0\0", 4)); },
      [&] { agent.SayBytes("\xff\xff\xff\x7f"); },
      [&] { agent.SayBytes(std::string("\1\0\0\0\xff", 5)); },
      [&] { agent.SayStarted(9); },
      [&] { SayData(99, 1); },
      [&] {
        internal::AgentEvent event;
        event.mutable_end()->set_stream_id(99);
        event.mutable_end()->set_outcome(StreamEnd::OK);
        agent.Say(event);
      }};
  uint64_t process_id = FakeAgent::kProcess;
  for (const auto& breach : breaches) {
    StartAgent(++process_id);
    auto stream = std::make_shared<NotingListener>();
    OpenStream(stream);
    breach();
    EXPECT_TRUE(stream->WaitFor("gone"));
    ExpectLost(process_id);
  }
}

TEST_F(AgentLinkTest, MoreThanItHasCreditForBreaksTheProtocol) {
  StartAgent();
  auto stream = std::make_shared<NotingListener>();
  const uint64_t id = OpenStream(stream);
  for (int64_t sent = 0; sent < kStreamWindow; sent += 32 << 10) SayData(id, 32 << 10);
  OnLoop([&] { agent_link->GiveCredit(id, 100); });
  EXPECT_EQ(agent.NextRequest().credit().bytes(), 100u);
  SayData(id, 100);
  Settle();
  EXPECT_FALSE(agent.Abandoned());
  SayData(id, 1);
  EXPECT_TRUE(stream->WaitFor("gone"));
  ExpectLost();
}

TEST_F(AgentLinkTest, CreditForMoreThanItWasSentBreaksTheProtocol) {
  StartAgent();
  auto stream = std::make_shared<NotingListener>();
  const uint64_t id = OpenStream(stream);
  SendData(id, 10);
  internal::AgentEvent event;
  event.mutable_credit()->set_stream_id(id);
  event.mutable_credit()->set_bytes(10);
  agent.Say(event);
  EXPECT_TRUE(stream->WaitFor("credit 10"));
  event.mutable_credit()->set_bytes(1);
  agent.Say(event);
  EXPECT_TRUE(stream->WaitFor("gone"));
  ExpectLost();
}

TEST_F(AgentLinkTest, ItsEndIsToldAndTheNextUseStartsAnother) {
  StartAgent();
  auto stream = std::make_shared<NotingListener>();
  auto command = std::make_shared<NotingListener>();
  OpenStream(stream);
  OnLoop([&] {
    internal::StartCommand start;
    start.set_process_id(5);
    EXPECT_EQ(agent_link->StartCommand(start, command), absl::OkStatus());
  });
  // Its last words are heard.
  agent.SayStarted(5);
  launcher.SendProcessExited("sb1", 1, 0, false, FakeAgent::kProcess);
  EXPECT_TRUE(stream->WaitFor("gone"));
  EXPECT_THAT(command->heard(), ::testing::ElementsAre("started 7"));
  OnLoop([&] {
    EXPECT_TRUE(absl::IsUnavailable(agent_link->Send({})));
    EXPECT_FALSE(agent_link->up());
  });
  StartAgent(FakeAgent::kProcess + 1);
}

TEST_F(AgentLinkTest, WhoUsesItWhileItEndsGetsTheNext) {
  StartAgent();
  agent.CloseAll();
  auto kill = launcher.Expect(LauncherRequest::kSignalProcess);
  auto used = Use();
  Settle();
  EXPECT_EQ(used->calls, 0);
  EXPECT_FALSE(launcher.Poll()) << "the launcher would say that there is one";
  launcher.Reply(kill, absl::NotFoundError("no such process"));
  launcher.SendProcessExited("sb1", 0, SIGKILL, false, FakeAgent::kProcess);
  agent.Start(launcher, launcher.Expect(LauncherRequest::kStartProcess), FakeAgent::kProcess + 1);
  EXPECT_EQ(Wait(*used), absl::OkStatus());
}

TEST_F(AgentLinkTest, OneThatEndsAgainAndAgainIsNotStartedAgain) {
  for (size_t i = 0; i < AgentLink::kMaxStarts; ++i) {
    StartAgent(FakeAgent::kProcess + i);
    launcher.SendProcessExited("sb1", 1, 0, false, FakeAgent::kProcess + i);
    EXPECT_TRUE(Eventually([&] { return agent.Abandoned(); }));
  }
  EXPECT_TRUE(absl::IsUnavailable(Wait(*Use())));
  EXPECT_FALSE(launcher.Poll());
}

TEST_F(AgentLinkTest, WhatItDoesNotReadIsBounded) {
  StartAgent();
  internal::AgentRequest request;
  request.mutable_data()->set_stream_id(1);
  request.mutable_data()->set_data(std::string(256 << 10, 'x'));
  OnLoop([&] {
    absl::Status status;
    int sent = 0;
    while (sent < 100 && (status = agent_link->Send(request)).ok()) ++sent;
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_GE(sent, 31);
    EXPECT_LE(sent, 34);
  });
  EXPECT_GT(budget.used(), 7 << 20);
  // It reads on, and gets all of them.
  for (int i = 0; i < 31; ++i) EXPECT_EQ(agent.NextRequest().data().data().size(), 256u << 10);
  EXPECT_TRUE(Eventually([&] { return budget.used() == 0; }));
}

TEST_F(AgentLinkTest, TheEndOfTheSandboxEndsItForGood) {
  StartAgent();
  auto stream = std::make_shared<NotingListener>();
  OpenStream(stream);
  launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
  EXPECT_TRUE(stream->WaitFor("gone"));
  EXPECT_TRUE(absl::IsFailedPrecondition(Wait(*Use())));
  EXPECT_EQ(host.process_descriptors.taken(), 0);
}

TEST_F(AgentLinkTest, TheEndOfTheSandboxFailsWhoWaits) {
  auto used = Use();
  auto request = launcher.Expect(LauncherRequest::kStartProcess);
  launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
  EXPECT_TRUE(absl::IsFailedPrecondition(Wait(*used)));
  launcher.Reply(request, absl::NotFoundError("no such sandbox"));
  EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 0; }));
}

class NoDescriptorsTest : public AgentLinkTest {
 protected:
  NoDescriptorsTest() : AgentLinkTest(/*descriptors=*/1) {}
};

TEST_F(NoDescriptorsTest, WithoutDescriptorsNoneIsStarted) {
  EXPECT_TRUE(absl::IsResourceExhausted(Wait(*Use())));
  EXPECT_FALSE(launcher.Poll());
  EXPECT_EQ(host.process_descriptors.taken(), 0);
}

// ---- Root for those inside --------------------------------------------------------------------

class RootCommandsTest : public AgentLinkTest {
 protected:
  void SayWanted() {
    internal::AgentEvent event;
    event.mutable_root_wanted();
    agent.Say(event);
  }
  LauncherRequest ExpectOffer() {
    SayWanted();
    return launcher.Expect(LauncherRequest::kStartProcess);
  }
  // What comes is closed: its streams are those of who waits.
  void Serve(uint64_t process_id) {
    const LauncherRequest request = ExpectOffer();
    launcher.ReplyWith(request, process_id, {});
    EXPECT_EQ(agent.NextRequest().start().process_id(), process_id);
    agent.SayStarted(process_id);
  }
};

TEST_F(RootCommandsTest, WhoWantsOneGetsWhatTheLauncherOffers) {
  StartAgent();
  const LauncherRequest request = ExpectOffer();
  EXPECT_EQ(request.start_process().sandbox_id(), "sb1");
  EXPECT_EQ(request.start_process().kind(), internal::StartProcess::COMMAND);
  EXPECT_EQ(request.start_process().profile(), "root");
  launcher.ReplyWith(request, 7, {});
  const internal::StartCommand start = agent.NextRequest().start();
  EXPECT_EQ(start.process_id(), 7u);
  EXPECT_TRUE(start.serves_sudo());
  EXPECT_EQ(start.argv_size(), 0) << "what is executed is said inside";
  agent.SayStarted(7);
  Serve(8);
}

TEST_F(RootCommandsTest, WhatTheLauncherRefusesIsSaidToWhoWaits) {
  StartAgent();
  launcher.Reply(ExpectOffer(), absl::InvalidArgumentError("grants no profile"));
  EXPECT_THAT(agent.NextRequest().refuse_root().reason(), ::testing::HasSubstr("grants no root"));
  launcher.Reply(ExpectOffer(), absl::ResourceExhaustedError(std::string(9000, 'x')));
  const std::string reason = agent.NextRequest().refuse_root().reason();
  EXPECT_THAT(reason, ::testing::HasSubstr("xxx"));
  EXPECT_LE(reason.size(), 256u) << "the agent takes no longer one";
  Serve(7);
}

TEST_F(RootCommandsTest, SoManyRunAndNoMore) {
  StartAgent();
  for (uint64_t i = 0; i < RootCommands::kMaxRunning; ++i) Serve(200 + i);
  SayWanted();
  EXPECT_THAT(agent.NextRequest().refuse_root().reason(), ::testing::HasSubstr("end some"));
  EXPECT_FALSE(launcher.Poll());
  launcher.SendProcessExited("sb1", 0, 0, false, 205);
  Settle();
  Serve(300);
}

TEST_F(RootCommandsTest, OneAfterTheOther) {
  StartAgent();
  ExpectOffer();
  SayWanted();
  ExpectLost();
}

// It was offered to an agent that is not there any more, and has ended with it.
TEST_F(RootCommandsTest, AnOfferThatComesTooLateIsNotTheNextAgents) {
  StartAgent();
  const LauncherRequest request = ExpectOffer();
  launcher.SendProcessExited("sb1", 1, 0, false, FakeAgent::kProcess);
  EXPECT_TRUE(Eventually([&] { return agent.Abandoned(); }));
  StartAgent(FakeAgent::kProcess + 1);
  launcher.ReplyWith(request, 7, {});
  Serve(8);
}

TEST_F(RootCommandsTest, AFloodIsServedLaterAndNotRefused) {
  StartAgent();
  for (uint64_t i = 0; i < RootCommands::kBurst + 8; ++i) {
    Serve(200 + i);
    launcher.SendProcessExited("sb1", 0, 0, false, 200 + i);
    Settle();
  }
}

}  // namespace
}  // namespace warren
