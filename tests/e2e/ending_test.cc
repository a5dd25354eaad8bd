// How cells end other than by themselves, and that each end is told apart.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"
#include "tests/support/kill_process.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

// Sent, but not taken yet.
bool HasPendingSignal(pid_t pid, int signal) {
  std::ifstream status(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("ShdPnd:", 0) != 0) continue;
    return (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) != 0;
  }
  return false;
}

class EndingTest : public ServerTest {
 protected:
  static warren::v1::ExecuteCodeRequest WithTimeout(warren::v1::ExecuteCodeRequest request,
                                                    int milliseconds) {
    request.mutable_timeout()->set_seconds(milliseconds / 1000);
    request.mutable_timeout()->set_nanos(milliseconds % 1000 * 1'000'000);
    return request;
  }
  // It, and everything in it, is gone from the kernel; its record says so.
  static void ExpectDead(const TestSandbox& sandbox) {
    EXPECT_TRUE(Eventually([&] { return sandbox.Get().state() == warren::v1::Sandbox::DEAD; }));
    EXPECT_NE(sandbox.Get().reason(), "");
    EXPECT_TRUE(Eventually([&] {
      for (const std::string& cgroup : server().Cgroups()) {
        if (cgroup.find(sandbox.id()) != std::string::npos) return false;
      }
      return true;
    })) << sandbox.id();
  }
  // Its context is gone with all that it started, says why, and can be made anew; the sandbox and
  // its files live on.
  static void ExpectContextDead(TestSandbox& sandbox) {
    auto stub = warren::v1::ContextService::NewStub(server().channel());
    warren::v1::ListContextsRequest list;
    list.set_sandbox_id(sandbox.id());
    auto context = [&] {
      warren::v1::ListContextsResponse listed;
      grpc::ClientContext call;
      EXPECT_TRUE(stub->ListContexts(&call, list, &listed).ok());
      return listed.contexts_size() == 1 ? listed.contexts(0) : warren::v1::Context();
    };
    EXPECT_TRUE(Eventually([&] { return !context().alive(); }));
    EXPECT_NE(context().reason(), "");
    EXPECT_EQ(sandbox.Get().state(), warren::v1::Sandbox::RUNNING);
    CellRun refused = sandbox.Execute("1");
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(refused.status.error_message(), HasSubstr("restart it"));
    warren::v1::RestartContextRequest restart;
    restart.set_sandbox_id(sandbox.id());
    restart.set_context_id("default");
    warren::v1::Context fresh;
    grpc::ClientContext call;
    const grpc::Status status = stub->RestartContext(&call, restart, &fresh);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(fresh.alive());
    EXPECT_EQ(sandbox.Execute("6 * 7").result(), "42");
  }
};

TEST_F(EndingTest, TimeoutInterruptsAndTheContextLivesOn) {
  TestSandbox sandbox(server());
  sandbox.Execute("x = 1");
  CellRun run = sandbox.Execute(WithTimeout(sandbox.Request("import time; time.sleep(600)"), 200));
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(run.termination.context_alive());
  EXPECT_EQ(sandbox.Execute("x").result(), "1");
}

TEST_F(EndingTest, TimeoutKillsWhatIgnoresTheInterrupt) {
  TestSandbox sandbox(server());
  const auto deaf = sandbox.Request(
      "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass");
  CellRun run;
  run.termination.set_context_alive(true);
  // Where the interrupt comes before the cell ignores it, the cell gets more time for that.
  for (int ms = 200; run.termination.context_alive() && ms < PatienceMs(); ms *= 2) {
    run = sandbox.Execute(WithTimeout(deaf, ms));
    ASSERT_EQ(run.kind(), Termination::TIMED_OUT) << run.termination.message();
  }
  ASSERT_FALSE(run.termination.context_alive());
  ExpectContextDead(sandbox);
}

