// The supervisor's own life: start, refusal to start, end, and what it leaves: nothing.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/e2e/harness.h"
#include "tests/e2e/process_stream.h"
#include "tests/support/kill_process.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::Termination;

struct Outcome {
  int exit_code = -1;
  std::string text;
};

// Runs warrend to its end, with flags that must make it refuse.
Outcome RunToEnd(const Server& beside, std::vector<std::string> flags, uid_t uid = 0) {
  const std::string log = (beside.directory() / "refused.log").string();
  std::string program = std::string(WARREN_PREFIX) + "/bin/warrend";
  std::vector<char*> argv = {program.data()};
  for (std::string& flag : flags) argv.push_back(flag.data());
  argv.push_back(nullptr);
  pid_t pid = ::fork();
  if (pid == 0) {
    int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(fd, 1);
    ::dup2(fd, 2);
    if (uid != 0 && ::setuid(uid) != 0) ::_exit(126);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  std::ifstream file(log);
  std::stringstream text;
  text << file.rdbuf();
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text.str()};
}

std::vector<size_t> SizesOf(const Footprint& print) {
  return {print.processes.size(), print.cgroups.size(),  print.supervisor_fds,
          print.launcher_fds,     print.launcher_mounts, print.host_mounts};
}

std::vector<std::string> Place(const Server& server) {
  return {absl::StrCat("--runtime-dir=", (server.directory() / "run").string()),
          absl::StrCat("--cgroup-parent=warren-e2e-refused-", ::getpid())};
}

class StartTest : public ServerTest {
 protected:
  Outcome Refused(const std::string& flag) {
    std::vector<std::string> flags = Place(server());
    flags.push_back(flag);
    return RunToEnd(server(), flags);
  }
};

TEST_F(StartTest, ASecondSupervisorAtTheSameSocketIsRefused) {
  Outcome outcome = Refused(absl::StrCat("--listen=", server().address()));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.text, HasSubstr("another supervisor serves at"));
  // And the first one serves on.
  TestSandbox sandbox(server());
  EXPECT_EQ(sandbox.Execute("1").result(), "1");
}

TEST_F(StartTest, BadAddressesAreRefused) {
  EXPECT_THAT(Refused("--listen=nonsense").text, HasSubstr("neither unix:///PATH"));
  EXPECT_THAT(Refused("--listen=0.0.0.0:5000").text, HasSubstr("loopback"));
  EXPECT_THAT(Refused("--listen=unix:///no/such/directory/w.sock").text,
              HasSubstr("does the directory exist"));
  EXPECT_THAT(Refused(absl::StrCat("--listen=unix:///", std::string(200, 'x'))).text,
              HasSubstr("bytes"));
}

TEST_F(StartTest, BadFlagsAreUsageErrors) {
  EXPECT_EQ(Refused("--pool=base").exit_code, 2);
  EXPECT_EQ(Refused("--pool=base=3:2").exit_code, 2);
  EXPECT_EQ(Refused("--max-sandboxes=0").exit_code, 2);
  EXPECT_EQ(Refused("--cgroup-parent=a/b").exit_code, 2);
  EXPECT_EQ(Refused("--no-such-flag").exit_code, 2);
}

TEST_F(StartTest, UnknownPoolTemplateAndUserAreRefused) {
  const std::string address =
      absl::StrCat("--listen=unix://", (server().directory() / "run/other.sock").string());
  std::vector<std::string> flags = Place(server());
  flags.push_back(address);
  flags.push_back("--pool=no-such=1");
  EXPECT_THAT(RunToEnd(server(), flags).text, HasSubstr("no template \"no-such\""));
  flags.back() = "--user=no-such-user";
  EXPECT_THAT(RunToEnd(server(), flags).text, HasSubstr("no user"));
  flags.back() = "--user=root";
  EXPECT_THAT(RunToEnd(server(), flags).text, HasSubstr("does not serve as root"));
}

TEST_F(StartTest, ServesWithoutRootAndWithoutCapabilities) {
  std::ifstream status(absl::StrCat("/proc/", server().pid(), "/status"));
  std::stringstream text;
  text << status.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr("NoNewPrivs:\t1"));
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_THAT(text.str(), HasSubstr(absl::StrCat(set, ":\t0000000000000000")));
  }
  EXPECT_THAT(text.str(), HasSubstr("Groups:\t \n"));
  EXPECT_THAT(text.str(), ::testing::Not(HasSubstr("Uid:\t0")));
}

TEST(StopTest, TerminationLeavesNothing) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  EXPECT_EQ(sandbox.Execute("import subprocess; subprocess.Popen(['sleep', '600'])\n1").result(),
            "1");
  std::vector<pid_t> processes = server.TakeFootprint().processes;
  ASSERT_FALSE(processes.empty());
  ASSERT_FALSE(server.Cgroups().empty());
  EXPECT_EQ(server.Stop(), 0);
  for (pid_t pid : processes) EXPECT_NE(KillProcess(pid, 0), 0) << pid;
  EXPECT_THAT(server.Cgroups(), ::testing::IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(server.directory() / "run/warren.sock"));
}

