// Processes of a sandbox beside its contexts, as clients have them: over gRPC, in a real sandbox.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"
#include "tests/e2e/process_stream.h"
#include "tests/support/kill_process.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::Termination;

class ProcessTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    stub_ = v1::ProcessService::NewStub(server().channel());
    sandbox_ = std::make_unique<TestSandbox>(server());
    ASSERT_TRUE(sandbox_->created().ok()) << sandbox_->created().error_message();
  }
  v1::StartProcessRequest Command(const std::vector<std::string>& arguments) const {
    v1::StartProcessRequest request;
    request.set_sandbox_id(sandbox_->id());
    for (const std::string& argument : arguments) request.add_arguments(argument);
    return request;
  }
  v1::StartProcessRequest Shell(const std::string& script) const {
    return Command({"sh", "-c", script});
  }
  std::unique_ptr<ProcessStream> Start(const v1::StartProcessRequest& request) {
    return std::make_unique<ProcessStream>(*stub_, request);
  }
  std::unique_ptr<ProcessStream> Connect(
      const std::string& process_id,
      v1::OnDisconnect on_disconnect = v1::ON_DISCONNECT_UNSPECIFIED) {
    v1::ConnectProcessRequest request;
    request.set_sandbox_id(sandbox_->id());
    request.set_process_id(process_id);
    request.set_on_disconnect(on_disconnect);
    return std::make_unique<ProcessStream>(*stub_, request);
  }
  grpc::Status Write(const std::string& process_id, const std::string& data, bool close = false) {
    v1::WriteProcessInputRequest request;
    request.set_sandbox_id(sandbox_->id());
    request.set_process_id(process_id);
    request.set_data(data);
    request.set_close(close);
    grpc::ClientContext context;
    v1::WriteProcessInputResponse response;
    return stub_->WriteProcessInput(&context, request, &response);
  }
  grpc::Status Signal(const std::string& process_id, int signal) {
    v1::SignalProcessRequest request;
    request.set_sandbox_id(sandbox_->id());
    request.set_process_id(process_id);
    request.set_signal(signal);
    grpc::ClientContext context;
    v1::SignalProcessResponse response;
    return stub_->SignalProcess(&context, request, &response);
  }
  grpc::Status Resize(const std::string& process_id, int rows, int columns) {
    v1::ResizeTerminalRequest request;
    request.set_sandbox_id(sandbox_->id());
    request.set_process_id(process_id);
    request.mutable_size()->set_rows(rows);
    request.mutable_size()->set_columns(columns);
    grpc::ClientContext context;
    v1::ResizeTerminalResponse response;
    return stub_->ResizeTerminal(&context, request, &response);
  }
  v1::ListProcessesResponse List() {
    v1::ListProcessesRequest request;
    request.set_sandbox_id(sandbox_->id());
    grpc::ClientContext context;
    v1::ListProcessesResponse response;
    EXPECT_TRUE(stub_->ListProcesses(&context, request, &response).ok());
    return response;
  }
  v1::Process Listed(const std::string& process_id) {
    const v1::ListProcessesResponse all = List();
    for (const v1::Process& process : all.processes()) {
      if (process.process_id() == process_id) return process;
    }
    return {};
  }
  // As the host sees it.
  pid_t AgentPid() const {
    for (pid_t pid : server().ProcessesOf(sandbox_->id())) {
      std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
      for (std::string line; std::getline(status, line);) {
        // SETPCAP is the agent's alone.
        if (absl::StartsWith(line, "CapPrm:") && absl::StrContains(line, "5fb")) return pid;
      }
    }
    return -1;
  }

  std::unique_ptr<v1::ProcessService::Stub> stub_;
  std::unique_ptr<TestSandbox> sandbox_;
};