TEST_F(EndingTest, TooMuchMemoryEndsTheSandbox) {
  warren::v1::Limits limits;
  limits.set_memory_bytes(128 << 20);
  TestSandbox sandbox(server(), limits);
  CellRun run = sandbox.Execute("x = []\nwhile True: x.append(bytearray(4 << 20))");
  EXPECT_EQ(run.kind(), Termination::OUT_OF_MEMORY) << run.termination.message();
  ASSERT_FALSE(run.termination.context_alive());
  EXPECT_GT(run.usage.peak_memory_bytes(), 100 << 20);
  ExpectDead(sandbox);
  CellRun next = sandbox.Execute("1");
  EXPECT_EQ(next.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(next.status.error_message(), HasSubstr("create a new sandbox"));
}

// The launcher removes the cgroup while the supervisor stands still.
TEST_F(EndingTest, TooMuchMemoryIsCountedWhereTheCgroupGoesFirst) {
  warren::v1::Limits limits;
  limits.set_memory_bytes(128 << 20);
  TestSandbox sandbox(server(), limits);
  auto has_cgroup = [&] {
    return absl::c_any_of(server().Cgroups(), [&](const std::string& group) {
      return absl::StrContains(group, sandbox.id());
    });
  };
  ASSERT_TRUE(has_cgroup());
  grpc::ClientContext context;
  auto reader =
      sandbox.Begin(context, sandbox.Request("import time\ntime.sleep(1)\n"
                                             "x = []\nwhile True: x.append(bytearray(4 << 20))"));
  ASSERT_EQ(KillProcess(server().pid(), SIGSTOP), 0);
  EXPECT_TRUE(Eventually([&] { return !has_cgroup(); }));
  ASSERT_EQ(KillProcess(server().pid(), SIGCONT), 0);
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::OUT_OF_MEMORY) << run.termination.message();
  EXPECT_GT(run.usage.peak_memory_bytes(), 100 << 20);
  EXPECT_TRUE(run.usage.cpu_user().seconds() > 0 || run.usage.cpu_user().nanos() > 0 ||
              run.usage.cpu_system().seconds() > 0 || run.usage.cpu_system().nanos() > 0);
}

TEST_F(EndingTest, ExitCodeOfAProcessThatEndsItself) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("import os; print('last words', flush=True); os._exit(3)");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.termination.exit_code(), 3);
  ASSERT_FALSE(run.termination.context_alive());
  EXPECT_EQ(run.out, "last words\n");
  ExpectContextDead(sandbox);
}

TEST_F(EndingTest, SignalThatEndedTheContext) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)");
  EXPECT_EQ(run.kind(), Termination::KILLED);
  EXPECT_EQ(run.termination.signal(), SIGSEGV);
  ExpectContextDead(sandbox);
}

TEST_F(EndingTest, KillOfTheContextByItselfIsReportedByTheLauncher) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)");
  EXPECT_EQ(run.kind(), Termination::KILLED);
  EXPECT_EQ(run.termination.signal(), SIGKILL);
  ExpectContextDead(sandbox);
  // Not found out by waiting.
  EXPECT_THAT(server().log(),
              ::testing::Not(HasSubstr(absl::StrCat("event=end_not_told sandbox=", sandbox.id()))));
}

TEST_F(EndingTest, AContextThatClosesItsPipeEndsAndTakesNoCell) {
  TestSandbox sandbox(server());
  grpc::ClientContext context;
  auto reader = sandbox.Begin(
      context, sandbox.Request("import os, time\nprint('begun', flush=True)\nos.close(4)\n"
                               "time.sleep(600)"));
  ExecutionEvent begun;
  ASSERT_TRUE(reader->Read(&begun));
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::POLICY_VIOLATION) << run.termination.message();
  EXPECT_EQ(sandbox.Execute("1").status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  ExpectContextDead(sandbox);
}

