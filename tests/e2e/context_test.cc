// What threads, children, short timeouts and closed descriptors do to a context.
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/e2e/harness.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::ExecutionEvent;
using warren::v1::Termination;

class ContextTest : public ServerTest {
 protected:
  static warren::v1::ExecuteCodeRequest WithTimeout(warren::v1::ExecuteCodeRequest request,
                                                    int milliseconds) {
    request.mutable_timeout()->set_seconds(milliseconds / 1000);
    request.mutable_timeout()->set_nanos(milliseconds % 1000 * 1'000'000);
    return request;
  }
};

// ---- What a request asks for, and what comes of it

TEST_F(ContextTest, DisplaysHaveMetadataAndIdsAndAreUpdatedAndCleared) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(
      "from IPython.display import clear_output\n"
      "h = display({'text/plain': 'a'}, raw=True, metadata={'text/plain': {'width': 3}}, "
      "display_id='mine')\n"
      "clear_output(wait=True)\n"
      "h.update('b')");
  ASSERT_EQ(run.displays.size(), 2u);
  EXPECT_EQ(run.displays[0].metadata_json(), R"({"text/plain": {"width": 3}})");
  EXPECT_EQ(run.displays[0].display_id(), "mine");
  EXPECT_FALSE(run.displays[0].update());
  EXPECT_EQ(run.displays[1].display_id(), "mine");
  EXPECT_TRUE(run.displays[1].update());
  std::vector<bool> clears;
  for (const ExecutionEvent& event : run.events) {
    if (event.has_clear_output()) clears.push_back(event.clear_output().wait());
  }
  EXPECT_THAT(clears, ::testing::ElementsAre(true));
}

TEST_F(ContextTest, SilentCellsDoNotCountAndExpressionsHaveValues) {
  TestSandbox sandbox(server());
  EXPECT_EQ(sandbox.Execute("x = 20").execution_count, 1);
  auto request = sandbox.Request("x + 1");
  request.set_silent(true);
  (*request.mutable_user_expressions())["good"] = "x + 2";
  (*request.mutable_user_expressions())["bad"] = "1/0";
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_TRUE(run.displays.empty());
  EXPECT_EQ(run.execution_count, 1);
  const auto& values = run.events.back().finished().user_expressions();
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values.at("good").display().data().at("text/plain"), "22");
  EXPECT_EQ(values.at("bad").error().name(), "ZeroDivisionError");
  EXPECT_EQ(sandbox.Execute("1").execution_count, 2);
}

TEST_F(ContextTest, TracebacksHaveColoursWhereTheyAreAskedFor) {
  TestSandbox sandbox(server());
  auto request = sandbox.Request("1/0");
  EXPECT_THAT(sandbox.Execute(request).errors.at(0).traceback(),
              ::testing::Not(HasSubstr("\x1b[")));
  request.set_colors(true);
  EXPECT_THAT(sandbox.Execute(request).errors.at(0).traceback(), HasSubstr("\x1b["));
}

// ---- Threads that go on between cells

TEST_F(ContextTest, LinesOfAThreadBetweenCellsAreAllDelivered) {
  TestSandbox sandbox(server());
  std::string out = sandbox
                        .Execute(
                            "import threading\n"
                            "def work():\n"
                            "    for n in range(20000): print(n)\n"
                            "thread = threading.Thread(target=work); thread.start()")
                        .out;
  ASSERT_TRUE(Eventually([&] {
    CellRun run = sandbox.Execute("pass");
    out += run.out;
    return run.kind() != Termination::EXITED || absl::EndsWith(out, "19999\n");
  }));
  std::string expected;
  for (int n = 0; n < 20000; ++n) absl::StrAppend(&expected, n, "\n");
  EXPECT_EQ(out.size(), expected.size());
  EXPECT_TRUE(out == expected);
}

TEST_F(ContextTest, DisplaysOfAThreadBetweenCellsAreAllDelivered) {
  TestSandbox sandbox(server());
  std::vector<ExecutionEvent::Display> displays;
  auto run = [&](const char* code) {
    CellRun cell = sandbox.Execute(code);
    for (auto& display : cell.displays) displays.push_back(std::move(display));
    return cell.kind();
  };
  run("import threading\n"
      "def work():\n"
      "    for n in range(5000): display(n)\n"
      "thread = threading.Thread(target=work); thread.start()");
  ASSERT_TRUE(
      Eventually([&] { return run("pass") != Termination::EXITED || displays.size() >= 5000; }));
  ASSERT_EQ(displays.size(), 5000u);
  for (int n = 0; n < 5000; ++n) {
    ASSERT_EQ(displays[static_cast<size_t>(n)].data().at("text/plain"), absl::StrCat(n));
  }
}

