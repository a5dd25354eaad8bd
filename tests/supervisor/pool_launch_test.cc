// Who gets what is made, in the orders in which callers come and go, zygotes die and launches end.
#include <future>
#include <mutex>
#include <optional>
#include <vector>

#include "gmock/gmock.h"
#include "supervisor/pool/pool.h"
#include "tests/plan/plan_testing.h"
#include "tests/supervisor/session_testing.h"

namespace warren {
namespace {

using internal::LauncherRequest;
using internal::SandboxGone;

constexpr int64_t kMebibyte = 1 << 20;

// What one caller was told.
struct Caller {
  Pool::Ticket ticket;
  std::atomic<int> answers{0};
  std::mutex mu;
  absl::Status status;
  std::shared_ptr<Sandbox> sandbox;

  absl::Status WaitForAnswer() {
    if (!Eventually([this] { return answers.load() > 0; })) {
      return absl::DeadlineExceededError("no answer came");
    }
    std::lock_guard lock(mu);
    return status;
  }
  std::string sandbox_id() {
    std::lock_guard lock(mu);
    return sandbox ? sandbox->identity().id : "";
  }
};

class PoolLaunchTest : public SessionTest {
 protected:
  void TearDown() override {
    // Whoever still waits is answered, so that its callback goes.
    OnLoop([this] { pool->Stop(); });
    Settle();
    StopLoop();
  }
  void OnEvent(const internal::LauncherReply& event) override {
    if (event.has_zygote_exited()) pool->OnZygoteExited(event.zygote_exited().zygote_id(), "died");
    if (event.has_sandbox_gone()) pool->OnSandboxGone();
  }

  // `most_ready` sandboxes are held at most; `launches` are made at a time.
  void StartPool(int most_ready, int launches, std::vector<std::string> templates = {"base"},
                 int64_t memory_budget = 1024 * kMebibyte) {
    PoolOptions options;
    options.memory_budget = memory_budget;
    options.max_sandboxes = 100;
    options.max_launches = launches;
    std::map<std::string, Pool::PoolTemplate> sources;
    for (const std::string& name : templates) {
      options.ready[name] = ReadyBounds{0, most_ready};
      Template source;
      source.recipe = testing::Recipe("base");
      default_limits = testing::Spec(source.recipe).limits();
      source.recipe.set_name(name);
      sources.emplace(name, Pool::PoolTemplate{source, default_limits});
    }
    pool.emplace(host, table, testing::V1Host(), std::move(sources), options);
    OnLoop([this] { pool->Start(); });
  }

  // With limits of its own, or with the template's.
  std::shared_ptr<Caller> Make(int64_t mebibytes = 0, const std::string& name = "base") {
    auto caller = std::make_shared<Caller>();
    warren::v1::Limits limits = default_limits;
    if (mebibytes > 0) limits.set_memory_bytes(mebibytes * kMebibyte);
    caller->ticket = pool->Make(name, limits, [caller](absl::StatusOr<Pool::Made> made) {
      {
        std::lock_guard lock(caller->mu);
        // One of its own: the library that counts the references of a shared one is built without
        // the thread sanitizer, which takes the end of this thread's for a race.
        caller->status = absl::Status(made.status().code(), made.status().message());
        if (made.ok()) caller->sandbox = made->sandbox;
      }
      ++caller->answers;
    });
    return caller;
  }
  void Cancel(Caller& caller) {
    OnLoop([&] { pool->Cancel(caller.ticket); });
  }
  LauncherRequest ExpectLaunch() { return launcher.Expect(LauncherRequest::kCreateSandbox); }
  void StartZygote(uint64_t id = 1) {
    launcher.ReplyZygote(launcher.Expect(LauncherRequest::kStartZygote), id);
  }
  // Answers a launch, and has its worker say that it is ready.
  void Complete(const LauncherRequest& launch) {
    workers.push_back(launcher.ReplyLaunched(launch));
    workers.back()->SendReady();
  }
  int ReadyOnes() { return pool->Status().front().ready(); }

