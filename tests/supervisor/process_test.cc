// Processes over a launcher and an agent that the test plays: in the orders in which the three that
// speak of one can say what they say.
#include "supervisor/session/process.h"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "supervisor/backend/validate_process.h"
#include "supervisor/session/process_table.h"
#include "tests/supervisor/fake_agent.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using ::testing::HasSubstr;
using warren::v1::ProcessEvent;
using warren::v1::Termination;

class ProcessNotes final : public NotingSink<ProcessEvent> {
 public:
  std::string output() const {
    std::string all;
    for (const ProcessEvent& event : events()) all += event.output().data();
    return all;
  }
  int64_t missed() const {
    int64_t bytes = 0;
    for (const ProcessEvent& event : events()) bytes += event.missed().bytes();
    return bytes;
  }
  bool started() const {
    const auto all = events();
    return !all.empty() && all.front().has_started();
  }
  Termination termination() const {
    const auto all = events();
    return all.empty() ? Termination() : all.back().exited().termination();
  }
};

class ProcessTest : public SessionTest {
 protected:
  explicit ProcessTest(int descriptors = 1000, int64_t memory = int64_t{1} << 30)
      : SessionTest(memory, /*further_contexts=*/1000, descriptors) {}
  void SetUp() override {
    ::signal(SIGPIPE, SIG_IGN);
    sandbox = MakeReadySandbox(worker);
  }
  void TearDown() override {
    EndSandbox();
    SessionTest::TearDown();
  }
  struct Client {
    std::shared_ptr<ProcessNotes> sink = std::make_shared<ProcessNotes>();
    std::shared_ptr<ProcessClient> client = std::make_shared<ProcessClient>();
    Client() { client->sink = sink; }
  };
  static warren::v1::StartProcessRequest Program(const std::string& name = "prog") {
    warren::v1::StartProcessRequest request;
    request.add_arguments(name);
    EXPECT_TRUE(ValidateStartProcess(request).ok());
    return request;
  }
  void Ask(Client& client, warren::v1::StartProcessRequest request) {
    OnLoop([&] { sandbox->processes()->Start(std::move(request), client.client); });
  }
  void Connect(Client& client, const std::string& id, std::optional<int64_t> after = {}) {
    OnLoop([&] { sandbox->processes()->Connect(id, client.client, after); });
  }
  void Leave(Client& client, Process::Leaving how) {
    OnLoop([&] {
      if (auto process = client.client->process) process->Leave(*client.client, how);
    });
  }
  // Asked for, offered, and told to the agent.
  void Begin(Client& client, FakeCommand& command, uint64_t number,
             warren::v1::StartProcessRequest request = Program()) {
    Ask(client, std::move(request));
    auto asked = launcher.Expect(LauncherRequest::kStartProcess);
    if (asked.start_process().kind() == internal::StartProcess::AGENT) {
      agent.Start(launcher, asked);
      asked = launcher.Expect(LauncherRequest::kStartProcess);
    }
    EXPECT_EQ(asked.start_process().kind(), internal::StartProcess::COMMAND);
    command.Offer(launcher, asked, number);
    last_start = agent.NextRequest().start();
    EXPECT_EQ(last_start.process_id(), number);
  }
  void Started(Client& client, FakeCommand& command, uint64_t number,
               warren::v1::StartProcessRequest request = Program()) {
    Begin(client, command, number, std::move(request));
    agent.SayStarted(number);
    EXPECT_TRUE(Eventually([&] { return client.sink->started(); }));
  }
  void Exit(uint64_t number, int exit_code, int signal = 0, bool sandbox_ends = false) {
    launcher.SendProcessExited("sb1", exit_code, signal, sandbox_ends, number);
  }
  void ExpectKilled(uint64_t number) {
    auto request = launcher.Expect(LauncherRequest::kSignalProcess);
    EXPECT_EQ(request.signal_process().process_id(), number);
    EXPECT_EQ(request.signal_process().signal(), internal::SignalProcess::KILL);
    launcher.ReplyOk(request);
  }
  std::string Listed() {
    std::string all;
    OnLoop([&] {
      const auto list = sandbox->processes()->List();
      for (const auto& process : list.processes()) all += process.process_id() + " ";
    });
    return all;
  }