// ---- Interrupts

// Whatever a cell's first milliseconds are spent on, the interrupt stops it.
TEST_F(ContextTest, TimeoutOfAMillisecondLeavesTheContextAlive) {
  TestSandbox sandbox(server());
  sandbox.Execute("x = 1");
  for (int i = 0; i < 200; ++i) {
    CellRun run =
        sandbox.Execute(WithTimeout(sandbox.Request("import time; time.sleep(600)"), 1 + i % 2));
    ASSERT_EQ(run.kind(), Termination::TIMED_OUT) << i << ": " << run.termination.message();
    ASSERT_TRUE(run.termination.context_alive()) << i << ": " << run.termination.message();
  }
  EXPECT_EQ(sandbox.Execute("x").result(), "1");
}

TEST_F(ContextTest, TimeoutOfAMillisecondInAFirstCellLeavesTheContextAlive) {
  for (int i = 0; i < 20; ++i) {
    TestSandbox sandbox(server());
    CellRun run =
        sandbox.Execute(WithTimeout(sandbox.Request("import time; time.sleep(600)"), 1 + i % 2));
    ASSERT_EQ(run.kind(), Termination::TIMED_OUT) << i << ": " << run.termination.message();
    ASSERT_TRUE(run.termination.context_alive()) << i << ": " << run.termination.message();
    EXPECT_EQ(sandbox.Execute("'on'").result(), "'on'");
  }
}

// ---- Descriptors

struct Loss {
  const char* name;
  const char* code;
};

class LossTest : public ContextTest, public ::testing::WithParamInterface<Loss> {
 protected:
  // Why its context is gone; empty while it lives.
  std::string Reason(const TestSandbox& sandbox) {
    auto contexts = warren::v1::ContextService::NewStub(server().channel());
    grpc::ClientContext context;
    warren::v1::ListContextsRequest request;
    request.set_sandbox_id(sandbox.id());
    warren::v1::ListContextsResponse response;
    EXPECT_TRUE(contexts->ListContexts(&context, request, &response).ok());
    return response.contexts_size() == 1 ? response.contexts(0).reason() : "";
  }
};