  warren::v1::Limits default_limits;
  std::optional<Pool> pool;
  std::vector<std::unique_ptr<FakeWorker>> workers;
};

TEST_F(PoolLaunchTest, AZygotesDeathCostsItsCallersNothing) {
  StartPool(0, 4);
  auto common = Make();
  auto own = Make(100);
  StartZygote(1);
  auto first = ExpectLaunch();
  auto second = ExpectLaunch();
  launcher.SendZygoteExited(1);
  launcher.Reply(first, absl::InternalError("its zygote died"));
  launcher.Reply(second, absl::InternalError("its zygote died"));
  StartZygote(2);
  Complete(ExpectLaunch());
  Complete(ExpectLaunch());
  EXPECT_TRUE(common->WaitForAnswer().ok()) << common->status;
  EXPECT_TRUE(own->WaitForAnswer().ok()) << own->status;
}

TEST_F(PoolLaunchTest, ALaunchThatIsReadyAfterItsCallerWasFailedAnswersNobodyTwice) {
  StartPool(0, 4);
  auto caller = Make(100);
  StartZygote(1);
  auto launch = ExpectLaunch();
  auto worker = launcher.ReplyLaunched(launch);
  // No zygote, and none to be had: whoever waits is failed.
  launcher.SendZygoteExited(1);
  launcher.Reply(launcher.Expect(LauncherRequest::kStartZygote), absl::InternalError("no Python"));
  EXPECT_FALSE(caller->WaitForAnswer().ok());
  worker->SendReady();
  // On a host that stalls, the next attempt to start a zygote comes before it.
  LauncherRequest destroy;
  ASSERT_TRUE(Eventually([&] {
    auto next = launcher.Poll();
    if (next) destroy = *std::move(next);
    return destroy.has_destroy_sandbox();
  }));
  EXPECT_EQ(destroy.destroy_sandbox().sandbox_id(), LaunchedId(launch));
  Settle();
  EXPECT_EQ(caller->answers, 1);
}

TEST_F(PoolLaunchTest, AZygoteIsLentWhenOneIsWarmAndNotStoppedMeanwhile) {
  StartPool(0, 4);
  std::promise<absl::StatusOr<uint64_t>> lent;
  pool->Lend("base", [&](absl::StatusOr<uint64_t> zygote) { lent.set_value(std::move(zygote)); });
  StartZygote(7);
  EXPECT_EQ(*lent.get_future().get(), 7u);
  // At once, where there is one.
  bool answered = false;
  pool->Lend("base", [&](absl::StatusOr<uint64_t> zygote) { answered = *zygote == 7; });
  EXPECT_TRUE(answered);
  pool->GiveZygoteBack("base", 7);
  pool->GiveZygoteBack("base", 7);
  pool->Lend("other", [&](absl::StatusOr<uint64_t> zygote) {
    answered = !absl::IsNotFound(zygote.status());
  });
  EXPECT_FALSE(answered);
}

TEST_F(PoolLaunchTest, WhoWaitsForAZygoteThatIsNotToBeHadIsTold) {
  StartPool(0, 4);
  std::promise<absl::StatusOr<uint64_t>> lent;
  pool->Lend("base", [&](absl::StatusOr<uint64_t> zygote) { lent.set_value(std::move(zygote)); });
  launcher.Reply(launcher.Expect(LauncherRequest::kStartZygote), absl::InternalError("no Python"));
  EXPECT_TRUE(absl::IsInternal(lent.get_future().get().status()));
}

TEST_F(PoolLaunchTest, AReadyOneWhoseContextEndsIsDestroyed) {
  StartPool(1, 4);
  auto caller = Make();
  StartZygote();
  Complete(ExpectLaunch());
  ASSERT_TRUE(caller->WaitForAnswer().ok());
  // The refill.
  auto refill = ExpectLaunch();
  Complete(refill);
  ASSERT_TRUE(Eventually([&] { return ReadyOnes() == 1; }));
  launcher.SendProcessExited(LaunchedId(refill), 1, 0);
  EXPECT_EQ(launcher.Expect(LauncherRequest::kDestroySandbox).destroy_sandbox().sandbox_id(),
            LaunchedId(refill));
}

TEST_F(PoolLaunchTest, ALaunchThatIsAnsweredAfterTheStopIsDestroyed) {
  StartPool(0, 4);
  auto caller = Make();
  StartZygote();
  auto launch = ExpectLaunch();
  OnLoop([&] { pool->Stop(); });
  EXPECT_TRUE(absl::IsUnavailable(caller->WaitForAnswer()));
  workers.push_back(launcher.ReplyLaunched(launch));
  auto destroy = launcher.Expect(LauncherRequest::kDestroySandbox);
  EXPECT_EQ(destroy.destroy_sandbox().sandbox_id(), LaunchedId(launch));
  Settle();
  EXPECT_EQ(caller->answers, 1);
  auto late = Make();
  EXPECT_TRUE(absl::IsUnavailable(late->WaitForAnswer()));
}

TEST_F(PoolLaunchTest, ALaunchThatBecomesReadyAfterTheStopIsDestroyed) {
  StartPool(5, 4);
  auto caller = Make();
  StartZygote();
  auto launch = ExpectLaunch();
  auto worker = launcher.ReplyLaunched(launch);
  Settle();
  OnLoop([&] { pool->Stop(); });
  worker->SendReady();
  launcher.Expect(LauncherRequest::kDestroySandbox);
  EXPECT_TRUE(absl::IsUnavailable(caller->WaitForAnswer()));
  EXPECT_EQ(ReadyOnes(), 0);
}

// ---- Callers who leave

TEST_F(PoolLaunchTest, NothingIsMadeForACallerWhoLeft) {
  StartPool(0, 1);
  auto first = Make(101);
  StartZygote();
  auto launch = ExpectLaunch();
  std::vector<std::shared_ptr<Caller>> gone;
  for (int i = 0; i < 20; ++i) gone.push_back(Make(200 + i));
  auto last = Make(102);
  for (const auto& caller : gone) {
    Cancel(*caller);
    EXPECT_TRUE(absl::IsCancelled(caller->WaitForAnswer()));
  }
  Complete(launch);
  EXPECT_TRUE(first->WaitForAnswer().ok());
  auto next = ExpectLaunch();
  EXPECT_EQ(LaunchedMemory(next), 102 * kMebibyte) << "the next who still waits";
  Complete(next);
  EXPECT_TRUE(last->WaitForAnswer().ok());
  Settle();
  EXPECT_FALSE(launcher.Poll());
  for (const auto& caller : gone) EXPECT_EQ(caller->answers, 1);
}

TEST_F(PoolLaunchTest, WhatIsInTheMakingForOneWhoLeftGoesToAnotherWhoAskedForTheSame) {
  StartPool(0, 1);
  auto first = Make(101);
  StartZygote();
  auto launch = ExpectLaunch();
  auto other = Make(102);
  auto same = Make(101);
  Cancel(*first);
  Complete(launch);
  EXPECT_TRUE(same->WaitForAnswer().ok());
  EXPECT_EQ(same->sandbox_id(), LaunchedId(launch));
  auto next = ExpectLaunch();
  EXPECT_EQ(LaunchedMemory(next), 102 * kMebibyte);
  Complete(next);
  EXPECT_TRUE(other->WaitForAnswer().ok());
}

TEST_F(PoolLaunchTest, WhatNobodyWantsAnyMoreIsDestroyed) {
  StartPool(5, 1);
  auto first = Make(101);
  StartZygote();
  auto launch = ExpectLaunch();
  Cancel(*first);
  Complete(launch);
  auto destroy = launcher.Expect(LauncherRequest::kDestroySandbox);
  EXPECT_EQ(destroy.destroy_sandbox().sandbox_id(), LaunchedId(launch));
}

TEST_F(PoolLaunchTest, OneWithTheTemplatesLimitsIsKeptForTheNextCaller) {
  StartPool(1, 1);
  auto first = Make();
  StartZygote();
  auto launch = ExpectLaunch();
  Cancel(*first);
  Complete(launch);
  ASSERT_TRUE(Eventually([&] { return ReadyOnes() == 1; }));
  auto taken = pool->Take("base");
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->identity().id, LaunchedId(launch));
}

TEST_F(PoolLaunchTest, NoMoreIsKeptThanThePoolMayHold) {
  StartPool(2, 8);
  std::vector<std::shared_ptr<Caller>> callers;
  for (int i = 0; i < 6; ++i) callers.push_back(Make());
  StartZygote();
  std::vector<LauncherRequest> launches;
  for (int i = 0; i < 6; ++i) launches.push_back(ExpectLaunch());
  for (const auto& caller : callers) Cancel(*caller);
  for (const LauncherRequest& launch : launches) Complete(launch);
  ASSERT_TRUE(Eventually([&] { return pool->Status().front().starting() == 0; }));
  // At once: a surplus is given back only slowly.
  EXPECT_EQ(ReadyOnes(), 2);
  for (int i = 0; i < 4; ++i) launcher.Expect(LauncherRequest::kDestroySandbox);
}

TEST_F(PoolLaunchTest, NothingIsKeptWhereThereIsNoMemoryForIt) {
  StartPool(2, 8, {"base"}, 0);
  auto caller = Make();
  StartZygote();
  auto launch = ExpectLaunch();
  Cancel(*caller);
  Complete(launch);
  launcher.Expect(LauncherRequest::kDestroySandbox);
  EXPECT_EQ(ReadyOnes(), 0);
}

// ---- Turns

TEST_F(PoolLaunchTest, ManyWithLimitsOfTheirOwnDoNotHoldUpOneWithout) {
  StartPool(0, 1);
  auto first = Make(101);
  StartZygote();
  auto launch = ExpectLaunch();
  std::vector<std::shared_ptr<Caller>> many;
  for (int i = 0; i < 10; ++i) many.push_back(Make(200 + i));
  auto common = Make();
  Complete(launch);
  auto next = ExpectLaunch();
  EXPECT_EQ(LaunchedMemory(next), default_limits.memory_bytes());
  Complete(next);
  EXPECT_TRUE(common->WaitForAnswer().ok());
  EXPECT_EQ(LaunchedMemory(ExpectLaunch()), 200 * kMebibyte) << "and then theirs, in order";
}

TEST_F(PoolLaunchTest, ManyWithTheTemplatesLimitsDoNotHoldUpOneWithItsOwn) {
  StartPool(0, 1);
  auto first = Make();
  StartZygote();
  auto launch = ExpectLaunch();
  std::vector<std::shared_ptr<Caller>> many;
  for (int i = 0; i < 10; ++i) many.push_back(Make());
  auto own = Make(101);
  Complete(launch);
  auto next = ExpectLaunch();
  EXPECT_EQ(LaunchedMemory(next), 101 * kMebibyte);
  Complete(next);
  EXPECT_TRUE(own->WaitForAnswer().ok());
  EXPECT_EQ(LaunchedMemory(ExpectLaunch()), default_limits.memory_bytes());
}

TEST_F(PoolLaunchTest, TemplatesTakeTurns) {
  StartPool(0, 1, {"base", "other"});
  auto first = Make(101, "base");
  StartZygote(1);
  auto launch = ExpectLaunch();
  auto other_first = Make(102, "other");
  StartZygote(2);
  std::vector<std::shared_ptr<Caller>> many;
  for (int i = 0; i < 5; ++i) many.push_back(Make(200 + i, "base"));
  Complete(launch);
  auto next = ExpectLaunch();
  EXPECT_EQ(LaunchedMemory(next), 102 * kMebibyte);
  Complete(next);
  EXPECT_TRUE(other_first->WaitForAnswer().ok());
}

TEST_F(PoolLaunchTest, SandboxesAreAskedForAgainWhenOneIsGone) {
  StartPool(0, 4);
  auto caller = Make();
  StartZygote();
  auto launch = ExpectLaunch();
  Complete(launch);
  ASSERT_TRUE(caller->WaitForAnswer().ok());
  EXPECT_EQ(table.existing(), 1u);
  launcher.SendGone(caller->sandbox_id(), SandboxGone::INIT_DIED);
  EXPECT_TRUE(Eventually([&] { return table.existing() == 0; }));
  EXPECT_FALSE(caller->sandbox->alive());
}

}  // namespace
}  // namespace warren