  FakeWorker worker;
  FakeAgent agent;
  std::shared_ptr<Sandbox> sandbox;
  internal::StartCommand last_start;
};

TEST_F(ProcessTest, ItIsOfferedExecutedReadAndEnded) {
  Client client;
  FakeCommand command;
  auto request = Program();
  (*request.mutable_env())["A"] = "own";
  sandbox->SetEnv({{"A", "of the sandbox"}, {"B", "too"}});
  Started(client, command, 5, request);
  EXPECT_THAT(last_start.environment(), ::testing::UnorderedElementsAre("A=own", "B=too"));
  EXPECT_EQ(last_start.working_directory(), "/home/user");
  command.Say("said");
  EXPECT_TRUE(Eventually([&] { return client.sink->output() == "said"; }));
  command.CloseAll();
  Exit(5, 3);
  EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(client.sink->termination().kind(), Termination::EXITED);
  EXPECT_EQ(client.sink->termination().exit_code(), 3);
  EXPECT_EQ(host.process_descriptors.taken(), AgentLink::kDescriptors);
  EXPECT_EQ(Listed(), "p5 ");
}

TEST_F(ProcessTest, ItsEndIsToldWhenAllThreeHaveSpokenInAnyOrder) {
  // 0: the agent says that it runs; 1: the launcher, that it ended; 2: its streams end.
  std::vector<int> order = {0, 1, 2};
  uint64_t number = 5;
  do {
    Client client;
    FakeCommand command;
    Begin(client, command, number);
    command.Say("all of it");
    bool runs = false;
    bool exited = false;
    for (int speaker : order) {
      // What is left open after its exit is not waited for.
      if (runs && exited) break;
      EXPECT_FALSE(client.sink->ended());
      runs = runs || speaker == 0;
      exited = exited || speaker == 1;
      if (speaker == 0) agent.SayStarted(number);
      if (speaker == 1) Exit(number, 0);
      if (speaker == 2) command.CloseAll();
      Settle();
    }
    EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
    EXPECT_EQ(client.sink->output(), "all of it");
    EXPECT_TRUE(client.sink->started());
    ++number;
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(ProcessTest, WhatCannotBeExecutedIsAnErrorByItsStep) {
  struct Case {
    internal::CommandFailed::Step step;
    int error;
    absl::StatusCode code;
  };
  uint64_t number = 5;
  for (const Case& each : std::vector<Case>{
           {internal::CommandFailed::EXECUTE, ENOENT, absl::StatusCode::kNotFound},
           {internal::CommandFailed::EXECUTE, EACCES, absl::StatusCode::kPermissionDenied},
           {internal::CommandFailed::WORKING_DIRECTORY, ENOENT, absl::StatusCode::kNotFound},
           {internal::CommandFailed::SET_UP, EMFILE, absl::StatusCode::kUnavailable},
           {internal::CommandFailed::NOT_OFFERED, 0, absl::StatusCode::kUnavailable}}) {
    Client client;
    FakeCommand command;
    Begin(client, command, ++number);
    agent.SayFailed(number, each.step, each.error);
    EXPECT_EQ(client.sink->Wait().code(), each.code);
    EXPECT_TRUE(client.sink->events().empty());
    Exit(number, 127);
  }
  Settle();
  EXPECT_EQ(Listed(), "");
  EXPECT_EQ(host.process_descriptors.taken(), AgentLink::kDescriptors);
}

TEST_F(ProcessTest, ASlowClientStopsTheReadingAndItsResumeGoesOn) {
  Client slow;
  Client quick;
  FakeCommand command;
  Started(slow, command, 5);
  Connect(quick, "p5");
  slow.sink->Answer(Flow::kPause);
  command.Say("one");
  EXPECT_TRUE(Eventually([&] { return quick.sink->output() == "one"; }));
  command.Say("two");
  Settle();
  EXPECT_EQ(quick.sink->output(), "one");
  slow.sink->Answer(Flow::kContinue);
  OnLoop([&] { slow.client->process->Resume(*slow.client); });
  EXPECT_TRUE(Eventually([&] { return quick.sink->output() == "onetwo"; }));
  // Its going does it as well.
  slow.sink->Answer(Flow::kPause);
  command.Say("three");
  EXPECT_TRUE(Eventually([&] { return slow.sink->output() == "onetwothree"; }));
  command.Say("four");
  Leave(slow, Process::Leaving::kDetached);
  EXPECT_TRUE(Eventually([&] { return quick.sink->output() == "onetwothreefour"; }));
}

TEST_F(ProcessTest, TheNewestIsKeptWithoutAClientAndTheRestCounted) {
  Client first;
  FakeCommand command;
  Started(first, command, 5);
  Leave(first, Process::Leaving::kDetached);
  constexpr int kPieces = 80;
  for (int i = 0; i < kPieces; ++i) command.Say(std::string(32 << 10, 'a'));
  Settle();
  EXPECT_TRUE(Eventually([&] { return detached.budget()->used() > (900 << 10); }));
  EXPECT_LE(detached.budget()->used(), 1 << 20);
  command.Say("newest");
  Exit(5, 0);
  command.CloseAll();
  EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 2; }));
  Client late;
  Connect(late, "p5");
  EXPECT_EQ(late.sink->Wait(), absl::OkStatus());
  EXPECT_GT(late.sink->missed(), 0);
  EXPECT_EQ(late.sink->missed() + static_cast<int64_t>(late.sink->output().size()),
            kPieces * (32 << 10) + 6);
  EXPECT_THAT(late.sink->output(), ::testing::EndsWith("newest"));
  EXPECT_EQ(late.sink->termination().kind(), Termination::EXITED);
}