TEST(StopTest, TerminationLetsShortCellsEndAndKillsLongOnes) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox short_one(server);
  TestSandbox long_one(server);
  grpc::ClientContext short_context, long_context;
  auto short_reader =
      short_one.Begin(short_context, short_one.Request("import time; time.sleep(0.3); 'done'"));
  auto long_reader = long_one.Begin(long_context, long_one.Request("import time; time.sleep(600)"));
  // The short one ends within the grace, three seconds times the pace.
  std::thread stopper([&] { EXPECT_EQ(server.Stop(), 0); });
  CellRun ended = Collect(*short_reader);
  CellRun killed = Collect(*long_reader);
  stopper.join();
  EXPECT_EQ(ended.result(), "'done'");
  EXPECT_EQ(killed.kind(), Termination::KILLED);
  EXPECT_THAT(killed.termination.message(), HasSubstr("supervisor was stopped"));
}

TEST(StopTest, TerminationLetsShortCommandsEnd) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  auto stub = v1::ProcessService::NewStub(server.channel());
  v1::StartProcessRequest request;
  request.set_sandbox_id(sandbox.id());
  // Longer than the calls of an idle server are waited for.
  for (const char* argument : {"sh", "-c", "sleep 1.5; echo done; exit 3"})
    request.add_arguments(argument);
  ProcessStream command(*stub, request);
  ASSERT_NE(command.Started(), "") << command.status().error_message();
  std::thread stopper([&] { EXPECT_EQ(server.Stop(), 0); });
  EXPECT_TRUE(command.Wait().ok()) << command.status().error_message();
  stopper.join();
  EXPECT_EQ(command.out(), "done\n");
  EXPECT_EQ(command.termination().kind(), Termination::EXITED);
  EXPECT_EQ(command.termination().exit_code(), 3);
}

TEST(StopTest, WhatHasEndedIsStillReadToItsEnd) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  // What its transport reads ahead is little, so that most of it waits in the server.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 65536);
  auto stub = v1::ExecutionService::NewStub(
      grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  auto reader = stub->ExecuteCode(&context, sandbox.Request("print('x' * 900_000)"));
  v1::ExecutionEvent started;
  ASSERT_TRUE(reader->Read(&started) && started.has_started());
  // Cells run one after the other: now that one has ended, and no sandbox is used.
  EXPECT_EQ(sandbox.Execute("1").result(), "1");
  std::thread stopper([&] { EXPECT_EQ(server.Stop(), 0); });
  // Longer than idle clients are waited for.
  absl::SleepFor(AtThisPace(absl::Milliseconds(400)));
  CellRun run = Collect(*reader);
  stopper.join();
  EXPECT_EQ(run.out.size(), 900'001u);
  EXPECT_EQ(run.kind(), Termination::EXITED) << run.status.error_message();
}

TEST(StopTest, KillingTheSupervisorLeavesNothing) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  grpc::ClientContext context;
  auto reader = sandbox.Begin(context, sandbox.Request("import time; time.sleep(600)"));
  Footprint footprint = server.TakeFootprint();
  server.Kill();
  reader->Finish();
  for (pid_t pid : footprint.processes) {
    EXPECT_TRUE(Eventually([&] { return KillProcess(pid, 0) != 0; })) << pid;
  }
  EXPECT_TRUE(Eventually([&] { return server.Cgroups().empty(); }));
}

TEST(StopTest, AStaleSocketIsReplaced) {
  Server first;
  ASSERT_TRUE(first.started());
  // Its launcher would remove the socket.
  const pid_t launcher = first.launcher_pid();
  ASSERT_EQ(KillProcess(launcher, SIGSTOP), 0);
  absl::Cleanup goes_on = [launcher] { KillProcess(launcher, SIGCONT); };
  first.Kill();
  ASSERT_TRUE(std::filesystem::exists(first.directory() / "run/warren.sock"));
  Server::Options options;
  options.directory = first.directory();
  Server second(options);
  ASSERT_TRUE(second.started());
  TestSandbox sandbox(second);
  EXPECT_EQ(sandbox.Execute("1").result(), "1");
}

TEST(StopTest, TheLaunchersDeathEndsTheSupervisor) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  KillProcess(server.launcher_pid(), SIGKILL);
  int status = 0;
  ASSERT_TRUE(
      Eventually([&] { return ::waitpid(server.pid(), &status, WNOHANG) == server.pid(); }));
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_THAT(server.log(), HasSubstr("event=launcher_gone"));
  server.Forget();
}

class PoolTest : public ServerTest {};

TEST_F(PoolTest, CreateComesFromThePoolAndIsRefilled) {
  ASSERT_TRUE(server().WaitUntilSettled());
  TestSandbox sandbox(server());
  EXPECT_TRUE(sandbox.sandbox().from_pool());
  ASSERT_TRUE(server().WaitUntilSettled());
}

