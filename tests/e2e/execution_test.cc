// A cell's way through everything: what comes back, and in which order.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

class ExecutionTest : public ServerTest {};

TEST_F(ExecutionTest, ReturnsTheValueOfTheLastExpression) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("1 + 1");
  ASSERT_TRUE(run.status.ok()) << run.status.error_message();
  EXPECT_EQ(run.result(), "2");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.termination.exit_code(), 0);
  EXPECT_TRUE(run.termination.context_alive());
  EXPECT_EQ(run.execution_count, 1);
}

TEST_F(ExecutionTest, StartsWithStartedAndEndsWithOneFinished) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("print('a'); 7");
  ASSERT_GE(run.events.size(), 4u);
  EXPECT_TRUE(run.events.front().has_started());
  EXPECT_TRUE(run.events.back().has_finished());
  EXPECT_EQ(run.finished, 1);
}

std::string OrderOf(const CellRun& run) {
  std::string order;
  for (const ExecutionEvent& event : run.events) {
    if (event.has_output()) order += event.output().data();
    if (event.has_display()) order += "<display>\n";
  }
  return order;
}

TEST_F(ExecutionTest, KeepsTheOrderOfOutputAndDisplays) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(
      "from IPython.display import display\n"
      "print('before'); display({'text/plain': 'shown'}, raw=True); print('after')");
  EXPECT_EQ(OrderOf(run), "before\n<display>\nafter\n");
}

TEST_F(ExecutionTest, DeliversWhatChildrenWroteBeforeWhatComesAfterThem) {
  TestSandbox sandbox(server());
  CellRun run =
      sandbox.Execute("import subprocess; subprocess.run(['echo', 'child']); print('after')");
  EXPECT_EQ(OrderOf(run), "child\nafter\n");
}

TEST_F(ExecutionTest, StreamsOutputWhileTheCellRuns) {
  TestSandbox sandbox(server());
  grpc::ClientContext context;
  auto reader = sandbox.Begin(
      context, sandbox.Request("import time; print('now', flush=True); time.sleep(600)"));
  ExecutionEvent event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.output().data(), "now\n");
  context.TryCancel();
  reader->Finish();
}

TEST_F(ExecutionTest, TellsStdoutFromStderrAndKeepsBytesAsTheyAre) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(
      "import sys, os; os.write(1, b'raw\\xff\\n'); os.write(2, b'noise\\n')\n"
      "print('o'); print('e', file=sys.stderr)");
  EXPECT_EQ(run.out, "raw\xff\no\n");
  EXPECT_EQ(run.err, "noise\ne\n");
}

TEST_F(ExecutionTest, KeepsStateBetweenCells) {
  TestSandbox sandbox(server());
  EXPECT_EQ(sandbox.Execute("x = 20").kind(), Termination::EXITED);
  CellRun run = sandbox.Execute("x + 1");
  EXPECT_EQ(run.result(), "21");
  EXPECT_EQ(run.execution_count, 2);
}

TEST_F(ExecutionTest, DoesNotShareStateBetweenSandboxes) {
  TestSandbox one(server());
  TestSandbox other(server());
  one.Execute("secret = 1; open('/tmp/secret', 'w').write('1')");
  CellRun run = other.Execute("import os; ('secret' in globals(), os.path.exists('/tmp/secret'))");
  EXPECT_EQ(run.result(), "(False, False)");
}

TEST_F(ExecutionTest, KnowsNothingOfTheZygotesHost) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("import os, platform; (platform.node(), os.uname().nodename)");
  EXPECT_EQ(run.result(), "('sandbox', 'sandbox')");
}

TEST_F(ExecutionTest, ReportsAnExceptionAsNameValueAndTraceback) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute("def f():\n  raise ValueError('wrong')\nf()");
  ASSERT_EQ(run.errors.size(), 1u);
  EXPECT_EQ(run.errors[0].name(), "ValueError");
  EXPECT_EQ(run.errors[0].value(), "wrong");
  EXPECT_THAT(run.errors[0].traceback(), HasSubstr("f()"));
  EXPECT_EQ(run.kind(), Termination::EXCEPTION);
  EXPECT_TRUE(run.termination.context_alive());
  EXPECT_EQ(sandbox.Execute("1").result(), "1");
}

TEST_F(ExecutionTest, RunsTopLevelAwait) {
  TestSandbox sandbox(server());
  EXPECT_EQ(sandbox.Execute("import asyncio\nawait asyncio.sleep(0.01)\n'slept'").result(),
            "'slept'");
}

TEST_F(ExecutionTest, TakesCodeOfOneMebibyte) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(absl::StrCat("x = 5\n#", std::string((1 << 20) - 10, 'y'), "\nx"));
  ASSERT_TRUE(run.status.ok()) << run.status.error_message();
  EXPECT_EQ(run.result(), "5");
}

TEST_F(ExecutionTest, DeliversLargeOutputWhole) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(
      "import sys\n"
      "for i in range(300): sys.stdout.write(f'{i:07d}' * 4096)\n"
      "sys.stdout.flush()");
  ASSERT_EQ(run.kind(), Termination::EXITED) << run.termination.message();
  ASSERT_EQ(run.out.size(), 300u * 7 * 4096);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(run.out.substr(static_cast<size_t>(i) * 7 * 4096, 7),
              absl::StrCat(absl::Dec(i, absl::kZeroPad7)));
  }
  EXPECT_EQ(run.usage.output_bytes(), 300 * 7 * 4096);
}

TEST_F(ExecutionTest, RunsQueuedCellsInOrderOfArrival) {
  TestSandbox sandbox(server());
  sandbox.Execute("seen = []");
  grpc::ClientContext first_context, second_context;
  auto first =
      sandbox.Begin(first_context, sandbox.Request("import time; time.sleep(0.3); seen.append(1)"));
  auto stub = warren::v1::ExecutionService::NewStub(server().channel());
  auto second = stub->ExecuteCode(&second_context, sandbox.Request("seen.append(2)"));
  EXPECT_EQ(Collect(*first).kind(), Termination::EXITED);
  EXPECT_EQ(Collect(*second).kind(), Termination::EXITED);
  EXPECT_EQ(sandbox.Execute("seen").result(), "[1, 2]");
}

TEST_F(ExecutionTest, CountsWhatItCost) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(
      "import time\nend, turns = time.process_time() + 0.5, 0\n"
      // Turns too: what the host's own hypervisor takes is time to this clock, and no tick of v1's.
      "while time.process_time() < end or turns < 200_000: turns += 1\n"
      "print('12345')");
  const double wall =
      static_cast<double>(run.usage.wall().seconds()) + run.usage.wall().nanos() / 1e9;
  const double cpu =
      static_cast<double>(run.usage.cpu_user().seconds()) + run.usage.cpu_user().nanos() / 1e9 +
      static_cast<double>(run.usage.cpu_system().seconds()) + run.usage.cpu_system().nanos() / 1e9;
  EXPECT_GE(wall, 0.5);
  // Of the right magnitude: cgroup v1 counts user and system time in ticks, and starting the cell
  // counts too.
  EXPECT_GT(cpu, 0.1);
  EXPECT_LT(cpu, 50);
  EXPECT_GT(run.usage.peak_memory_bytes(), 1 << 20);
  EXPECT_GE(run.usage.peak_pids(), 1);
  EXPECT_EQ(run.usage.output_bytes(), 6);
}

}  // namespace
}  // namespace warren
