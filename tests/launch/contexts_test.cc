// Several contexts of one sandbox as the supervisor has them, on a real launcher. Needs root.

#include <signal.h>

#include <future>
#include <optional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/launch/harness.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using ::testing::HasSubstr;
using warren::v1::Termination;

// Takes every interrupt, once it has said so, and goes on.
constexpr char kDeaf[] =
    "while True:\n"
    "    try:\n"
    "        print('deaf', flush=True)\n"
    "        while True: pass\n"
    "    except BaseException: pass\n";
// Out of the context's session and parentage.
constexpr char kLeaveChild[] =
    "import os, time\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0:\n"
    "        time.sleep(600)\n"
    "    os._exit(0)\n"
    "os.wait()\n";

class ContextsTest : public LoopTest {
 protected:
  void SetUp() override {
    harness_ = Harness::Start();
    ASSERT_NE(harness_, nullptr);
    link_.emplace(*loop, harness_->TakeClient());
    table_.emplace(*loop);
    host_.reset(new SandboxHost{*loop, *link_, budget_, budget_,
                                std::max(harness_->facts().pace(), 1.0),
                                [](const std::string&, absl::string_view) { return std::string(); },
                                Allotment(100), Allotment(100), Allotment(100)});
    OnLoop([this] {
      EXPECT_TRUE(link_
                      ->Start(
                          [this](LauncherMessage message) {
                            const internal::LauncherReply& event = message.reply;
                            if (event.has_process_exited()) {
                              table_->OnProcessExited(event.process_exited());
                            }
                            if (event.has_sandbox_gone()) table_->OnGone(event.sandbox_gone());
                          },
                          [](absl::Status) {})
                      .ok());
    });
    internal::LauncherRequest request;
    request.mutable_start_zygote()->set_template_id(harness_->template_id());
    auto zygote = Ask(std::move(request));
    ASSERT_TRUE(zygote.ok()) << zygote.status();
    zygote_ = zygote->reply.zygote_started().zygote_id();
    MakeSandbox();
    ASSERT_EQ(StartContext("second"), absl::OkStatus());
  }
  void TearDown() override {
    const auto directories = harness_->InstanceDirectories();
    OnLoop([this] { link_->Close(); });
    EXPECT_TRUE(link_->WaitForExit(Patience())) << "the launcher hangs";
    for (const auto& directory : directories) EXPECT_FALSE(std::filesystem::exists(directory));
    LoopTest::TearDown();
  }

  absl::StatusOr<LauncherMessage> Ask(internal::LauncherRequest request) {
    auto answer = std::make_shared<std::promise<absl::StatusOr<LauncherMessage>>>();
    link_->Call(std::move(request), [answer](absl::StatusOr<LauncherMessage> reply) {
      answer->set_value(std::move(reply));
    });
    return answer->get_future().get();
  }
  void MakeSandbox() {
    internal::LauncherRequest request;
    *request.mutable_create_sandbox()->mutable_spec() = harness_->Spec("sb1");
    request.mutable_create_sandbox()->set_zygote_id(zygote_);
    auto ready = std::make_shared<std::promise<absl::Status>>();
    // On the IO thread: what follows the reply is of the sandbox.
    link_->Call(request, [this, ready, limits = request.create_sandbox().spec().limits()](
                             absl::StatusOr<LauncherMessage> reply) {
      ASSERT_TRUE(reply.ok()) << reply.status();
      auto pipes = TakeWorkerPipes(reply->fds);
      ASSERT_TRUE(pipes.ok());
      sandbox_ = std::make_shared<Sandbox>(
          *host_, Sandbox::Identity{"sb1", harness_->template_id(), limits},
          SandboxStats(reply->reply.process_started().stats(), std::move(reply->fds)),
          *std::move(pipes));
      table_->Add(sandbox_);
      EXPECT_TRUE(sandbox_
                      ->Start([ready](absl::Status status) { ready->set_value(std::move(status)); },
                              [this] { died_ = true; })
                      .ok());
    });
    ASSERT_EQ(ready->get_future().get(), absl::OkStatus());
  }
  absl::Status StartContext(const std::string& name) {
    auto ready = std::make_shared<std::promise<absl::Status>>();
    absl::Status asked = sandbox_->StartContext(
        name, zygote_, [ready](absl::Status status) { ready->set_value(std::move(status)); });
    return asked.ok() ? ready->get_future().get() : asked;
  }