TEST_F(ProcessTest, AClientGoesOnBehindWhatItHasSeen) {
  Client first;
  FakeCommand command;
  Started(first, command, 5);
  EXPECT_EQ(first.sink->events().front().output_bytes(), 0);
  command.Say("one");
  EXPECT_TRUE(Eventually([&] { return first.sink->output() == "one"; }));
  command.Say("two");
  EXPECT_TRUE(Eventually([&] { return first.sink->output() == "onetwo"; }));
  EXPECT_EQ(first.sink->events().back().output_bytes(), 6);
  // It has had this, but for who is told so: the connection broke on the way.
  Client again;
  Connect(again, "p5", 2);
  EXPECT_EQ(again.sink->output(), "etwo") << "beside the first, which the server has not missed";
  EXPECT_EQ(again.sink->events().front().output_bytes(), 2);
  EXPECT_EQ(again.sink->events().back().output_bytes(), 6);
  Client fresh;
  Connect(fresh, "p5");
  EXPECT_EQ(fresh.sink->output(), "") << "from now on";
  Leave(first, Process::Leaving::kGone);
  Leave(again, Process::Leaving::kGone);
  command.Say("three");
  EXPECT_TRUE(Eventually([&] { return fresh.sink->output() == "three"; }));
  Exit(5, 0);
  command.CloseAll();
  EXPECT_EQ(fresh.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(fresh.sink->events().back().output_bytes(), 11);
  Client all;
  Connect(all, "p5", 0);
  EXPECT_EQ(all.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(all.sink->output(), "onetwothree");
  Client late;
  Connect(late, "p5");
  EXPECT_EQ(late.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(late.sink->output(), "") << "its last client was told all";
  Client beyond;
  Connect(beyond, "p5", 12);
  EXPECT_TRUE(absl::IsOutOfRange(beyond.sink->Wait()));
  EXPECT_TRUE(beyond.sink->events().empty());
}

TEST_F(ProcessTest, NewOutputOnlyIsNothingOfWhatWasKept) {
  Client first;
  FakeCommand command;
  Started(first, command, 5);
  Leave(first, Process::Leaving::kGone);
  command.Say("before");
  // Before anybody comes: who leaves as it is read has been told it.
  EXPECT_TRUE(Eventually([&] { return detached.budget()->used() > 0; }));
  Client kept;
  Connect(kept, "p5");
  EXPECT_EQ(kept.sink->output(), "before") << "nobody was connected when it was said";
  Leave(kept, Process::Leaving::kGone);
  Client fresh;
  fresh.client->new_output_only = true;
  Connect(fresh, "p5");
  EXPECT_EQ(fresh.sink->output(), "");
  EXPECT_EQ(fresh.sink->events().front().output_bytes(), 6);
  command.Say("after");
  EXPECT_TRUE(Eventually([&] { return fresh.sink->output() == "after"; }));
  Exit(5, 0);
  command.CloseAll();
  EXPECT_EQ(fresh.sink->Wait(), absl::OkStatus());
}

TEST_F(ProcessTest, WhatIsNotKeptAnyMoreIsSaidToWhoGoesOn) {
  Client first;
  FakeCommand command;
  Started(first, command, 5);
  constexpr int64_t kAll = 80 * (32 << 10);
  for (int i = 0; i < 80; ++i) command.Say(std::string(32 << 10, 'a'));
  EXPECT_TRUE(Eventually([&] { return first.sink->events().back().output_bytes() == kAll; }));
  EXPECT_LE(detached.budget()->used(), 1 << 20);
  Client again;
  Connect(again, "p5", 1000);
  const auto events = again.sink->events();
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events[1].output_bytes(), 1000 + events[1].missed().bytes());
  EXPECT_EQ(events[1].output_bytes() + static_cast<int64_t>(again.sink->output().size()), kAll);
  EXPECT_GT(again.sink->output().size(), 900u << 10);
  EXPECT_EQ(events.back().output_bytes(), kAll);
}

TEST_F(ProcessTest, WhatEndsWithItsClientKeepsNothingForIt) {
  auto request = Program();
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  Client first;
  FakeCommand command;
  Started(first, command, 5, request);
  command.Say("one");
  EXPECT_TRUE(Eventually([&] { return first.sink->output() == "one"; }));
  EXPECT_EQ(detached.budget()->used(), 0);
  Client again;
  Connect(again, "p5", 0);
  EXPECT_EQ(again.sink->missed(), 3);
  Leave(again, Process::Leaving::kDetached);
  Leave(first, Process::Leaving::kDetached);
  command.Say("two");
  EXPECT_TRUE(Eventually([&] { return detached.budget()->used() > 0; }));
  Client back;
  Connect(back, "p5", 1);
  EXPECT_EQ(back.sink->missed(), 2);
  EXPECT_EQ(back.sink->output(), "two");
}

TEST_F(ProcessTest, InputIsForOneThatHasStarted) {
  Client client;
  FakeCommand command;
  Begin(client, command, 5);
  auto write = [&] {
    absl::Status status = absl::UnknownError("no answer");
    warren::v1::WriteProcessInputRequest request;
    request.set_data("x");
    OnLoop([&] {
      sandbox->processes()->Find("p5")->Write(request,
                                              [&](auto reply) { status = reply.status(); });
    });
    return status;
  };
  EXPECT_TRUE(absl::IsFailedPrecondition(write()));
  agent.SayStarted(5);
  EXPECT_TRUE(Eventually([&] { return client.sink->started(); }));
  EXPECT_EQ(write(), absl::OkStatus());
}

TEST_F(ProcessTest, InputIsAnsweredWhenItsPipeHasTakenIt) {
  Client client;
  FakeCommand command;
  Started(client, command, 5);
  auto write = [&](size_t bytes) {
    auto status = std::make_shared<std::optional<absl::Status>>();
    warren::v1::WriteProcessInputRequest request;
    request.set_data(std::string(bytes, 'x'));
    OnLoop([&] {
      client.client->process->Write(request, [status](auto reply) { *status = reply.status(); });
    });
    return status;
  };
  EXPECT_EQ(*write(1000), absl::OkStatus());
  auto large = write(1 << 20);
  EXPECT_FALSE(large->has_value());
  auto more = write(1);
  ASSERT_TRUE(more->has_value());
  EXPECT_TRUE(absl::IsResourceExhausted(**more));
  std::string taken(1000 + (1 << 20), 0);
  for (size_t got = 0; got < taken.size();) {
    const ssize_t n = ::read(command.in.get(), taken.data() + got, taken.size() - got);
    ASSERT_GT(n, 0);
    got += static_cast<size_t>(n);
  }
  Settle();
  ASSERT_TRUE(large->has_value());
  EXPECT_EQ(**large, absl::OkStatus());
  EXPECT_LT(budget.used(), 8192) << "its request alone";
  command.in.reset();
  auto closed = write(10);
  Settle();
  ASSERT_TRUE(closed->has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(**closed));
}

TEST_F(ProcessTest, WhatWasKilledSaysWhy) {
  Client client;
  FakeCommand command;
  auto request = Program();
  request.set_max_output_bytes(3);
  Started(client, command, 5, request);
  command.Say("four");
  ExpectKilled(5);
  command.CloseAll();
  Exit(5, 0, SIGKILL);
  EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(client.sink->output(), "fou");
  EXPECT_EQ(client.sink->termination().kind(), Termination::OUTPUT_LIMIT);

  Client timed;
  FakeCommand slow;
  request = Program();
  request.mutable_timeout()->set_nanos(1'000'000);
  Started(timed, slow, 6, request);
  ExpectKilled(6);
  slow.CloseAll();
  Exit(6, 0, SIGKILL);
  EXPECT_EQ(timed.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(timed.sink->termination().kind(), Termination::TIMED_OUT);
}

TEST_F(ProcessTest, TheLastClientsGoingKillsWhereItSaysSo) {
  Client first;
  Client second;
  FakeCommand command;
  auto request = Program();
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  Started(first, command, 5, request);
  Connect(second, "p5");
  Leave(first, Process::Leaving::kGone);
  EXPECT_TRUE(absl::IsCancelled(first.sink->Wait()));
  Settle();
  EXPECT_FALSE(launcher.Poll());
  Leave(second, Process::Leaving::kGone);
  ExpectKilled(5);
  command.CloseAll();
  Exit(5, 0, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 2; }));
  Client late;
  Connect(late, "p5");
  EXPECT_EQ(late.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(late.sink->termination().kind(), Termination::CANCELLED);
}

TEST_F(ProcessTest, OneWhoseClientWentBeforeItWasThereIsNotStarted) {
  Client client;
  auto request = Program();
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  Ask(client, request);
  auto asked = launcher.Expect(LauncherRequest::kStartProcess);
  Leave(client, Process::Leaving::kGone);
  agent.Start(launcher, asked);
  EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 2; }));
  EXPECT_FALSE(launcher.Poll()) << "no command was asked for";
}