TEST_F(ProcessTest, ACommandRunsAndSaysHowItEnded) {
  auto process = Start(Shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(process->Wait().ok()) << process->status().error_message();
  EXPECT_EQ(process->id()[0], 'p');
  EXPECT_GT(process->pid(), 1);
  EXPECT_EQ(process->started(), 1);
  EXPECT_EQ(process->out(), "out\n");
  EXPECT_EQ(process->err(), "err\n");
  EXPECT_EQ(process->termination().kind(), Termination::EXITED);
  EXPECT_EQ(process->termination().exit_code(), 3);
  EXPECT_EQ(process->usage().output_bytes(), 8);
  EXPECT_EQ(sandbox_->Execute("1 + 1").result(), "2");
}

TEST_F(ProcessTest, ItsEnvironmentDirectoryAndUserAreAsAsked) {
  auto request = Shell("echo $A $HOME; pwd; id -u");
  (*request.mutable_env())["A"] = "own";
  request.set_working_directory("/tmp");
  request.set_user("root");
  auto process = Start(request);
  ASSERT_TRUE(process->Wait().ok()) << process->status().error_message();
  EXPECT_EQ(process->out(), "own /root\n/tmp\n0\n");
  request = Shell("pwd");
  request.set_working_directory("sub");
  sandbox_->Execute("import os; os.mkdir('/home/user/sub')");
  process = Start(request);
  EXPECT_TRUE(process->Wait().ok());
  EXPECT_EQ(process->out(), "/home/user/sub\n");
}

TEST_F(ProcessTest, WhatCannotBeExecutedIsAnErrorBeforeStarted) {
  auto missing = Start(Command({"no-such-program"}));
  EXPECT_EQ(missing->Wait().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(missing->status().error_message(), HasSubstr("program \"no-such-program\""));
  EXPECT_EQ(missing->started(), 0);
  auto denied = Start(Command({"/etc/passwd"}));
  EXPECT_EQ(denied->Wait().error_code(), grpc::StatusCode::PERMISSION_DENIED);
  auto request = Shell("true");
  request.set_working_directory("/no/such");
  auto nowhere = Start(request);
  EXPECT_EQ(nowhere->Wait().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(nowhere->status().error_message(), HasSubstr("working_directory \"/no/such\""));
  request = Shell("true");
  request.set_user("nobody");
  auto somebody = Start(request);
  EXPECT_EQ(somebody->Wait().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(somebody->status().error_message(), HasSubstr("user"));
  EXPECT_EQ(Connect("p999")->Wait().error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Start(Command({}))->Wait().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request = Shell("true");
  request.set_sandbox_id("sbnone");
  EXPECT_EQ(Start(request)->Wait().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProcessTest, InputIsReadInOrderAndClosed) {
  auto process = Start(Command({"cat"}));
  const std::string id = process->Started();
  EXPECT_TRUE(Write(id, "one ").ok());
  EXPECT_TRUE(Write(id, "two").ok());
  EXPECT_TRUE(process->ReadUntilSaid("one two"));
  EXPECT_TRUE(Write(id, "!", /*close=*/true).ok());
  ASSERT_TRUE(process->Wait().ok());
  EXPECT_EQ(process->out(), "one two!");
  grpc::Status late = Write(id, "late");
  EXPECT_EQ(late.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << late.error_message();
  auto empty = Command({"cat"});
  empty.set_no_input(true);
  EXPECT_EQ(Start(empty)->Wait().error_code(), grpc::StatusCode::OK);
}

TEST_F(ProcessTest, AMebibyteOfInputWaitsAndNoMore) {
  auto process = Start(Shell("sleep 1000"));
  const std::string id = process->Started();
  // Its pipe takes a part of the one that comes first, which waits until it ends; the other has no
  // room.
  std::atomic<int> refused{0};
  std::atomic<int> waited{0};
  auto write = [&] {
    const grpc::StatusCode code = Write(id, std::string(700 << 10, 'x')).error_code();
    if (code == grpc::StatusCode::RESOURCE_EXHAUSTED) ++refused;
    if (code == grpc::StatusCode::FAILED_PRECONDITION) ++waited;
  };
  std::thread one(write);
  std::thread two(write);
  EXPECT_TRUE(Eventually([&] { return refused == 1; }));
  EXPECT_EQ(waited, 0);
  EXPECT_TRUE(Signal(id, SIGKILL).ok());
  one.join();
  two.join();
  EXPECT_EQ(waited, 1);
  process->Wait();
}

TEST_F(ProcessTest, ItLivesOnWithoutItsClientAndIsFoundAgain) {
  auto first = Start(Shell("echo one; read x; echo $x; read y; echo $y"));
  const std::string id = first->Started();
  EXPECT_TRUE(first->ReadUntilSaid("one"));
  first->Cancel();
  EXPECT_TRUE(Eventually([&] { return Listed(id).clients() == 0; }));
  EXPECT_TRUE(Write(id, "two\n").ok());
  auto second = Connect(id);
  EXPECT_TRUE(second->ReadUntilSaid("two"));
  EXPECT_EQ(second->started(), 1);
  EXPECT_EQ(second->id(), id);
  // Beside it: what comes from now on.
  auto third = Connect(id);
  EXPECT_EQ(third->Started(), id);
  EXPECT_EQ(Listed(id).clients(), 2);
  EXPECT_TRUE(Write(id, "three\n").ok());
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_TRUE(third->Wait().ok());
  EXPECT_EQ(second->out(), "two\nthree\n");
  EXPECT_EQ(third->out(), "three\n");
  EXPECT_EQ(third->termination().kind(), Termination::EXITED);
  // It has ended, and is kept.
  auto late = Connect(id);
  EXPECT_TRUE(late->Wait().ok());
  EXPECT_EQ(late->termination().kind(), Termination::EXITED);
  EXPECT_EQ(Listed(id).termination().kind(), Termination::EXITED);
  EXPECT_EQ(Signal(id, SIGTERM).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ProcessTest, TheNewestMebibyteIsKeptWhileNobodyListens) {
  auto first = Start(Shell("read x; head -c 3000000 /dev/zero | tr '\\0' a; echo end; read y"));
  const std::string id = first->Started();
  first->Cancel();
  EXPECT_TRUE(Eventually([&] { return Listed(id).clients() == 0; }));
  EXPECT_TRUE(Write(id, "go\n").ok());
  // When it waits for its second line it has said all of it.
  auto second = Connect(id);
  EXPECT_TRUE(second->ReadUntilSaid("end"));
  EXPECT_TRUE(Write(id, "", true).ok());
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_EQ(second->missed_bytes() + static_cast<int64_t>(second->out().size()), 3000004);
}

TEST_F(ProcessTest, OnDisconnectCancelKillsItWithTheLastClient) {
  auto request = Shell("echo on; sleep 1000");
  request.set_on_disconnect(v1::ON_DISCONNECT_CANCEL);
  auto first = Start(request);
  const std::string id = first->Started();
  auto second = Connect(id);
  second->Started();
  first->Cancel();
  EXPECT_TRUE(Eventually([&] { return Listed(id).clients() == 1; }));
  EXPECT_EQ(Listed(id).termination().kind(), Termination::KIND_UNSPECIFIED);
  second->Cancel();
  EXPECT_TRUE(Eventually([&] { return Listed(id).termination().kind() == Termination::CANCELLED; }))
      << Listed(id).ShortDebugString();
}

TEST_F(ProcessTest, ARequestIdStartsItOnce) {
  auto request = Shell("read x; echo $x");
  request.set_request_id("r1");
  auto first = Start(request);
  auto second = Start(request);
  EXPECT_EQ(first->Started(), second->Started());
  EXPECT_TRUE(Write(first->id(), "both\n").ok());
  EXPECT_TRUE(first->Wait().ok());
  EXPECT_TRUE(second->Wait().ok());
  EXPECT_EQ(second->out(), "both\n");
  EXPECT_EQ(List().processes_size(), 1);
  auto other = Shell("echo other");
  other.set_request_id("r1");
  EXPECT_EQ(Start(other)->Wait().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ProcessTest, TimeoutOutputLimitAndSignalsAreToldApart) {
  auto request = Shell("trap '' TERM; while :; do sleep 1000; done");
  request.mutable_timeout()->set_nanos(200'000'000);
  auto late = Start(request);
  EXPECT_TRUE(late->Wait().ok());
  EXPECT_EQ(late->termination().kind(), Termination::TIMED_OUT);
  request = Command({"yes"});
  request.set_max_output_bytes(100'000);
  auto flood = Start(request);
  EXPECT_TRUE(flood->Wait().ok());
  EXPECT_EQ(flood->termination().kind(), Termination::OUTPUT_LIMIT);
  EXPECT_EQ(flood->out().size(), 100'000u);
  auto signalled = Start(Command({"sleep", "1000"}));
  EXPECT_TRUE(Signal(signalled->Started(), SIGTERM).ok());
  EXPECT_TRUE(signalled->Wait().ok());
  EXPECT_EQ(signalled->termination().kind(), Termination::KILLED);
  EXPECT_EQ(signalled->termination().signal(), SIGTERM);
  // To it alone; KILL to all that it started.
  auto group = Start(Shell("sleep 1000 & echo $!; wait"));
  const std::string id = group->Started();
  EXPECT_TRUE(group->ReadUntilSaid("\n"));
  EXPECT_TRUE(Signal(id, SIGKILL).ok());
  EXPECT_TRUE(group->Wait().ok());
  EXPECT_EQ(group->termination().signal(), SIGKILL);
  EXPECT_EQ(Signal(id, 65).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ProcessTest, ABackgroundChildThatHoldsThePipesDoesNotHoldItsEnd) {
  auto process = Start(Shell("sleep 1000 & echo said; exit 4"));
  EXPECT_TRUE(process->Wait().ok());
  EXPECT_EQ(process->out(), "said\n");
  EXPECT_EQ(process->termination().exit_code(), 4);
}

TEST_F(ProcessTest, WhatItLeftIsKilledUnlessItsStartSaysOtherwise) {
  for (const v1::OnExit on_exit : {v1::ON_EXIT_END, v1::ON_EXIT_LEAVE}) {
    v1::StartProcessRequest leaves = Shell("sleep 1000 >/dev/null 2>&1 & printf %s $!");
    leaves.set_on_exit(on_exit);
    auto parent = Start(leaves);
    ASSERT_TRUE(parent->Wait().ok()) << parent->status().error_message();
    // Until it is gone, or for a while where it is not to go.
    auto looks = Start(Shell(absl::StrCat("for i in $(seq 50); do kill -0 ", parent->out(),
                                          " 2>/dev/null || exit 3; sleep 0.02; done")));
    ASSERT_TRUE(looks->Wait().ok());
    EXPECT_EQ(looks->termination().exit_code(), on_exit == v1::ON_EXIT_LEAVE ? 0 : 3);
  }
}

TEST_F(ProcessTest, ThoseThatLeaveNothingTakeNoPlace) {
  v1::StartProcessRequest request = Shell("true");
  request.set_on_exit(v1::ON_EXIT_LEAVE);
  // More than there are places for.
  for (int i = 0; i < 90; ++i) ASSERT_TRUE(Start(request)->Wait().ok()) << i;
}

TEST_F(ProcessTest, ASlowReaderSlowsTheProcessAndNothingElse) {
  auto resident = [&] {
    std::ifstream status(absl::StrCat("/proc/", server().pid(), "/status"));
    int64_t kib = 0;
    for (std::string line; std::getline(status, line);) {
      if (absl::StartsWith(line, "VmRSS:") &&
          absl::SimpleAtoi(line.substr(6, line.size() - 9), &kib))
        break;
    }
    return kib << 10;
  };
  const int64_t before = resident();
  // 512 MiB, whose reader does not read.
  auto slow = Start(Shell("head -c 536870912 /dev/zero; echo end"));
  const std::string id = slow->Started();
  for (int i = 0; i < 20; ++i) {
    auto quick = Start(Shell("echo quick"));
    EXPECT_TRUE(quick->Wait().ok());
    EXPECT_EQ(quick->out(), "quick\n");
  }
  EXPECT_EQ(Listed(id).termination().kind(), Termination::KIND_UNSPECIFIED) << "it waits";
  EXPECT_LT(resident() - before, 64 << 20);
  EXPECT_TRUE(slow->ReadUntil([&] { return slow->out().size() > (8 << 20); }));
  EXPECT_LT(resident() - before, 64 << 20);
  EXPECT_TRUE(Signal(id, SIGKILL).ok());
  EXPECT_TRUE(slow->Wait().ok());
  EXPECT_EQ(slow->termination().kind(), Termination::KILLED);
}

TEST_F(ProcessTest, TheEndOfTheAgentIsToldAndTheNextUseStartsAnother) {
  auto process = Start(Command({"sleep", "1000"}));
  process->Started();
  const pid_t agent = AgentPid();
  ASSERT_GT(agent, 0);
  ASSERT_EQ(::kill(agent, SIGKILL), 0);
  EXPECT_TRUE(process->Wait().ok()) << process->status().error_message();
  EXPECT_EQ(process->termination().kind(), Termination::KILLED);
  auto next = Start(Shell("echo on"));
  EXPECT_TRUE(next->Wait().ok()) << next->status().error_message();
  EXPECT_EQ(next->out(), "on\n");
  EXPECT_NE(AgentPid(), agent);
  EXPECT_EQ(sandbox_->Execute("1 + 1").result(), "2");
}

TEST_F(ProcessTest, OutOfMemoryEndsTheSandboxAndSaysSo) {
  v1::Limits limits;
  limits.set_memory_bytes(128 << 20);
  sandbox_ = std::make_unique<TestSandbox>(server(), limits);
  auto process =
      Start(Command({"python3", "-I", "-c", "x = []\nwhile True: x.append(bytearray(4 << 20))"}));
  EXPECT_TRUE(process->Wait().ok()) << process->status().error_message();
  EXPECT_EQ(process->termination().kind(), Termination::OUT_OF_MEMORY)
      << process->termination().ShortDebugString();
  EXPECT_TRUE(Eventually([&] { return sandbox_->Get().state() == v1::Sandbox::DEAD; }));
  EXPECT_EQ(Start(Shell("true"))->Wait().error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  // Who asks late is told all the same.
  auto late = Connect(process->id());
  EXPECT_TRUE(late->Wait().ok()) << late->status().error_message();
  EXPECT_EQ(late->termination().kind(), Termination::OUT_OF_MEMORY);
}

TEST_F(ProcessTest, AListTellsTheBeginningOfLongArguments) {
  auto process = Start(Command({"sh", "-c", "sleep 1000", std::string(100'000, 'x'), "last"}));
  const v1::Process listed = Listed(process->Started());
  ASSERT_EQ(listed.arguments_size(), 4);
  size_t bytes = 0;
  for (const std::string& argument : listed.arguments()) bytes += argument.size();
  EXPECT_EQ(bytes, 4096u);
  EXPECT_TRUE(listed.arguments_cut());
  auto brief = Start(Command({"sleep", "1000"}));
  EXPECT_FALSE(Listed(brief->Started()).arguments_cut());
}

TEST_F(ProcessTest, ItEndsWithItsSandbox) {
  auto process = Start(Command({"sleep", "1000"}));
  process->Started();
  sandbox_->Destroy();
  EXPECT_TRUE(process->Wait().ok());
  EXPECT_EQ(process->termination().kind(), Termination::KILLED);
  EXPECT_THAT(process->termination().message(), HasSubstr("destroyed"));
}

TEST_F(ProcessTest, CpuSecondsBoundProcessesToo) {
  v1::Limits limits;
  limits.set_cpu_seconds(1);
  sandbox_ = std::make_unique<TestSandbox>(server(), limits);
  auto process = Start(Shell("while :; do :; done"));
  EXPECT_TRUE(process->Wait().ok());
  EXPECT_EQ(process->termination().kind(), Termination::KILLED);
  EXPECT_THAT(process->termination().message(), HasSubstr("CPU seconds"));
}

TEST_F(ProcessTest, ThereAreFortyEightAtOnce) {
  std::vector<std::unique_ptr<ProcessStream>> streams;
  for (int i = 0; i < 48; ++i) {
    streams.push_back(Start(Command({"sleep", "1000"})));
    EXPECT_NE(streams.back()->Started(), "") << i << streams.back()->status().error_message();
  }
  EXPECT_EQ(Start(Shell("true"))->Wait().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(List().processes_size(), 48);
  for (const auto& stream : streams) EXPECT_TRUE(Signal(stream->id(), SIGKILL).ok());
  for (const auto& stream : streams) EXPECT_TRUE(stream->Wait().ok());
  auto next = Start(Shell("echo on"));
  EXPECT_TRUE(next->Wait().ok()) << next->status().error_message();
}

TEST_F(ProcessTest, AShellOnATerminal) {
  auto request = Command({"bash", "--norc", "--noprofile", "-i"});
  request.mutable_terminal()->set_rows(24);
  request.mutable_terminal()->set_columns(80);
  (*request.mutable_env())["TERM"] = "dumb";
  auto shell = Start(request);
  const std::string id = shell->Started();
  EXPECT_TRUE(Write(id, "stty -echo; stty size; PS1='at-$((1+1))'\n").ok());
  // Its prompt: before each one bash sets the size that it has read, and what comes in between is
  // lost.
  EXPECT_TRUE(shell->ReadUntilSaid("at-2"));
  EXPECT_THAT(shell->terminal(), HasSubstr("24 80"));
  EXPECT_TRUE(Resize(id, 50, 132).ok());
  EXPECT_TRUE(Write(id, "stty size; sh -c 'echo in-$((1+1)); sleep 1000'\n").ok());
  EXPECT_TRUE(shell->ReadUntilSaid("50 132"));
  EXPECT_TRUE(shell->ReadUntilSaid("in-2"));
  EXPECT_TRUE(Write(id, "\x03").ok());
  EXPECT_TRUE(Write(id, "PS1=last-prompt; echo stat-$((1+1))\n").ok());
  EXPECT_TRUE(shell->ReadUntilSaid("stat-2"));
  // It reads, and has the terminal as it is then: before, a Control-D would be another thing.
  EXPECT_TRUE(shell->ReadUntilSaid("last-prompt"));
  EXPECT_TRUE(Listed(id).has_terminal());
  // Control-D, as a closed input is.
  EXPECT_TRUE(Write(id, "", true).ok());
  EXPECT_TRUE(shell->Wait().ok());
  EXPECT_EQ(shell->termination().kind(), Termination::EXITED);
  auto plain = Start(Command({"sleep", "1000"}));
  EXPECT_EQ(Resize(plain->Started(), 1, 1).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ProcessTest, NothingIsLeftOfIt) {
  for (int i = 0; i < 10; ++i) {
    auto process = Start(Shell("sleep 1000 & exit 0"));
    EXPECT_TRUE(process->Wait().ok());
  }
  sandbox_.reset();
  EXPECT_TRUE(server().WaitUntilSettled());
  const Footprint before = server().TakeFootprint();
  {
    TestSandbox other(server());
    v1::StartProcessRequest request;
    request.set_sandbox_id(other.id());
    request.add_arguments("sleep");
    request.add_arguments("1000");
    ProcessStream stream(*stub_, request);
    stream.Started();
  }
  EXPECT_TRUE(server().WaitUntilSettled());
  EXPECT_TRUE(Eventually([&] {
    const Footprint after = server().TakeFootprint();
    return after.supervisor_fds <= before.supervisor_fds &&
           after.launcher_fds <= before.launcher_fds &&
           after.cgroups.size() <= before.cgroups.size();
  }));
}

}  // namespace
}  // namespace warren