TEST_F(EndingTest, OutputOverTheLimitIsCutExactly) {
  TestSandbox sandbox(server());
  auto request = sandbox.Request("while True: print('x' * 999)");
  request.set_max_output_bytes(100'000);
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::OUTPUT_LIMIT);
  EXPECT_EQ(run.out.size(), 100'000u);
  EXPECT_EQ(run.usage.output_bytes(), 100'000);
  EXPECT_TRUE(run.termination.context_alive());
  EXPECT_EQ(sandbox.Execute("'alive'").result(), "'alive'");
}

TEST_F(EndingTest, OutputLimitHoldsForWhatIgnoresInterrupts) {
  TestSandbox sandbox(server());
  auto request =
      sandbox.Request("import ctypes\nctypes.CDLL(None).system(b\"trap '' INT; exec yes\")");
  request.set_max_output_bytes(1 << 20);
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::OUTPUT_LIMIT);
  EXPECT_EQ(run.out.size(), size_t{1} << 20);
}

TEST_F(EndingTest, CancellingInterruptsTheCell) {
  TestSandbox sandbox(server());
  sandbox.Execute("x = 1");
  grpc::ClientContext context;
  auto reader = sandbox.Begin(context, sandbox.Request("while True: print('y')"));
  ExecutionEvent event;
  ASSERT_TRUE(reader->Read(&event));
  context.TryCancel();
  EXPECT_EQ(Collect(*reader).status.error_code(), grpc::StatusCode::CANCELLED);
  // The next cell waits for the end of the cancelled one, and finds the state.
  EXPECT_EQ(sandbox.Execute("x").result(), "1");
}

TEST_F(EndingTest, ClientThatVanishesMidStreamLeavesNothingRunning) {
  TestSandbox sandbox(server());
  {
    auto channel = server().NewChannel();
    auto stub = warren::v1::ExecutionService::NewStub(channel);
    grpc::ClientContext context;
    auto reader = stub->ExecuteCode(
        &context, sandbox.Request("import time\nwhile True: time.sleep(0.01); print('z')"));
    ExecutionEvent event;
    ASSERT_TRUE(reader->Read(&event));
    ASSERT_TRUE(reader->Read(&event));
    context.TryCancel();
  }
  EXPECT_EQ(sandbox.Execute("'free'").result(), "'free'");
}

// On a busy host a signal may be there before the worker has read what it is meant for.
TEST(InterruptTest, ThatComesBeforeItsCellIsAskedForAgain) {
  // From the interrupt to the kill forty seconds, which this test does not need.
  ::setenv("WARREN_PACE", "20", 1);
  Server server;
  ::unsetenv("WARREN_PACE");
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  sandbox.Execute("x = 1");
  std::vector<pid_t> processes = server.ProcessesOf(sandbox.id());
  ASSERT_FALSE(processes.empty());
  // Not stopped: that would be noticed.
  server.Freeze(sandbox.id(), true);
  grpc::ClientContext context;
  auto request = sandbox.Request("import time; time.sleep(600)");
  request.mutable_timeout()->set_seconds(0);
  request.mutable_timeout()->set_nanos(100'000'000);
  auto reader = sandbox.Begin(context, request);
  EXPECT_TRUE(Eventually([&] {
    return std::any_of(processes.begin(), processes.end(),
                       [](pid_t pid) { return HasPendingSignal(pid, SIGINT); });
  }));
  server.Freeze(sandbox.id(), false);
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT) << run.termination.message();
  EXPECT_TRUE(run.termination.context_alive());
  EXPECT_EQ(sandbox.Execute("x").result(), "1");
}

TEST_F(EndingTest, SlowClientHoldsTheCellBackAndTheTimeoutStillCounts) {
  TestSandbox sandbox(server());
  grpc::ClientContext context;
  auto reader = sandbox.Begin(
      context,
      WithTimeout(sandbox.Request("import sys\nwhile True: sys.stdout.write('q' * 65536)"), 1000));
  // Nothing is read meanwhile: neither the supervisor nor the worker may run away. Reading sooner
  // would only show less.
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT) << run.termination.message();
  EXPECT_TRUE(run.termination.context_alive());
  EXPECT_LT(run.out.size(), size_t{64} << 20);
}