TEST_F(ProcessTest, ItsPlaceIsFreeBeforeItsEndIsTold) {
  Client client;
  FakeCommand command;
  Started(client, command, 5);
  int taken = -1;
  client.sink->OnPush([&](const ProcessEvent& event) {
    if (event.has_exited()) taken = host.process_descriptors.taken();
  });
  command.CloseAll();
  Exit(5, 0);
  EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(taken, AgentLink::kDescriptors);
}

TEST_F(ProcessTest, OutOfMemoryIsToldBySandboxGone) {
  Client client;
  FakeCommand command;
  Started(client, command, 5);
  Exit(5, 0, SIGKILL, /*sandbox_ends=*/true);
  command.CloseAll();
  Settle();
  EXPECT_FALSE(client.sink->ended());
  launcher.SendGone("sb1", internal::SandboxGone::OUT_OF_MEMORY);
  EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(client.sink->termination().kind(), Termination::OUT_OF_MEMORY);
  EXPECT_EQ(host.process_descriptors.taken(), 0);
}

TEST_F(ProcessTest, WhatRanWhenTheSandboxWasDestroyedSaysSo) {
  Client client;
  Client starting;
  FakeCommand command;
  FakeCommand never;
  Started(client, command, 5);
  Begin(starting, never, 6);
  sandbox->Destroy(StopReason::kExpired);
  launcher.ReplyOk(launcher.Expect(LauncherRequest::kDestroySandbox));
  launcher.SendGone("sb1", internal::SandboxGone::DESTROYED);
  EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(client.sink->termination().kind(), Termination::KILLED);
  EXPECT_THAT(client.sink->termination().message(), HasSubstr("lifetime"));
  EXPECT_TRUE(absl::IsFailedPrecondition(starting.sink->Wait()));
  Client late;
  Ask(late, Program());
  EXPECT_TRUE(absl::IsFailedPrecondition(late.sink->Wait()));
  EXPECT_EQ(host.process_descriptors.taken(), 0);
}

