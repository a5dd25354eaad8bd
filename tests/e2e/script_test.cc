// Scripts, as clients have them: over gRPC, in a real sandbox.
#include <signal.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/e2e/harness.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::ExecutionEvent;
using warren::v1::RunScriptRequest;
using warren::v1::Termination;

class ScriptTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    executions_ = v1::ExecutionService::NewStub(server().channel());
    processes_ = v1::ProcessService::NewStub(server().channel());
    sandbox_ = std::make_unique<TestSandbox>(server());
    ASSERT_TRUE(sandbox_->created().ok()) << sandbox_->created().error_message();
  }
  RunScriptRequest Source(const std::string& source, const std::string& language = "bash") const {
    RunScriptRequest request;
    request.set_sandbox_id(sandbox_->id());
    request.set_source(source);
    request.set_language(language);
    return request;
  }
  CellRun Run(const RunScriptRequest& request) {
    grpc::ClientContext context;
    return Collect(*executions_->RunScript(&context, request));
  }
  // Reads up to an output that holds this.
  std::unique_ptr<grpc::ClientReader<ExecutionEvent>> Begin(grpc::ClientContext& context,
                                                            const RunScriptRequest& request,
                                                            const std::string& said,
                                                            ExecutionEvent::Started* started) {
    auto reader = executions_->RunScript(&context, request);
    ExecutionEvent event;
    std::string out;
    while (!absl::StrContains(out, said) && reader->Read(&event)) {
      if (event.has_started()) *started = event.started();
      out += event.output().data();
    }
    EXPECT_THAT(out, HasSubstr(said));
    return reader;
  }
  CellRun Connect(const std::string& execution_id) {
    v1::ConnectExecutionRequest request;
    request.set_sandbox_id(sandbox_->id());
    request.set_execution_id(execution_id);
    grpc::ClientContext context;
    return Collect(*executions_->ConnectExecution(&context, request));
  }
  // In /tmp, to what runs there.
  std::string Left() {
    return sandbox_->Execute("import os; print([n for n in os.listdir('/tmp')])").out;
  }
  bool Runs(const std::string& word) {
    grpc::ClientContext context;
    v1::ListProcessesRequest request;
    request.set_sandbox_id(sandbox_->id());
    v1::ListProcessesResponse response;
    EXPECT_TRUE(processes_->ListProcesses(&context, request, &response).ok());
    for (const auto& process : response.processes()) {
      if (process.process_id() == word && !process.has_termination()) return true;
    }
    return false;
  }

  std::unique_ptr<v1::ExecutionService::Stub> executions_;
  std::unique_ptr<v1::ProcessService::Stub> processes_;
  std::unique_ptr<TestSandbox> sandbox_;
};

TEST_F(ScriptTest, ASourceHasItsArgumentsInputEnvironmentAndDirectory) {
  auto request = Source(
      "import os, sys\n"
      "print(sys.argv[1:], sys.stdin.read(), os.environ['A'], os.getcwd())\n"
      "print(sorted(os.listdir(sys.path[0])), os.getuid())\n"
      "print('to err', file=sys.stderr)\n"
      "sys.exit(4)\n",
      "");
  request.add_arguments("-c");
  request.add_arguments("two words");
  request.set_standard_input("given");
  (*request.mutable_env())["A"] = "own";
  request.set_working_directory("/usr");
  CellRun run = Run(request);
  EXPECT_TRUE(run.status.ok()) << run.status.error_message();
  EXPECT_EQ(run.out, "['-c', 'two words'] given own /usr\n['script'] 1000\n");
  EXPECT_EQ(run.err, "to err\n");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.termination.exit_code(), 4);
  EXPECT_EQ(run.finished, 1);
  EXPECT_GT(run.usage.wall().nanos() + run.usage.wall().seconds(), 0);
  EXPECT_EQ(run.usage.output_bytes(), static_cast<int64_t>(run.out.size() + run.err.size()));
  EXPECT_EQ(Left(), "[]\n");
}

TEST_F(ScriptTest, ALargeInputIsReadWhole) {
  auto request = Source("wc -c; wc -c < \"$0\"");
  request.set_standard_input(std::string(1 << 20, 'i'));
  request.mutable_source()->append("\n#").append(std::string(900 << 10, '#'));
  EXPECT_EQ(Run(request).out, absl::StrCat(1 << 20, "\n", request.source().size(), "\n"));
}

