// Contexts beside the first one: languages, directories, variables, their making and their ends.
#include <string>

#include "absl/strings/match.h"
#include "tests/e2e/harness.h"
#include "warren/v1/package.grpc.pb.h"

namespace warren {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using warren::v1::Termination;

class FurtherContextsTest : public ServerTest {
 protected:
  FurtherContextsTest()
      : sandbox(server()), contexts_(warren::v1::ContextService::NewStub(server().channel())) {}

  grpc::Status Create(grpc::ClientContext& call, const warren::v1::CreateContextRequest& request,
                      warren::v1::Context& made) {
    return contexts_->CreateContext(&call, request, &made);
  }
  warren::v1::ListContextsResponse List() {
    warren::v1::ListContextsRequest request;
    request.set_sandbox_id(sandbox.id());
    warren::v1::ListContextsResponse response;
    grpc::ClientContext call;
    EXPECT_TRUE(contexts_->ListContexts(&call, request, &response).ok());
    return response;
  }
  grpc::Status Create(warren::v1::CreateContextRequest request, warren::v1::Context& made) {
    request.set_sandbox_id(sandbox.id());
    grpc::ClientContext call;
    return contexts_->CreateContext(&call, request, &made);
  }
  warren::v1::Context Create(const std::string& language, const std::string& directory = "") {
    warren::v1::CreateContextRequest request;
    request.set_language(language);
    request.set_working_directory(directory);
    warren::v1::Context made;
    const grpc::Status status = Create(request, made);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return made;
  }
  warren::v1::Context Restart(const std::string& context_id) {
    warren::v1::RestartContextRequest request;
    request.set_sandbox_id(sandbox.id());
    request.set_context_id(context_id);
    warren::v1::Context made;
    grpc::ClientContext call;
    const grpc::Status status = contexts_->RestartContext(&call, request, &made);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return made;
  }
  grpc::Status Delete(const std::string& context_id) {
    warren::v1::DeleteContextRequest request;
    request.set_sandbox_id(sandbox.id());
    request.set_context_id(context_id);
    warren::v1::DeleteContextResponse response;
    grpc::ClientContext call;
    return contexts_->DeleteContext(&call, request, &response);
  }
  warren::v1::ExecuteCodeRequest Cell(const warren::v1::Context& context, const std::string& code) {
    auto request = sandbox.Request(code);
    request.set_context_id(context.context_id());
    return request;
  }
  CellRun Run(const warren::v1::Context& context, const std::string& code) {
    return sandbox.Execute(Cell(context, code));
  }

  TestSandbox sandbox;

 private:
  std::unique_ptr<warren::v1::ContextService::Stub> contexts_;
};

TEST_F(FurtherContextsTest, EachHasStateOfItsOwnAndSharesTheFiles) {
  auto second = Create("python", "/tmp");
  EXPECT_EQ(second.language(), "python");
  EXPECT_EQ(second.working_directory(), "/tmp");
  EXPECT_TRUE(second.alive());
  sandbox.Execute("x = 1");
  EXPECT_EQ(Run(second, "'x' in globals()").result(), "False");
  sandbox.Execute("open('/tmp/shared', 'w').write('here')");
  EXPECT_EQ(Run(second, "open('shared').read()").result(), "'here'");
  EXPECT_EQ(Run(second, "import os; os.getcwd()").result(), "'/tmp'");
}

TEST_F(FurtherContextsTest, OneThatNobodyHasHeardOfIsDeleted) {
  // More than a sandbox may have, each given up at another moment.
  for (int i = 0; i < 20; ++i) {
    warren::v1::CreateContextRequest request;
    request.set_sandbox_id(sandbox.id());
    grpc::ClientContext call;
    call.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(i));
    warren::v1::Context made;
    if (Create(call, request, made).ok()) {
      EXPECT_TRUE(Delete(made.context_id()).ok());
    }
  }
  EXPECT_TRUE(Eventually([&] { return List().contexts_size() == 1; }));
}