TEST_F(ProcessTest, TheEndOfTheAgentEndsThemAsTheLauncherTells) {
  Client running;
  Client starting;
  FakeCommand command;
  FakeCommand never;
  Started(running, command, 5);
  Begin(starting, never, 6);
  agent.CloseAll();
  launcher.Expect(LauncherRequest::kSignalProcess);
  Exit(FakeAgent::kProcess, 0, SIGKILL);
  command.CloseAll();
  never.CloseAll();
  Exit(5, 0, SIGKILL);
  Exit(6, 0, SIGKILL);
  EXPECT_EQ(running.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(running.sink->termination().kind(), Termination::KILLED);
  EXPECT_TRUE(absl::IsUnavailable(starting.sink->Wait()));
  EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 0; }));
}

TEST_F(ProcessTest, AnAgentThatDoesNotSayWhetherOneHasStartedIsKilled) {
  Client client;
  FakeCommand command;
  Begin(client, command, 5);
  SetPace(kHasty);
  command.CloseAll();
  Exit(5, 0);
  ExpectKilled(FakeAgent::kProcess);
  EXPECT_TRUE(absl::IsUnavailable(client.sink->Wait()));
  Exit(FakeAgent::kProcess, 0, SIGKILL);
  EXPECT_TRUE(Eventually([&] { return host.process_descriptors.taken() == 0; }));
}