TEST_F(ScriptTest, AFileOfTheSandboxIsRunWhereItIs) {
  sandbox_->Execute(
      "open('a.sh', 'w').write('echo $0 $1; exit 3')\nimport os; os.mkdir('d')\n"
      "open('no.py', 'w'); os.chmod('no.py', 0)");
  RunScriptRequest request;
  request.set_sandbox_id(sandbox_->id());
  request.set_path("a.sh");
  request.add_arguments("one");
  CellRun run = Run(request);
  EXPECT_EQ(run.out, "/home/user/a.sh one\n");
  EXPECT_EQ(run.termination.exit_code(), 3);
  sandbox_->Execute("open('a.js', 'w').write('console.log(process.argv[2]); process.exit(4)')");
  request.set_path("a.js");
  run = Run(request);
  EXPECT_EQ(run.out, "one\n") << "by node";
  EXPECT_EQ(run.termination.exit_code(), 4);
  for (const auto& [path, code] : std::vector<std::pair<std::string, grpc::StatusCode>>{
           {"nowhere.py", grpc::StatusCode::NOT_FOUND},
           {"/home/user/d", grpc::StatusCode::FAILED_PRECONDITION},
           {"no.py", grpc::StatusCode::PERMISSION_DENIED}}) {
    request.set_path(path);
    run = Run(request);
    EXPECT_EQ(run.status.error_code(), code) << path << ": " << run.status.error_message();
    EXPECT_THAT(run.status.error_message(), HasSubstr(path));
    EXPECT_TRUE(run.events.empty());
  }
}

TEST_F(ScriptTest, WhatCannotRunIsRefusedByName) {
  auto refused = [&](const std::function<void(RunScriptRequest&)>& set) {
    auto request = Source("echo");
    set(request);
    CellRun run = Run(request);
    EXPECT_TRUE(run.events.empty());
    return absl::StrCat(run.status.error_code(), " ", run.status.error_message());
  };
  EXPECT_THAT(refused([](auto& request) { request.set_language("cobol"); }),
              HasSubstr("3 language"));
  EXPECT_THAT(refused([](auto& request) { request.set_user("bob"); }), HasSubstr("3 user"));
  EXPECT_THAT(refused([](auto& request) { request.set_working_directory("/no/such"); }),
              HasSubstr("5 working_directory"));
  EXPECT_THAT(refused([](auto& request) { request.set_sandbox_id("sbnone"); }), HasSubstr("5 "));
  // That of the one whose command could not start: nobody waits until it is removed.
  EXPECT_TRUE(Eventually([&] { return Left() == "[]\n"; }));
}

TEST_F(ScriptTest, AtItsDeadlineItMayCleanUpAndItsChildrenGoWithIt) {
  auto request = Source("trap 'echo cleaned; exit 0' TERM\nsleep 1000 & echo up\nwait\n");
  CellRun run;
  // As soon as it is up within that.
  for (int seconds = 1; !absl::StartsWith(run.out, "up\n") && seconds < 100; seconds *= 2) {
    request.mutable_timeout()->set_seconds(seconds);
    run = Run(request);
  }
  EXPECT_EQ(run.out, "up\ncleaned\n");
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(
      Eventually([&] { return sandbox_->Execute("!pgrep sleep || echo none").out == "none\n"; }));
  request.set_source("trap '' TERM\necho up; while :; do sleep 0.1; done");
  run = CellRun();
  for (int seconds = 1; !absl::StartsWith(run.out, "up\n") && seconds < 100; seconds *= 2) {
    request.mutable_timeout()->set_seconds(seconds);
    run = Run(request);
  }
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_THAT(run.termination.message(), HasSubstr("killed"));
  EXPECT_EQ(Left(), "[]\n");
}

TEST_F(ScriptTest, ItsDeadlineStandsStillWithItsSandbox) {
  auto sandboxes = v1::SandboxService::NewStub(server().channel());
  auto request = Source("echo up; until [ -e go ]; do sleep 0.1; done; echo went");
  request.mutable_timeout()->set_seconds(60);
  grpc::ClientContext context;
  ExecutionEvent::Started started;
  auto reader = Begin(context, request, "up", &started);
  grpc::ClientContext pausing;
  v1::PauseSandboxRequest pause;
  pause.set_sandbox_id(sandbox_->id());
  v1::Sandbox told;
  ASSERT_TRUE(sandboxes->PauseSandbox(&pausing, pause, &told).ok());
  EXPECT_EQ(Run(Source("echo")).status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  grpc::ClientContext resuming;
  v1::ResumeSandboxRequest resume;
  resume.set_sandbox_id(sandbox_->id());
  ASSERT_TRUE(sandboxes->ResumeSandbox(&resuming, resume, &told).ok());
  EXPECT_EQ(Run(Source("touch go")).kind(), Termination::EXITED);
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.out, "went\n");
  EXPECT_EQ(run.kind(), Termination::EXITED);
}

TEST_F(ScriptTest, WhoseClientGoesItEndsWithItUnlessThatWasSaidOtherwise) {
  ExecutionEvent::Started started;
  {
    grpc::ClientContext context;
    auto endless = Source("echo up; sleep 1000");
    endless.mutable_timeout()->set_seconds(3600);
    auto reader = Begin(context, endless, "up", &started);
    EXPECT_TRUE(Runs(started.process_id()));
    context.TryCancel();
    EXPECT_FALSE(Collect(*reader).status.ok());
  }
  EXPECT_TRUE(Eventually([&] { return !Runs(started.process_id()); }));
  EXPECT_TRUE(Eventually([&] { return Left() == "[]\n"; }));

  auto request = Source("echo up; read line; echo \"$line\"");
  request.set_on_disconnect(v1::ON_DISCONNECT_CONTINUE);
  request.set_standard_input("heard\n");
  request.mutable_source()->insert(0, "until [ -e go ]; do sleep 0.1; done\n");
  grpc::ClientContext context;
  auto reader = executions_->RunScript(&context, request);
  ExecutionEvent event;
  ASSERT_TRUE(reader->Read(&event));
  context.TryCancel();
  EXPECT_FALSE(Collect(*reader).status.ok());
  EXPECT_EQ(Run(Source("touch go")).kind(), Termination::EXITED);
  CellRun run;
  // Until its client is known to have gone.
  EXPECT_TRUE(Eventually([&] {
    run = Connect(event.started().execution_id());
    return run.status.error_code() != grpc::StatusCode::FAILED_PRECONDITION;
  }));
  EXPECT_TRUE(run.status.ok()) << run.status.error_message();
  EXPECT_EQ(run.out, "up\nheard\n");
  EXPECT_EQ(run.kind(), Termination::EXITED);
}