  std::shared_ptr<FakeSink> Begin(const std::string& context, const std::string& code) {
    auto sink = std::make_shared<FakeSink>();
    last_ = std::make_shared<Execution>(WithTimeout(Cell(code), 600'000), sink, detached_);
    absl::Status accepted = sandbox_->FindContext(context)->Execute(last_);
    EXPECT_TRUE(accepted.ok()) << accepted;
    return sink;
  }
  // Its cell is made to stop, and does not.
  void ExpectKilledForDeafness(const std::string& context) {
    auto deaf = Begin(context, kDeaf);
    ASSERT_TRUE(Eventually([&] { return deaf->output() == "deaf\n"; }));
    sandbox_->FindContext(context)->Cancel(last_);
    ASSERT_TRUE(deaf->WaitForEnd().ok());
    EXPECT_EQ(deaf->termination().kind(), Termination::CANCELLED);
    EXPECT_FALSE(deaf->termination().context_alive());
    EXPECT_THAT(deaf->termination().message(), HasSubstr("killed with its context"));
    EXPECT_FALSE(sandbox_->FindContext(context)->alive());
  }
  std::string Output(const std::string& context, const std::string& code) {
    auto sink = Begin(context, code);
    EXPECT_TRUE(sink->WaitForEnd().ok());
    EXPECT_EQ(sink->termination().kind(), Termination::EXITED) << sink->termination().message();
    return sink->output();
  }
  size_t PidsOf(const std::string& group) { return harness_->PidsInFreezer(group).size(); }

  std::unique_ptr<Harness> harness_;
  MemoryBudget budget_{int64_t{1} << 30};
  DetachedExecutions detached_{*loop, int64_t{1} << 20, &budget_};
  std::optional<LauncherLink> link_;
  std::optional<SandboxTable> table_;
  std::unique_ptr<SandboxHost> host_;
  uint64_t zygote_ = 0;
  std::shared_ptr<Sandbox> sandbox_;
  std::shared_ptr<Execution> last_;
  std::atomic<bool> died_{false};
};

TEST_F(ContextsTest, OneThatIgnoresItsInterruptIsKilledAndTheOthersCellGoesOn) {
  Output("default", absl::StrCat("kept = 5\n", kLeaveChild));
  Output("second", kLeaveChild);
  EXPECT_EQ(PidsOf("sb1"), 3u) << "init, the first and its child";
  EXPECT_EQ(PidsOf("sb1/p2"), 2u);
  auto other =
      Begin("default",
            "import os, time\nwhile not os.path.exists('/tmp/go'): time.sleep(.01)\nprint(kept)");
  ExpectKilledForDeafness("second");
  // Its own children went along, and nothing else.
  EXPECT_TRUE(Eventually([&] { return !harness_->GroupExists("sb1/p2"); }));
  EXPECT_EQ(PidsOf("sb1"), 3u);
  EXPECT_FALSE(other->ended());
  EXPECT_TRUE(Eventually([&] { return host_->further_contexts.taken() == 0; }));
  // A third lets the cell go on that has waited all the time.
  ASSERT_EQ(StartContext("third"), absl::OkStatus());
  Output("third", "open('/tmp/go', 'w').close()");
  EXPECT_TRUE(other->WaitForEnd().ok());
  EXPECT_EQ(other->output(), "5\n");
  EXPECT_TRUE(sandbox_->alive());
}

TEST_F(ContextsTest, TheFirstIsKilledAndTheSecondLivesOn) {
  Output("second", "kept = 7");
  Output("default", kLeaveChild);
  ExpectKilledForDeafness("default");
  EXPECT_TRUE(Eventually([&] { return PidsOf("sb1") == 1; })) << "init";
  EXPECT_TRUE(sandbox_->alive());
  EXPECT_EQ(Output("second", "print(kept)"), "7\n");
  // An interrupt reaches what is left.
  auto sleeper = Begin("second", "print('begun', flush=True)\nimport time; time.sleep(600)");
  ASSERT_TRUE(Eventually([&] { return sleeper->output() == "begun\n"; }));
  EXPECT_EQ(sandbox_->FindContext("second")->Interrupt(), absl::OkStatus());
  EXPECT_TRUE(sleeper->WaitForEnd().ok());
  EXPECT_EQ(Output("second", "print(kept)"), "7\n");
}

TEST_F(ContextsTest, TheLastLeavesTheSandboxBehind) {
  for (const char* each : {"default", "second"}) {
    auto exits = Begin(each, "import os; os._exit(3)");
    EXPECT_TRUE(exits->WaitForEnd().ok());
    EXPECT_EQ(exits->termination().kind(), Termination::EXITED);
    EXPECT_EQ(exits->termination().exit_code(), 3);
  }
  EXPECT_TRUE(sandbox_->alive());
  EXPECT_TRUE(Eventually([&] { return PidsOf("sb1") == 1; })) << "init";
  ASSERT_EQ(StartContext("third"), absl::OkStatus());
  EXPECT_EQ(Output("third", "print(3)"), "3\n");
  sandbox_->Destroy(StopReason::kDestroyed);
  EXPECT_TRUE(Eventually([&] { return table_->existing() == 0; }));
  EXPECT_FALSE(harness_->GroupExists("sb1"));
}

TEST_F(ContextsTest, OutOfMemoryInOneEndsAllOfThem) {
  auto sleeper = Begin("default", "import time; time.sleep(600)");
  auto hungry = Begin("second", "kept = []\nwhile True: kept.append(b'x' * (16 << 20))");
  for (const auto& each : {hungry, sleeper}) {
    EXPECT_TRUE(each->WaitForEnd().ok());
    EXPECT_EQ(each->termination().kind(), Termination::OUT_OF_MEMORY);
  }
  EXPECT_TRUE(Eventually([&] { return table_->existing() == 0; }));
}

TEST_F(ContextsTest, ASandboxIsDestroyedWhileContextsAreBeingStarted) {
  std::vector<std::future<absl::Status>> starts;
  for (int i = 0; i < 8; ++i) {
    auto ready = std::make_shared<std::promise<absl::Status>>();
    starts.push_back(ready->get_future());
    EXPECT_EQ(sandbox_->StartContext(
                  absl::StrCat("c", i), zygote_,
                  [ready](absl::Status status) { ready->set_value(std::move(status)); }),
              absl::OkStatus());
  }
  sandbox_->Destroy(StopReason::kDestroyed);
  // Some may have come that far.
  for (auto& start : starts) start.wait();
  EXPECT_TRUE(Eventually([&] { return died_.load() && table_->existing() == 0; }));
  EXPECT_EQ(host_->further_contexts.taken(), 0);
  EXPECT_FALSE(sandbox_->alive());
}

}  // namespace
}  // namespace warren