TEST_F(FurtherContextsTest, BashKeepsItsStateAndEndsByExit) {
  auto bash = Create("bash");
  EXPECT_EQ(bash.language(), "bash");
  CellRun run = Run(bash, "x=5; cd /usr; echo out; echo err >&2");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.out, "out\n");
  EXPECT_EQ(run.err, "err\n");
  EXPECT_EQ(Run(bash, "echo $x $PWD $HOME").out, "5 /usr /home/user\n");
  run = Run(bash, "(exit 3)");
  EXPECT_EQ(run.kind(), Termination::EXCEPTION);
  ASSERT_EQ(run.errors.size(), 1u);
  EXPECT_EQ(run.errors[0].name(), "ExitStatus");
  EXPECT_EQ(run.errors[0].value(), "3");
  auto request = Cell(bash, "sleep 600");
  request.mutable_timeout()->set_seconds(0);
  request.mutable_timeout()->set_nanos(300'000'000);
  run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(run.termination.context_alive()) << run.termination.message();
  EXPECT_EQ(Run(bash, "echo $x").out, "5\n");
  run = Run(bash, "echo last; exit 7");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.termination.exit_code(), 7);
  EXPECT_FALSE(run.termination.context_alive());
  EXPECT_EQ(run.out, "last\n");
  auto again = Restart(bash.context_id());
  EXPECT_EQ(again.language(), "bash");
  EXPECT_EQ(Run(again, "echo ${x-unset}").out, "unset\n");
  EXPECT_EQ(sandbox.Execute("1").result(), "1");
}

TEST_F(FurtherContextsTest, JavaScriptKeepsItsStateAndEndsByExit) {
  auto node = Create("javascript", "/tmp");
  EXPECT_EQ(node.language(), "javascript");
  CellRun run = Run(node, "const x = 4; console.log('out'); console.error('err'); process.cwd()");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.out, "out\n");
  EXPECT_EQ(run.err, "err\n");
  EXPECT_EQ(run.result(), "'/tmp'");
  run = Run(node, "const x = 5; await import('os').then((os) => os.EOL + process.env.HOME)");
  EXPECT_EQ(run.result(), R"('\n/home/user')");
  run = Run(node, "throw new TypeError('no')");
  EXPECT_EQ(run.kind(), Termination::EXCEPTION);
  ASSERT_EQ(run.errors.size(), 1u);
  EXPECT_EQ(run.errors[0].name(), "TypeError");
  EXPECT_EQ(run.errors[0].value(), "no");
  auto request = Cell(node, "while (true) {}");
  request.mutable_timeout()->set_seconds(0);
  request.mutable_timeout()->set_nanos(300'000'000);
  run = sandbox.Execute(request);
  EXPECT_EQ(run.kind(), Termination::TIMED_OUT);
  EXPECT_TRUE(run.termination.context_alive()) << run.termination.message();
  EXPECT_EQ(Run(node, "require('child_process').execSync(`echo ${x}`).toString()").result(),
            R"('5\n')");
  run = Run(node, "console.log('last'); process.exit(7)");
  EXPECT_EQ(run.kind(), Termination::EXITED);
  EXPECT_EQ(run.termination.exit_code(), 7);
  EXPECT_FALSE(run.termination.context_alive());
  EXPECT_EQ(run.out, "last\n");
  EXPECT_EQ(Run(Restart(node.context_id()), "typeof x").result(), "'undefined'");
}

TEST_F(FurtherContextsTest, WhatBashHasNotIsTheRequestsFault) {
  auto bash = Create("bash");
  auto request = Cell(bash, "echo no");
  (*request.mutable_user_expressions())["a"] = "1";
  CellRun run = sandbox.Execute(request);
  EXPECT_EQ(run.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(run.status.error_message(), HasSubstr("user_expressions"));
}

TEST_F(FurtherContextsTest, WhatCannotBeMadeIsRefusedByTheField) {
  warren::v1::CreateContextRequest request;
  warren::v1::Context made;
  request.set_language("cobol");
  grpc::Status status = Create(request, made);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("python"));
  request.set_language("");
  request.set_working_directory("/nowhere");
  status = Create(request, made);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("working_directory"));
  EXPECT_EQ(sandbox.Execute("1").result(), "1");
}