TEST_F(ScriptTest, ARequestIdMakesItHappenOnce) {
  auto request = Source("echo once >> ran; wc -l < ran");
  request.set_request_id("a");
  CellRun first = Run(request);
  CellRun second = Run(request);
  EXPECT_EQ(first.out, "1\n");
  EXPECT_EQ(second.out, "1\n");
  EXPECT_EQ(first.events.at(0).started().execution_id(),
            second.events.at(0).started().execution_id());
  request.set_source("echo other");
  EXPECT_EQ(Run(request).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  // What did not start has taken no id.
  request.set_request_id("b");
  request.set_path("late.sh");
  EXPECT_EQ(Run(request).status.error_code(), grpc::StatusCode::NOT_FOUND);
  sandbox_->Execute("open('late.sh', 'w').write('echo there')");
  EXPECT_EQ(Run(request).out, "there\n");
}

TEST_F(ScriptTest, ItIsAProcessToOthersToo) {
  grpc::ClientContext context;
  ExecutionEvent::Started started;
  auto reader = Begin(context, Source("echo up; sleep 1000"), "up", &started);
  EXPECT_EQ(Connect(started.execution_id()).status.error_code(),
            grpc::StatusCode::FAILED_PRECONDITION)
      << "it has its client";
  grpc::ClientContext signalling;
  v1::SignalProcessRequest signal;
  signal.set_sandbox_id(sandbox_->id());
  signal.set_process_id(started.process_id());
  signal.set_signal(SIGUSR1);
  v1::SignalProcessResponse response;
  EXPECT_TRUE(processes_->SignalProcess(&signalling, signal, &response).ok());
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::KILLED);
  EXPECT_EQ(run.termination.signal(), SIGUSR1);
  EXPECT_EQ(Connect(started.execution_id()).status.error_code(), grpc::StatusCode::NOT_FOUND)
      << "its client saw its end";
}

TEST_F(ScriptTest, ItsOutputAndItsMemoryAreBounded) {
  auto request = Source("yes");
  request.set_max_output_bytes(100'000);
  CellRun run = Run(request);
  EXPECT_EQ(run.kind(), Termination::OUTPUT_LIMIT);
  EXPECT_EQ(run.out.size(), 100'000u);
  run = Run(Source("x = bytearray(1 << 40)", "python"));
  EXPECT_EQ(run.termination.exit_code(), 1) << "an exception is the script's own";
  run = Run(Source("x = []\nwhile True: x.append(bytearray(b'x' * (8 << 20)))", "python"));
  EXPECT_EQ(run.kind(), Termination::OUT_OF_MEMORY);
}

TEST_F(ScriptTest, RootAndSudoAreThere) {
  EXPECT_EQ(Run(Source("id -u; sudo id -u")).out, "1000\n0\n");
  auto request = Source("id -u; stat -c '%U %a' \"$0\" \"$(dirname \"$0\")\"");
  request.set_user("root");
  EXPECT_EQ(Run(request).out, "0\nroot 700\nroot 755\n");
  EXPECT_EQ(Left(), "[]\n");
}

// Code of the sandbox that takes every name in /tmp for its own as soon as it is there.
TEST_F(ScriptTest, WhoRacesForItsNameDoesNotSayWhatRootRuns) {
  sandbox_->Execute(
      "import os, threading\n"
      "def race():\n"
      "    while True:\n"
      "        for name in os.listdir('/tmp'):\n"
      "            path = '/tmp/' + name\n"
      "            for steal in (lambda: os.rename(path, path + '-'), lambda: os.mkdir(path),\n"
      "                          lambda: os.symlink('/home/user', path + '/x'),\n"
      "                          lambda: open(path + '/script', 'w').write('echo PLANTED')):\n"
      "                try: steal()\n"
      "                except OSError: pass\n"
      "threading.Thread(target=race, daemon=True).start()\n");
  for (int i = 0; i < 20; ++i) {
    auto request = Source("id -u");
    request.set_user("root");
    EXPECT_EQ(Run(request).out, "0\n");
    // Its own user's it may take away: that is told, and nothing hangs.
    CellRun own = Run(Source("echo own"));
    EXPECT_TRUE(own.finished == 1 || !own.status.ok());
  }
}

}  // namespace
}  // namespace warren
