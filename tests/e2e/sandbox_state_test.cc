// Sandboxes over their life: paused and resumed, given other limits and lifetimes, measured, made
// once.
#include <csignal>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/e2e/harness.h"
#include "tests/support/patience.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::Sandbox;
using warren::v1::Termination;

int64_t Nanoseconds(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1'000'000'000 + duration.nanos();
}

class SandboxStateTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    stub_ = warren::v1::SandboxService::NewStub(server().channel());
  }
  // Calls `method` about a sandbox.
  template <class Request, class Response>
  grpc::Status Call(grpc::Status (warren::v1::SandboxService::Stub::*method)(grpc::ClientContext*,
                                                                             const Request&,
                                                                             Response*),
                    const std::string& id, Response* response, Request request = {}) {
    grpc::ClientContext context;
    request.set_sandbox_id(id);
    return (stub_.get()->*method)(&context, request, response);
  }
  Sandbox Pause(const std::string& id) {
    Sandbox sandbox;
    grpc::Status status = Call(&Stub::PauseSandbox, id, &sandbox);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return sandbox;
  }
  Sandbox Resume(const std::string& id, const warren::v1::ResumeSandboxRequest& request = {}) {
    Sandbox sandbox;
    grpc::Status status = Call(&Stub::ResumeSandbox, id, &sandbox, request);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return sandbox;
  }
  grpc::Status Create(const warren::v1::CreateSandboxRequest& request, Sandbox* sandbox) {
    grpc::ClientContext context;
    return stub_->CreateSandbox(&context, request, sandbox);
  }
  bool Gone(const std::string& id) {
    Sandbox sandbox;
    return Call(&Stub::GetSandbox, id, &sandbox).error_code() == grpc::StatusCode::NOT_FOUND;
  }
  void Destroy(const std::string& id) {
    warren::v1::DestroySandboxResponse response;
    EXPECT_TRUE(Call(&Stub::DestroySandbox, id, &response).ok());
  }

  using Stub = warren::v1::SandboxService::Stub;
  std::unique_ptr<Stub> stub_;
};

TEST_F(SandboxStateTest, ACellGoesOnWhereItWasPaused) {
  TestSandbox sandbox(server());
  ASSERT_EQ(sandbox.Execute("import os, time; kept = 5; os.getpid()").status.error_code(), 0);
  grpc::ClientContext context;
  auto reader = sandbox.Begin(
      context, sandbox.Request("for i in range(20): time.sleep(0.02)\nprint(kept, os.getpid())"));
  const std::vector<pid_t> before = server().ProcessesOf(sandbox.id());
  Sandbox paused = Pause(sandbox.id());
  EXPECT_EQ(paused.state(), Sandbox::PAUSED);
  EXPECT_GT(paused.expires_at().seconds(), absl::ToUnixSeconds(absl::Now()) + 23 * 3600);
  EXPECT_EQ(sandbox.Get().state(), Sandbox::PAUSED);
  warren::v1::ListSandboxesRequest list;
  list.add_states(Sandbox::PAUSED);
  EXPECT_EQ(server().ListSandboxes(list)->sandboxes_size(), 1);
  CellRun refused = sandbox.Execute("1");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.status.error_message(), HasSubstr("the sandbox is paused; resume it first"));
  EXPECT_EQ(server().ProcessesOf(sandbox.id()), before);
  EXPECT_EQ(Resume(sandbox.id()).state(), Sandbox::RUNNING);
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.kind(), Termination::EXITED) << run.termination.message();
  EXPECT_THAT(run.out, HasSubstr("5 "));
  EXPECT_EQ(server().ProcessesOf(sandbox.id()), before);
  EXPECT_EQ(sandbox.Execute("kept").result(), "5");
}

TEST_F(SandboxStateTest, ATimeoutStandsStillAndACancelWaits) {
  TestSandbox sandbox(server());
  warren::v1::ExecuteCodeRequest request = sandbox.Request("import time; time.sleep(600)");
  grpc::ClientContext context;
  auto reader = sandbox.Begin(context, request);
  Pause(sandbox.id());
  // The client vanishes.
  context.TryCancel();
  reader.reset();
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_EQ(sandbox.Get().state(), Sandbox::PAUSED);
  Resume(sandbox.id());
  // The interrupt came now, and the context lives.
  EXPECT_EQ(sandbox.Execute("6 * 7").result(), "42");
}

TEST_F(SandboxStateTest, APausedSandboxIsDestroyedWithItsCell) {
  auto sandbox = std::make_unique<TestSandbox>(server());
  grpc::ClientContext context;
  auto reader = sandbox->Begin(context, sandbox->Request("import time; time.sleep(600)"));
  Pause(sandbox->id());
  const std::string id = sandbox->id();
  Destroy(id);
  EXPECT_EQ(Collect(*reader).kind(), Termination::KILLED);
  EXPECT_TRUE(Eventually([&] { return server().ProcessesOf(id).empty(); }));
}

TEST_F(SandboxStateTest, ALifetimeFromTheLastUseWaitsForACell) {
  TestSandbox sandbox(server());
  grpc::ClientContext context;
  auto reader =
      sandbox.Begin(context, sandbox.Request("import time; time.sleep(3); print('done')"));
  warren::v1::SetSandboxLifetimeRequest request;
  request.mutable_lifetime()->set_seconds(1);
  Sandbox changed;
  ASSERT_TRUE(Call(&Stub::SetSandboxLifetime, sandbox.id(), &changed, request).ok());
  CellRun run = Collect(*reader);
  EXPECT_EQ(run.out, "done\n") << run.status.error_message();
  EXPECT_TRUE(Eventually([&] { return Gone(sandbox.id()); }));
}

