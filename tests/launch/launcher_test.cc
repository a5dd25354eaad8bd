// The launcher, driven as the supervisor drives it, on the real kernel. Needs root.

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/control/launcher_client.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/plan/template_store.h"
#include "runtime/policy/limits_policy.h"
#include "warren/v1/worker.pb.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

class LauncherTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::geteuid(), 0u) << "kernel tests need root";
    store_ = fs::path(::testing::TempDir()) / absl::StrCat("warren-launcher-test-", ::getpid());
    fs::create_directories(store_);
    LauncherOptions options;
    options.program = absl::StrCat(WARREN_PREFIX, "/bin/warren-launcher");
    options.prefix = WARREN_PREFIX;
    options.template_store = store_;
    options.cgroup_parent = absl::StrCat("warren-test-", ::getpid());
    options.max_sandboxes = 20;
    auto client = LauncherClient::Start(options);
    ASSERT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    auto hello = client_->ReceiveHello(absl::Seconds(10));
    ASSERT_TRUE(hello.ok()) << hello.status();
    facts_ = hello->facts();
    auto templates = LoadTemplates(absl::StrCat(WARREN_PREFIX, "/share/warren/rootfs"), store_);
    ASSERT_TRUE(templates.ok()) << templates.status();
    base_ = templates->at("base").recipe;
  }

  void TearDown() override {
    if (client_) {
      client_->CloseSocket();
      EXPECT_TRUE(client_->WaitForExit(absl::Seconds(10)));
      ExpectNoCgroups();
    }
    fs::remove_all(store_);
  }

  void ExpectNoCgroups() {
    for (const auto& [controller, mount] : facts_.controllers()) {
      EXPECT_FALSE(fs::exists(fs::path(mount) / absl::StrCat("warren-test-", ::getpid())))
          << controller;
    }
  }

  LauncherMessage Next() {
    pollfd wait = {client_->socket(), POLLIN, 0};
    EXPECT_EQ(::poll(&wait, 1, 20000), 1) << "the launcher is silent";
    auto message = client_->Receive();
    EXPECT_TRUE(message.ok()) << message.status();
    return message.ok() ? *std::move(message) : LauncherMessage{};
  }

  uint64_t StartZygote() {
    v1::LauncherRequest request;
    request.set_request_id(++last_request_);
    request.mutable_start_zygote()->set_template_id("base");
    EXPECT_TRUE(client_->Send(request).ok());
    LauncherMessage reply = Next();
    EXPECT_TRUE(reply.reply.has_zygote_started()) << reply.reply.message();
    return reply.reply.zygote_started().zygote_id();
  }

  LauncherMessage Launch(const std::string& id, uint64_t zygote) {
    v1::SandboxSpec spec;
    spec.set_sandbox_id(id);
    spec.set_template_id("base");
    auto policy = LoadLimitsPolicy(
        absl::StrCat(WARREN_PREFIX, "/share/warren/policies/limits/default.textproto"));
    EXPECT_TRUE(policy.ok()) << policy.status();
    auto limits = ResolveLimits(*policy, v1::Limits(), base_.limits());
    EXPECT_TRUE(limits.ok()) << limits.status();
    *spec.mutable_limits() = *limits;
    auto plan = MakeLaunchPlan(spec, base_, facts_);
    EXPECT_TRUE(plan.ok()) << plan.status();
    v1::LauncherRequest request;
    request.set_request_id(++last_request_);
    *request.mutable_launch_sandbox()->mutable_plan() = *plan;
    request.mutable_launch_sandbox()->set_zygote_id(zygote);
    EXPECT_TRUE(client_->Send(request).ok());
    return Next();
  }

  // One frame of a worker's event pipe.
  v1::WorkerEvent ReadEvent(int fd) {
    ::fcntl(fd, F_SETFL, 0);
    uint32_t length = 0;
    EXPECT_EQ(ReadAll(fd, &length, sizeof(length)), sizeof(length)) << "the worker is gone";
    std::string frame(length, '\0');
    EXPECT_EQ(ReadAll(fd, frame.data(), frame.size()), frame.size());
    v1::WorkerEvent event;
    EXPECT_TRUE(event.ParseFromString(frame));
    return event;
  }

  static size_t ReadAll(int fd, void* data, size_t size) {
    size_t done = 0;
    while (done < size) {
      pollfd wait = {fd, POLLIN, 0};
      if (::poll(&wait, 1, 10000) != 1) break;
      ssize_t n = ::read(fd, static_cast<char*>(data) + done, size - done);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  // Runs a cell and returns what it printed; the Done event must say OK.
  std::string Run(const LauncherMessage& sandbox, const std::string& code) {
    v1::WorkerRequest request;
    request.set_execution_id(++last_request_);
    request.set_code(code);
    std::string frame = request.SerializeAsString();
    uint32_t length = static_cast<uint32_t>(frame.size());
    frame.insert(0, reinterpret_cast<const char*>(&length), sizeof(length));
    EXPECT_EQ(::write(sandbox.fds[0].get(), frame.data(), frame.size()),
              static_cast<ssize_t>(frame.size()));
    std::string out;
    while (true) {
      v1::WorkerEvent event = ReadEvent(sandbox.fds[1].get());
      out += event.stdout_data();
      if (event.has_error()) out += event.error().traceback();
      if (event.has_done() || HasFailure()) return out;
    }
  }

  void Destroy(const std::string& id) {
    v1::LauncherRequest request;
    request.set_request_id(++last_request_);
    request.mutable_destroy_sandbox()->set_sandbox_id(id);
    EXPECT_TRUE(client_->Send(request).ok());
    bool replied = false;
    bool gone = false;
    while (!(replied && gone) && !HasFailure()) {
      LauncherMessage message = Next();
      replied |= message.reply.request_id() == last_request_ && message.reply.code() == 0;
      gone |= message.reply.has_sandbox_gone();
    }
  }

  fs::path store_;
  std::unique_ptr<LauncherClient> client_;
  v1::HostFacts facts_;
  v1::TemplateRecipe base_;
  uint64_t last_request_ = 0;
};

TEST_F(LauncherTest, ASandboxRunsCodeAndLeavesNothing) {
  uint64_t zygote = StartZygote();
  LauncherMessage sandbox = Launch("sbone", zygote);
  ASSERT_TRUE(sandbox.reply.has_sandbox_launched()) << sandbox.reply.message();
  for (const v1::StageTiming& stage : sandbox.reply.sandbox_launched().stages()) {
    RecordProperty(stage.stage() + "_us", stage.duration().nanos() / 1000);
  }
  ASSERT_GE(sandbox.fds.size(), 4u);
  v1::WorkerEvent ready = ReadEvent(sandbox.fds[1].get());
  ASSERT_TRUE(ready.has_ready()) << ready.DebugString();
  EXPECT_EQ(Run(sandbox, "print(1 + 1)"), "2\n");
  EXPECT_EQ(Run(sandbox, "import os; print(os.getuid(), os.getcwd())"), "1000 /home/user\n");
  Destroy("sbone");
}

}  // namespace
}  // namespace warren