TEST_F(PoolTest, LimitsOfItsOwnAreMadeOnDemandWithTheirStages) {
  warren::v1::Limits limits;
  limits.set_memory_bytes(200 << 20);
  TestSandbox sandbox(server(), limits);
  EXPECT_FALSE(sandbox.sandbox().from_pool());
  EXPECT_EQ(sandbox.sandbox().limits().memory_bytes(), 200 << 20);
  std::set<std::string> stages;
  for (const auto& stage : sandbox.sandbox().stages()) stages.insert(stage.stage());
  EXPECT_THAT(stages, ::testing::IsSupersetOf({"plan", "join", "reseed", "ready"}));
}

// As much metadata as a sandbox may have, in more sandboxes than a gRPC message holds.
TEST_F(PoolTest, AListOfMoreThanFourMebibytesComesInPages) {
  auto stub = warren::v1::SandboxService::NewStub(server().channel());
  warren::v1::CreateSandboxRequest request;
  request.set_template_id(TestTemplate());
  request.mutable_limits()->set_memory_bytes(64 << 20);
  for (int i = 0; i < 64; ++i) {
    (*request.mutable_metadata())[absl::StrCat(std::string(120, 'k'), i)] = std::string(1024, 'v');
  }
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    grpc::ClientContext context;
    warren::v1::Sandbox sandbox;
    grpc::Status status = stub->CreateSandbox(&context, request, &sandbox);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ids.push_back(sandbox.sandbox_id());
  }
  auto list = server().ListSandboxes();
  for (const std::string& id : ids) {
    grpc::ClientContext context;
    warren::v1::DestroySandboxRequest destroy;
    destroy.set_sandbox_id(id);
    warren::v1::DestroySandboxResponse response;
    EXPECT_TRUE(stub->DestroySandbox(&context, destroy, &response).ok());
  }
  ASSERT_TRUE(list.has_value());
  std::vector<std::string> listed;
  for (const auto& sandbox : list->sandboxes()) listed.push_back(sandbox.sandbox_id());
  EXPECT_EQ(listed, ids) << "oldest first, each once";
  EXPECT_GT(list->ByteSizeLong(), 4u << 20);
  EXPECT_GE(list->pools_size(), 1);
}

TEST_F(PoolTest, AnEmptyPoolNeverFails) {
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back([&] {
      TestSandbox sandbox(server());
      if (sandbox.Execute("6 * 7").result() == "42") ++right;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 20);
}

TEST(PoolLimitTest, SurvivesADeadZygote) {
  Server server;
  ASSERT_TRUE(server.started());
  ASSERT_TRUE(server.WaitUntilSettled());
  TestSandbox before(server);
  std::vector<pid_t> zygotes = server.Zygotes();
  ASSERT_FALSE(zygotes.empty());
  for (pid_t pid : zygotes) ::kill(pid, SIGKILL);
  // Those that live go on living; more come than the pool held.
  EXPECT_EQ(before.Execute("1").result(), "1");
  for (int i = 0; i < 5; ++i) {
    TestSandbox sandbox(server);
    EXPECT_EQ(sandbox.Execute("2").result(), "2");
  }
  EXPECT_THAT(server.log(), HasSubstr("event=zygote_died"));
}

TEST(PoolLimitTest, AllSlotsTakenIsAClearErrorAndAFreedOneServesAgain) {
  Server::Options options;
  options.max_sandboxes = 3;
  Server server(options);
  ASSERT_TRUE(server.started());
  TestSandbox one(server), two(server);
  auto three = std::make_unique<TestSandbox>(server);
  auto stub = warren::v1::SandboxService::NewStub(server.channel());
  warren::v1::CreateSandboxRequest request;
  request.set_template_id(TestTemplate());
  warren::v1::Sandbox response;
  grpc::ClientContext context;
  grpc::Status refused = stub->CreateSandbox(&context, request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("--max-sandboxes"));
  three.reset();
  TestSandbox again(server);
  EXPECT_EQ(again.Execute("1").result(), "1");
}

TEST_F(PoolTest, AThousandExecutionsLeaveTheHostAsItWas) {
  {
    TestSandbox warm(server());
    warm.Execute("1");
  }
  ASSERT_TRUE(server().WaitUntilSettled()) << server().log().substr(0, 20000);
  // A group is gone before those whose it was have heard of that: it is as it was for a second.
  Footprint before = server().TakeFootprint();
  int unchanged = 0;
  Eventually([&] {
    const std::vector<size_t> last = SizesOf(before);
    absl::SleepFor(absl::Milliseconds(100));
    unchanged = SizesOf(before = server().TakeFootprint()) == last ? unchanged + 1 : 0;
    return unchanged == 10;
  });
  for (int i = 0; i < 50; ++i) {
    TestSandbox sandbox(server());
    for (int cell = 0; cell < 20; ++cell) {
      CellRun run = sandbox.Execute(absl::StrCat("print(", i, "); ", cell));
      ASSERT_EQ(run.result(), absl::StrCat(cell)) << run.status.error_message();
    }
  }
  ASSERT_TRUE(server().WaitUntilSettled());
  Footprint after = server().TakeFootprint();
  Eventually([&] { return SizesOf(after = server().TakeFootprint()) == SizesOf(before); });
  EXPECT_EQ(SizesOf(after), SizesOf(before))
      << "processes, groups, the supervisor's and the launcher's descriptors, its mounts, the "
         "host's";
}

}  // namespace
}  // namespace warren