TEST_F(SandboxStateTest, TheEndOfALifetimeCanBeAPause) {
  TestSandbox sandbox(server());
  ASSERT_EQ(sandbox.Execute("kept = 7").status.error_code(), 0);
  warren::v1::SetSandboxLifetimeRequest request;
  request.mutable_lifetime()->set_seconds(1);
  request.set_on_expiry(warren::v1::ON_EXPIRY_PAUSE);
  Sandbox changed;
  ASSERT_TRUE(Call(&Stub::SetSandboxLifetime, sandbox.id(), &changed, request).ok());
  EXPECT_EQ(changed.on_expiry(), warren::v1::ON_EXPIRY_PAUSE);
  EXPECT_TRUE(Eventually([&] { return sandbox.Get().state() == Sandbox::PAUSED; }));
  warren::v1::ResumeSandboxRequest resume;
  resume.mutable_lifetime()->set_seconds(3600);
  Sandbox resumed = Resume(sandbox.id(), resume);
  EXPECT_EQ(resumed.lifetime().seconds(), 3600);
  EXPECT_GT(resumed.expires_at().seconds(), absl::ToUnixSeconds(absl::Now()) + 3000);
  EXPECT_EQ(sandbox.Execute("kept").result(), "7");
}

TEST_F(SandboxStateTest, LimitsChangeAndAreMeasured) {
  TestSandbox sandbox(server());
  warren::v1::ChangeSandboxLimitsRequest change;
  change.mutable_limits()->set_memory_bytes(int64_t{1} << 30);
  change.mutable_limits()->set_pids(99);
  change.mutable_limits()->set_output_bytes(1000);
  Sandbox changed;
  ASSERT_TRUE(Call(&Stub::ChangeSandboxLimits, sandbox.id(), &changed, change).ok());
  EXPECT_EQ(changed.limits().memory_bytes(), int64_t{1} << 30);
  EXPECT_EQ(changed.limits().cpu_millis(), sandbox.sandbox().limits().cpu_millis());
  EXPECT_EQ(sandbox.Execute("len(bytes(700 << 20))").result(), absl::StrCat(int64_t{700} << 20));
  CellRun run = sandbox.Execute("while True: print('x' * 100)");
  EXPECT_EQ(run.kind(), Termination::OUTPUT_LIMIT);
  EXPECT_EQ(run.out.size(), 1000u);
  sandbox.Execute("kept = b'x' * (100 << 20); sum(range(10_000_000))");
  warren::v1::SandboxMetrics metrics;
  ASSERT_TRUE(Call(&Stub::GetSandboxMetrics, sandbox.id(), &metrics).ok());
  EXPECT_GT(metrics.memory_bytes(), 100 << 20);
  EXPECT_GE(metrics.peak_memory_bytes(), metrics.memory_bytes());
  EXPECT_EQ(metrics.memory_limit_bytes(), int64_t{1} << 30);
  EXPECT_GE(metrics.pids(), 2);
  EXPECT_EQ(metrics.pids_limit(), 99);
  EXPECT_GT(Nanoseconds(metrics.cpu_user()) + Nanoseconds(metrics.cpu_system()), 0);
  EXPECT_GE(metrics.output_bytes(), 1000);
  EXPECT_FALSE(metrics.has_disk_bytes());
  change.clear_limits();
  change.mutable_limits()->set_memory_bytes(80 << 20);
  grpc::Status refused = Call(&Stub::ChangeSandboxLimits, sandbox.id(), &changed, change);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("bytes of memory"));
  change.mutable_limits()->set_memory_bytes(1);
  refused = Call(&Stub::ChangeSandboxLimits, sandbox.id(), &changed, change);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(sandbox.Get().limits().memory_bytes(), int64_t{1} << 30);
  EXPECT_EQ(sandbox.Execute("len(kept) >> 20").result(), "100");
}

TEST_F(SandboxStateTest, ACreateWithARequestIdHappensOnce) {
  warren::v1::CreateSandboxRequest request;
  request.set_template_id(TestTemplate());
  // Not from the pool: it takes some time.
  request.mutable_limits()->set_memory_bytes(200 << 20);
  request.set_request_id("once");
  std::vector<Sandbox> made(4);
  std::vector<std::thread> clients;
  for (Sandbox& each : made) {
    clients.emplace_back([&] { EXPECT_TRUE(Create(request, &each).ok()); });
  }
  for (std::thread& client : clients) client.join();
  for (const Sandbox& each : made) EXPECT_EQ(each.sandbox_id(), made[0].sandbox_id());
  Sandbox other;
  request.mutable_limits()->set_pids(50);
  EXPECT_EQ(Create(request, &other).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_limits()->clear_pids();
  Destroy(made[0].sandbox_id());
  ASSERT_TRUE(Create(request, &other).ok());
  EXPECT_NE(other.sandbox_id(), made[0].sandbox_id());
  Destroy(other.sandbox_id());
}

TEST(SandboxStateEndTest, AServerStopsWithAPausedSandbox) {
  Server server;
  ASSERT_TRUE(server.started());
  TestSandbox sandbox(server);
  auto stub = warren::v1::SandboxService::NewStub(server.channel());
  warren::v1::PauseSandboxRequest request;
  request.set_sandbox_id(sandbox.id());
  Sandbox paused;
  grpc::ClientContext context;
  ASSERT_TRUE(stub->PauseSandbox(&context, request, &paused).ok());
  const std::vector<pid_t> pids = server.ProcessesOf(sandbox.id());
  ASSERT_FALSE(pids.empty());
  server.Stop();
  for (pid_t pid : pids) EXPECT_NE(::kill(pid, 0), 0) << pid << " is left";
}

}  // namespace
}  // namespace warren