TEST_F(EndingTest, InterruptExecutionRaisesKeyboardInterrupt) {
  TestSandbox sandbox(server());
  grpc::ClientContext context;
  auto reader = sandbox.Begin(
      context, sandbox.Request("import time; print('begun', flush=True); time.sleep(600)"));
  ExecutionEvent begun;
  ASSERT_TRUE(reader->Read(&begun));
  auto stub = warren::v1::ExecutionService::NewStub(server().channel());
  warren::v1::InterruptExecutionRequest request;
  request.set_sandbox_id(sandbox.id());
  warren::v1::InterruptExecutionResponse response;
  grpc::ClientContext interrupt_context;
  ASSERT_TRUE(stub->InterruptExecution(&interrupt_context, request, &response).ok());
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::EXCEPTION);
  ASSERT_EQ(run.errors.size(), 1u);
  EXPECT_EQ(run.errors[0].name(), "KeyboardInterrupt");

  grpc::ClientContext idle_context;
  EXPECT_EQ(stub->InterruptExecution(&idle_context, request, &response).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(EndingTest, DestroyEndsTheRunningCell) {
  TestSandbox sandbox(server());
  grpc::ClientContext context;
  auto reader = sandbox.Begin(context, sandbox.Request("import time; time.sleep(600)"));
  sandbox.Destroy();
  CellRun run = Collect(*reader);
  ASSERT_TRUE(run.status.ok());
  EXPECT_EQ(run.kind(), Termination::KILLED);
  EXPECT_THAT(run.termination.message(), HasSubstr("destroyed"));
  EXPECT_EQ(sandbox.Execute("1").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(EndingTest, LifetimeEndsTheSandbox) {
  TestSandbox sandbox(server());
  auto stub = warren::v1::SandboxService::NewStub(server().channel());
  warren::v1::SetSandboxLifetimeRequest request;
  request.set_sandbox_id(sandbox.id());
  request.mutable_lifetime()->set_seconds(1);
  // Whatever goes on.
  request.set_lifetime_from(warren::v1::LIFETIME_FROM_CREATION);
  grpc::ClientContext cell_context;
  auto reader = sandbox.Begin(cell_context, sandbox.Request("import time; time.sleep(600)"));
  warren::v1::Sandbox response;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->SetSandboxLifetime(&context, request, &response).ok());
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::KILLED);
  EXPECT_THAT(run.termination.message(), HasSubstr("lifetime"));
}

TEST_F(EndingTest, CpuSecondsEndTheSandbox) {
  warren::v1::Limits limits;
  limits.set_cpu_seconds(1);
  TestSandbox sandbox(server(), limits);
  CellRun run = sandbox.Execute("while True: pass");
  EXPECT_EQ(run.kind(), Termination::CPU_LIMIT) << run.termination.message();
  ExpectDead(sandbox);
}

// ---- A worker that lies: it harms its own sandbox alone.

struct Lie {
  const char* name;
  // Bytes that the code writes to the event pipe.
  const char* bytes;
};

class LieTest : public EndingTest, public ::testing::WithParamInterface<Lie> {};

TEST_P(LieTest, IsAPolicyViolation) {
  TestSandbox bystander(server());
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(
      absl::StrCat("import os, time\nos.write(4, ", GetParam().bytes, ")\ntime.sleep(600)"));
  EXPECT_EQ(run.kind(), Termination::POLICY_VIOLATION) << run.termination.message();
  EXPECT_THAT(run.termination.message(), HasSubstr("protocol"));
  EXPECT_EQ(run.finished, 1);
  ExpectContextDead(sandbox);
  EXPECT_EQ(bystander.Execute("1").result(), "1");
}

INSTANTIATE_TEST_SUITE_P(
    Frames, LieTest,
    ::testing::Values(Lie{"empty_frame", "b'\\0\\0\\0\\0'"},
                      Lie{"four_gibibytes", "b'\\xff\\xff\\xff\\xff'"},
                      Lie{"not_an_event", "b'\\x04\\0\\0\\0\\xff\\xff\\xff\\xff'"},
                      // execution_id 999, done {outcome: OK}
                      Lie{"done_of_another_cell",
                          "b'\\x07\\0\\0\\0\\x08\\xe7\\x07\\x42\\x02\\x08\\x01'"},
                      // ready {} again
                      Lie{"ready_again", "b'\\x02\\0\\0\\0\\x12\\0'"},
                      // execution_id 1, done {} without an outcome
                      Lie{"done_without_outcome", "b'\\x04\\0\\0\\0\\x08\\x01\\x42\\0'"}),
    [](const auto& lie) { return lie.param.name; });

TEST_F(EndingTest, ForgedDoneEndsOnlyItsOwnCell) {
  TestSandbox sandbox(server());
  // The genuine one that follows belongs to no cell any more.
  CellRun run =
      sandbox.Execute("import os; os.write(4, b'\\x06\\0\\0\\0\\x08\\x01\\x42\\x02\\x08\\x01')");
  EXPECT_EQ(run.finished, 1);
  sandbox.Execute("1");
  ExpectContextDead(sandbox);
}

}  // namespace
}  // namespace warren