TEST_F(FurtherContextsTest, TheSameRequestMakesOneContext) {
  warren::v1::CreateContextRequest request;
  request.set_request_id("r1");
  warren::v1::Context first, second;
  ASSERT_TRUE(Create(request, first).ok());
  ASSERT_TRUE(Create(request, second).ok());
  EXPECT_EQ(first.context_id(), second.context_id());
  request.set_working_directory("/tmp");
  EXPECT_EQ(Create(request, second).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(Delete(first.context_id()).ok());
  EXPECT_TRUE(Create(request, second).ok()) << "the id went with its context";
}

TEST_F(FurtherContextsTest, VariablesAreTheContextsAndTheCells) {
  warren::v1::CreateContextRequest request;
  (*request.mutable_env())["OWN"] = "context";
  warren::v1::Context python, bash;
  ASSERT_TRUE(Create(request, python).ok());
  request.set_language("bash");
  ASSERT_TRUE(Create(request, bash).ok());
  EXPECT_EQ(Run(python, "import os; os.environ['OWN']").result(), "'context'");
  auto cell = Cell(python, "os.environ['OWN'], os.environ['CELL']");
  (*cell.mutable_env())["OWN"] = "cell";
  (*cell.mutable_env())["CELL"] = "it";
  EXPECT_EQ(sandbox.Execute(cell).result(), "('cell', 'it')");
  EXPECT_EQ(Run(python, "os.environ['OWN'], os.environ.get('CELL')").result(), "('context', None)");
  cell.set_context_id(bash.context_id());
  cell.set_code("bash -c 'echo $OWN $CELL'");
  EXPECT_EQ(sandbox.Execute(cell).out, "cell it\n");
  EXPECT_EQ(Run(bash, "echo $OWN ${CELL-unset}").out, "context unset\n");
}

TEST_F(FurtherContextsTest, ADeletedOneEndsWithWhatItStarted) {
  auto bash = Create("bash");
  Run(bash, "sleep 600 & echo $! >/tmp/pid");
  // By a signal, for /proc shows nobody what he may not trace.
  const std::string lives =
      "import os\n"
      "try: os.kill(int(open('/tmp/pid').read()), 0); there = True\n"
      "except ProcessLookupError: there = False\n"
      "there";
  EXPECT_EQ(sandbox.Execute(lives).result(), "True");
  ASSERT_TRUE(Delete(bash.context_id()).ok());
  EXPECT_EQ(Run(bash, "echo").status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_TRUE(Eventually([&] { return sandbox.Execute(lives).result() == "False"; }));
  ASSERT_TRUE(Delete("default").ok());
  EXPECT_EQ(sandbox.Execute("1").status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(sandbox.Get().state(), warren::v1::Sandbox::RUNNING);
  EXPECT_EQ(Run(Create("python"), "open('/tmp/pid').read() != ''").result(), "True");
}

TEST_F(FurtherContextsTest, TheEnvironmentListsTheLanguages) {
  auto stub = warren::v1::EnvironmentService::NewStub(server().channel());
  warren::v1::GetEnvironmentRequest request;
  request.set_sandbox_id(sandbox.id());
  warren::v1::Environment environment;
  grpc::ClientContext call;
  ASSERT_TRUE(stub->GetEnvironment(&call, request, &environment).ok());
  EXPECT_EQ(environment.languages(0), "python");
  EXPECT_THAT(environment.languages(), Contains("bash"));
  EXPECT_THAT(environment.languages(), Contains("javascript"));
}

// ---- Executions that their client leaves

TEST_F(FurtherContextsTest, AnExecutionThatMayGoOnIsFoundWithWhatItSaid) {
  auto request = sandbox.Request("import time\nprint('before', flush=True)\ntime.sleep(1)\n'end'");
  request.set_on_disconnect(warren::v1::ON_DISCONNECT_CONTINUE);
  std::string execution_id;
  {
    grpc::ClientContext call;
    auto stub = warren::v1::ExecutionService::NewStub(server().channel());
    auto reader = stub->ExecuteCode(&call, request);
    warren::v1::ExecutionEvent event;
    ASSERT_TRUE(reader->Read(&event));
    execution_id = event.started().execution_id();
    call.TryCancel();
    Collect(*reader);
  }
  auto stub = warren::v1::ExecutionService::NewStub(server().channel());
  warren::v1::ConnectExecutionRequest connect;
  connect.set_sandbox_id(sandbox.id());
  connect.set_execution_id(execution_id);
  connect.set_after_sequence(1);
  CellRun run;
  // The server notices in its own time that the client is gone.
  ASSERT_TRUE(Eventually([&] {
    grpc::ClientContext call;
    run = Collect(*stub->ConnectExecution(&call, connect));
    return run.status.ok();
  })) << run.status.error_message();
  EXPECT_EQ(run.out, "before\n");
  EXPECT_EQ(run.result(), "'end'");
  EXPECT_EQ(run.kind(), Termination::EXITED);
}

}  // namespace
}  // namespace warren