TEST_F(ProcessTest, AStartThatHangsIsKilled) {
  Client first, second;
  FakeCommand before, command;
  Started(first, before, 5);
  SetPace(kHasty);
  Begin(second, command, 6);
  ExpectKilled(6);
  SetPace(1);
  command.CloseAll();
  Exit(6, 0, SIGKILL);
  // Its agent has seen no more than that it has ended.
  agent.SayStarted(6);
  EXPECT_EQ(second.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(second.sink->termination().kind(), Termination::KILLED);
}

TEST_F(ProcessTest, ItsClientsAreBoundedInNumber) {
  FakeCommand command;
  std::vector<Client> clients(Process::kMaxClients);
  Started(clients[0], command, 5);
  for (size_t i = 1; i < clients.size(); ++i) Connect(clients[i], "p5");
  Client refused;
  Connect(refused, "p5");
  EXPECT_TRUE(absl::IsResourceExhausted(refused.sink->Wait()));
  Leave(clients[0], Process::Leaving::kGone);
  Client next;
  Connect(next, "p5");
  EXPECT_TRUE(Eventually([&] { return next.sink->started(); }));
  Exit(5, 0);
  command.CloseAll();
  EXPECT_EQ(next.sink->Wait(), absl::OkStatus());
}

// What others are to have room for.
class LittleMemoryTest : public ProcessTest {
 protected:
  LittleMemoryTest() : ProcessTest(1000, int64_t{32} << 20) {}
};

TEST_F(LittleMemoryTest, WhereItIsUsedUpNobodyIsToldAgain) {
  Client first;
  FakeCommand command;
  auto request = Program();
  request.set_request_id("once");
  Started(first, command, 5, request);
  MemoryCharge all(&host.memory);
  all.Add(host.memory.limit());
  Client again, late;
  Ask(again, request);
  Connect(late, "p5");
  EXPECT_TRUE(absl::IsResourceExhausted(again.sink->Wait()));
  EXPECT_TRUE(absl::IsResourceExhausted(late.sink->Wait()));
  all.Clear();
  Client next;
  Ask(next, request);
  EXPECT_TRUE(Eventually([&] { return next.sink->started(); }));
  command.CloseAll();
  Exit(5, 0);
  EXPECT_EQ(next.sink->Wait(), absl::OkStatus());
}

TEST_F(LittleMemoryTest, ASandboxKeepsItsPartOfAllOutput) {
  const int64_t part = detached.budget()->limit() / ProcessTable::kKeptShare;
  const auto processes = static_cast<uint64_t>(part / ProcessOutput::kMaxBytes) + 2;
  ASSERT_LT(processes, ProcessTable::kMaxProcesses);
  std::vector<Client> clients(processes);
  std::vector<FakeCommand> commands(processes);
  for (size_t i = 0; i < processes; ++i) {
    Started(clients[i], commands[i], 5 + i);
    Leave(clients[i], Process::Leaving::kDetached);
    for (int piece = 0; piece < 64; ++piece) {
      commands[i].Say(std::string(32 << 10, 'a'));
      EXPECT_LE(detached.budget()->used(), part);
    }
  }
  EXPECT_TRUE(Eventually([&] { return detached.budget()->used() > part - (128 << 10); }));
}

TEST_F(ProcessTest, EndedOnesAreBoundedInNumber) {
  for (uint64_t number = 5; number < 5 + ProcessTable::kMaxEnded + 3; ++number) {
    Client client;
    FakeCommand command;
    Started(client, command, number);
    command.CloseAll();
    Exit(number, 0);
    EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
  }
  Client gone;
  Connect(gone, "p7");
  EXPECT_TRUE(absl::IsNotFound(gone.sink->Wait()));
  Client kept;
  Connect(kept, "p8");
  EXPECT_EQ(kept.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(host.ended_processes.taken(), static_cast<int>(ProcessTable::kMaxEnded));
  Client spelled;
  Connect(spelled, "p08");
  EXPECT_TRUE(absl::IsNotFound(spelled.sink->Wait()));
}

class FewProcessesTest : public ProcessTest {
 protected:
  FewProcessesTest() : ProcessTest(/*descriptors=*/6) {}
};

TEST_F(FewProcessesTest, WithoutDescriptorsNoneIsStarted) {
  Client first;
  FakeCommand command;
  Started(first, command, 5);
  Client second;
  Ask(second, Program());
  EXPECT_TRUE(absl::IsResourceExhausted(second.sink->Wait()));
  EXPECT_EQ(host.process_descriptors.taken(), 5);
}

// ---- Paused -----------------------------------------------------------------------------------

class PausedProcessTest : public ProcessTest {
 protected:
  // The launcher is asked for it; whatever it is asked for first is returned, and answered.
  LauncherRequest AskForPause() {
    paused_ = false;
    sandbox->Pause([this](const absl::Status& status) { paused_ = status.ok(); });
    std::optional<LauncherRequest> request;
    EXPECT_TRUE(Eventually([&] { return (request = launcher.Poll()).has_value(); }));
    launcher.ReplyOk(*request);
    return *request;
  }
  void AwaitPaused() {
    ASSERT_TRUE(Eventually([&] { return paused_.load(); }));
    Settle();
  }
  void Pause() {
    EXPECT_TRUE(AskForPause().has_pause_sandbox());
    AwaitPaused();
  }
  void Resume() {
    sandbox->Resume([](const absl::Status&) {});
    launcher.ReplyOk(launcher.Expect(LauncherRequest::kResumeSandbox));
  }
  static warren::v1::StartProcessRequest TimedProgram(int timeout_ms) {
    auto request = Program();
    request.mutable_timeout()->set_seconds(timeout_ms / 1000);
    request.mutable_timeout()->set_nanos(timeout_ms % 1000 * 1'000'000);
    return request;
  }

 private:
  std::atomic<bool> paused_{false};
};

TEST_F(PausedProcessTest, ItsTimeoutStandsStill) {
  uint64_t number = 5;
  for (int timeout = 200;; timeout *= 4, ++number) {
    Client client;
    FakeCommand command;
    Started(client, command, number, TimedProgram(timeout));
    const bool was_paused = AskForPause().has_pause_sandbox();
    if (!was_paused) launcher.ReplyOk(launcher.Expect(LauncherRequest::kPauseSandbox));
    AwaitPaused();
    if (was_paused) {
      std::this_thread::sleep_for(std::chrono::milliseconds(timeout + 50));
      Settle();
      EXPECT_FALSE(launcher.Poll()) << "its timer would have run out by now";
    }
    Resume();
    if (was_paused) ExpectKilled(number);
    Exit(number, 0, SIGKILL);
    EXPECT_EQ(client.sink->Wait(), absl::OkStatus());
    EXPECT_EQ(client.sink->termination().kind(), Termination::TIMED_OUT);
    // Else the machine was slower than the timeout: once more, with a longer one.
    if (was_paused) break;
    ASSERT_LT(timeout, 100'000);
  }
}

TEST_F(PausedProcessTest, OneThatHasStartedAsItWasPausedStandsStillToo) {
  Client client;
  FakeCommand command;
  Begin(client, command, 5, TimedProgram(1));
  Pause();
  agent.SayStarted(5);
  EXPECT_TRUE(Eventually([&] { return client.sink->started(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  Settle();
  EXPECT_FALSE(launcher.Poll());
  Resume();
  ExpectKilled(5);
}

// The launcher refuses it, as it does where its agent has ended.
TEST_F(PausedProcessTest, OneThatComesAsItIsPausedIsToldSo) {
  Client client;
  Ask(client, Program());
  agent.Start(launcher, launcher.Expect(LauncherRequest::kStartProcess));
  const auto asked = launcher.Expect(LauncherRequest::kStartProcess);
  Pause();
  launcher.Reply(asked, absl::FailedPreconditionError("the sandbox is paused"));
  const absl::Status told = client.sink->Wait();
  EXPECT_TRUE(absl::IsFailedPrecondition(told)) << told;
  EXPECT_THAT(told.message(), HasSubstr("resume"));
  Resume();
}

TEST_F(PausedProcessTest, AKillWaitsForTheResume) {
  auto request = Program();
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CANCEL);
  Client client;
  FakeCommand command;
  Started(client, command, 5, request);
  Pause();
  // The launcher would refuse it.
  Leave(client, Process::Leaving::kGone);
  Settle();
  EXPECT_FALSE(launcher.Poll());
  EXPECT_TRUE(absl::IsCancelled(client.sink->Wait())) << "the client does not wait";
  Resume();
  ExpectKilled(5);
  Client late;
  Connect(late, "p5");
  Exit(5, 0, SIGKILL);
  EXPECT_EQ(late.sink->Wait(), absl::OkStatus());
  EXPECT_EQ(late.sink->termination().kind(), Termination::CANCELLED);
}

}  // namespace
}  // namespace warren