// The cell itself may end well, for the loss shows when the next one is waited for.
TEST_P(LossTest, OfTheControlChannelIsExplained) {
  TestSandbox sandbox(server());
  CellRun run = sandbox.Execute(GetParam().code);
  std::string message = run.termination.message();
  if (run.kind() == Termination::EXITED && run.termination.context_alive()) {
    // First it is only known that it ends.
    ASSERT_TRUE(Eventually([&] {
      message = Reason(sandbox);
      return absl::StrContains(message, "control channel");
    })) << message;
    CellRun next = sandbox.Execute("1");
    EXPECT_EQ(next.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(next.status.error_message(), HasSubstr("control channel"));
  } else {
    EXPECT_EQ(run.kind(), Termination::POLICY_VIOLATION) << message;
  }
  EXPECT_THAT(message, HasSubstr("control channel"));
  EXPECT_THAT(message, HasSubstr("file descriptor"));
}

INSTANTIATE_TEST_SUITE_P(
    Descriptors, LossTest,
    ::testing::Values(
        Loss{"close_requests", "import os; os.close(3)"},
        Loss{"close_events", "import os; os.close(4)"},
        Loss{"close_all", "import os; os.closerange(3, 1024)"},
        Loss{"close_events_and_sleep", "import os, time; os.close(4); time.sleep(600)"},
        Loss{"null_over_requests", "import os; os.dup2(os.open('/dev/null', os.O_RDWR), 3)"},
        Loss{"null_over_events", "import os; os.dup2(os.open('/dev/null', os.O_RDWR), 4)"},
        Loss{"file_over_requests",
             "import os; open('x', 'w').write('x' * 100); os.close(3); f = open('x')"},
        Loss{"non_blocking_events",
             "import os; os.set_blocking(4, False)\nwhile True: print('x' * 99999)"},
        Loss{"exec", "import os; os.execv('/bin/sleep', ['sleep', '600'])"}),
    [](const auto& loss) { return loss.param.name; });

TEST_F(ContextTest, NoDescriptorsLeftIsTheCodesOwnTrouble) {
  TestSandbox sandbox(server());
  EXPECT_EQ(sandbox
                .Execute("import resource, os, signal\n"
                         "resource.setrlimit(resource.RLIMIT_NOFILE, (0, "
                         "resource.getrlimit(resource.RLIMIT_NOFILE)[1]))")
                .kind(),
            Termination::EXITED);
  EXPECT_EQ(sandbox.Execute("6 * 7").result(), "42");
  CellRun refused = sandbox.Execute("open('/dev/null')");
  ASSERT_EQ(refused.errors.size(), 1u);
  EXPECT_EQ(refused.errors[0].name(), "OSError");
  CellRun forked =
      sandbox.Execute("pid = os.fork()\nif pid == 0: os._exit(3)\nos.waitpid(pid, 0)[1]");
  EXPECT_EQ(forked.result(), "768");
  EXPECT_EQ(sandbox.Execute("'on'").result(), "'on'");
}

// ---- Children of a cell that is interrupted

// Command lines that are alive in the sandbox and contain `mark`.
std::vector<std::string> Alive(TestSandbox& sandbox, const std::string& mark) {
  CellRun run = sandbox.Execute(
      absl::StrCat("import os\n"
                   "def _lines():\n"
                   "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
                   "        try:\n"
                   "            line = open(f'/proc/{pid}/cmdline').read().replace('\\0', ' ')\n"
                   "        except OSError: continue\n"
                   "        if '",
                   mark, "' in line: print(line)\n_lines()"));
  return absl::StrSplit(run.out, '\n', absl::SkipEmpty());
}

struct Foreground {
  const char* name;
  const char* code;
};

class ForegroundTest : public ContextTest, public ::testing::WithParamInterface<Foreground> {};

TEST_P(ForegroundTest, EndsWithItsCell) {
  TestSandbox sandbox(server());
  sandbox.Execute("import os, subprocess, sys\nbackground = subprocess.Popen(['sleep', '777'])");
  sandbox.Execute("!sleep 778 &");
  // Where the timeout came before the children were there, it shows nothing: again.
  int ms = 500;
  CellRun run;
  do {
    run = sandbox.Execute(WithTimeout(sandbox.Request(GetParam().code), ms));
    ASSERT_EQ(run.kind(), Termination::TIMED_OUT) << run.termination.message();
    ASSERT_TRUE(run.termination.context_alive()) << run.termination.message();
    ms *= 2;
  } while (run.out.find("begun") == std::string::npos && ms < PatienceMs());
  EXPECT_THAT(run.out, HasSubstr("begun"));
  EXPECT_TRUE(Eventually([&] { return Alive(sandbox, "666").empty(); }))
      << Alive(sandbox, "666").front();
  EXPECT_EQ(Alive(sandbox, "sleep 777").size(), 1u) << "started for the background";
  EXPECT_EQ(Alive(sandbox, "sleep 778").size(), 1u) << "started for the background";
}

INSTANTIATE_TEST_SUITE_P(
    Programs, ForegroundTest,
    ::testing::Values(
        Foreground{"bash_magic", "%%bash\necho begun\nsleep 666\necho 666"},
        Foreground{"bash_magic_that_ignores_it",
                   "%%bash\ntrap '' INT TERM\necho begun\nsleep 666\necho 666"},
        Foreground{"script_magic", "%%script sh\necho begun\nsleep 666 | cat\necho 666"},
        Foreground{"shell_escape", "!echo begun; sleep 666; echo 666"},
        Foreground{"shell_escape_that_ignores_it", "!trap '' INT; echo begun; sleep 666; echo 666"},
        Foreground{"shell_escapes_in_a_loop",
                   "for _ in range(99):\n    !echo begun; sleep 666; echo"},
        Foreground{"captured_shell_escape", "print('begun')\nx = !sleep 666; echo 666"},
        Foreground{"subprocess_run",
                   "print('begun'); subprocess.run('sleep 666; echo 666', shell=True)"},
        Foreground{"check_output",
                   "print('begun'); subprocess.check_output('sleep 666; echo 666', shell=True)"},
        Foreground{"os_system", "print('begun'); os.system('sleep 666; echo 666')"}),
    [](const auto& foreground) { return foreground.param.name; });

}  // namespace
}  // namespace warren
