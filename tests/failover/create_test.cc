// Creates over several backends: which one makes it, and what becomes of those that do not.
#include <thread>

#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using FailoverCreateTest = FailoverTest;

TEST_F(FailoverCreateTest, TheFirstMakesIt) {
  Configure(kTwo);
  auto made = Create("acme");
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->sandbox_id(), "cloud-1");
  EXPECT_EQ(made->backend(), "cloud");
  EXPECT_EQ(stub("local").creates(), 0);
  EXPECT_EQ(StatusOf("cloud").creates(), 1);
  EXPECT_EQ(StatusOf("cloud").sandboxes(), 1);
  EXPECT_EQ(StatusOf("local").creates(), 0);
}

TEST_F(FailoverCreateTest, OneThatCannotNowIsPassedOn) {
  Configure(kTwo);
  for (const absl::Status& why :
       {absl::UnavailableError("gone"), absl::ResourceExhaustedError("full"),
        absl::DeadlineExceededError("slow")}) {
    stub("cloud").SetCreates(why);
    EXPECT_EQ(CreatedOn(), "local") << why;
    stub("cloud").SetCreates(absl::OkStatus());
    EXPECT_EQ(CreatedOn(), "cloud");
  }
  EXPECT_EQ(StatusOf("cloud").failures(), 3);
  EXPECT_EQ(StatusOf("cloud").passed_on(), 3);
  EXPECT_EQ(StatusOf("cloud").creates(), 3);
  EXPECT_EQ(StatusOf("local").creates(), 3);
  EXPECT_EQ(StatusOf("local").passed_on(), 0);
}

TEST_F(FailoverCreateTest, AnyOtherAnswerIsTheAnswer) {
  Configure(kTwo);
  for (const absl::Status& why : {absl::InvalidArgumentError("a"), absl::NotFoundError("b"),
                                  absl::FailedPreconditionError("c"), absl::InternalError("d"),
                                  absl::UnimplementedError("e"), absl::CancelledError("f")}) {
    stub("cloud").SetCreates(why);
    EXPECT_EQ(Create().status(), why);
  }
  EXPECT_EQ(stub("local").creates(), 0);
  // And says that it lives.
  stub("cloud").SetCreates(absl::OkStatus());
  EXPECT_EQ(CreatedOn(), "cloud");
}

TEST_F(FailoverCreateTest, RefusalsBetweenFailuresKeepItsCircuitClosed) {
  Configure(kTwo);
  for (int i = 0; i < 6; ++i) {
    stub("cloud").SetCreates(i % 2 == 0 ? absl::UnavailableError("x")
                                        : absl::InvalidArgumentError("y"));
    Create().status().IgnoreError();
  }
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
  EXPECT_EQ(stub("cloud").creates(), 6);
}

TEST_F(FailoverCreateTest, OneThatIsDownIsPassedOverWithoutBeingAsked) {
  Configure(kTwo);
  Lose("cloud");
  const int asked = stub("cloud").creates();
  EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(stub("cloud").creates(), asked);
  EXPECT_EQ(StatusOf("cloud").passed_on(), 1);
  EXPECT_EQ(StatusOf("cloud").failures(), 0);
  Return("cloud");
  EXPECT_EQ(CreatedOn(), "cloud");
}

TEST_F(FailoverCreateTest, FailedCreatesOpenItsCircuitAndAProbeClosesIt) {
  Configure(kTwo);
  stub("cloud").SetCreates(absl::UnavailableError("no launcher"));
  stub("cloud").HangProbes();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(stub("cloud").creates(), 3);
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::OPEN);
  EXPECT_EQ(StatusOf("cloud").problem(), "no launcher");
  stub("cloud").StopHanging();
  stub("cloud").SetCreates(absl::OkStatus());
  timers_->Advance(absl::Seconds(2));
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
  EXPECT_EQ(CreatedOn(), "cloud");
}

TEST_F(FailoverCreateTest, OneWithoutBudgetIsPassedOver) {
  bool spent = true;
  budgets_["cloud"] = [&spent] {
    return BudgetState{absl::Minutes(500), absl::Minutes(500), spent};
  };
  Configure(kTwo);
  EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(stub("cloud").creates(), 0);
  EXPECT_EQ(StatusOf("cloud").budget().seconds(), 30000);
  EXPECT_EQ(StatusOf("cloud").problem(), kBudgetSpent);
  EXPECT_FALSE(StatusOf("local").has_budget());
  stub("local").SetCreates(absl::ResourceExhaustedError("no slot"));
  auto none = Create();
  EXPECT_TRUE(absl::IsResourceExhausted(none.status())) << none.status();
  EXPECT_THAT(none.status().message(), HasSubstr("cloud: its budget"));
  EXPECT_THAT(none.status().message(), HasSubstr("local: no slot"));
  spent = false;
  EXPECT_EQ(CreatedOn(), "cloud");
}

TEST_F(FailoverCreateTest, WhereNoneCanEachIsNamedAndDownIsUnavailable) {
  Configure(kTwo);
  Lose("cloud");
  stub("local").SetCreates(absl::ResourceExhaustedError("no slot"));
  auto none = Create();
  EXPECT_TRUE(absl::IsUnavailable(none.status())) << none.status();
  EXPECT_THAT(none.status().message(), HasSubstr("cloud: unplugged"));
  EXPECT_THAT(none.status().message(), HasSubstr("local: no slot"));
  EXPECT_FALSE(absl::IsUnavailable(backend_->health()));
  Lose("local");
  EXPECT_TRUE(absl::IsUnavailable(backend_->health()));
  EXPECT_THAT(std::string(backend_->health().message()), HasSubstr("local: unplugged"));
}

TEST_F(FailoverCreateTest, ARouteOfOneAnswersAsThatOne) {
  Configure(kOne);
  stub("local").SetCreates(absl::ResourceExhaustedError("no slot"));
  EXPECT_TRUE(absl::IsResourceExhausted(Create().status()));
  EXPECT_THAT(Create().status().message(), HasSubstr("no slot"));
  stub("local").SetCreates(absl::OkStatus());
  EXPECT_EQ(CreatedOn(), "local");
}

TEST_F(FailoverCreateTest, TheFirstHangsAndItsProbeToo) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  stub("cloud").HangProbes();
  AskedCreate asked = Begin();
  timers_->Advance(absl::Milliseconds(249));
  const int probes = stub("cloud").probes();
  EXPECT_FALSE(asked.answered());
  timers_->Advance(absl::Milliseconds(1));
  EXPECT_EQ(stub("cloud").probes(), probes + 1);
  timers_->Advance(absl::Milliseconds(499));
  EXPECT_FALSE(asked.answered());
  timers_->Advance(absl::Milliseconds(1));
  auto made = asked.Wait();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->backend(), "local");
  EXPECT_EQ(stub("cloud").cancels(), 1);
  // What it makes all the same goes.
  stub("cloud").StopHanging();
  stub("cloud").FinishCreates();
  timers_->Settle();
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
  EXPECT_THAT(stub("local").sandboxes(), ElementsAre("local-1"));
}

TEST_F(FailoverCreateTest, WhatALostOneMadeTooLateGoesWhenItIsBack) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin();
  Lose("cloud");
  EXPECT_EQ(asked.Wait()->backend(), "local");
  stub("cloud").StopHanging();
  stub("cloud").FinishCreates();
  timers_->Settle();
  EXPECT_THAT(stub("cloud").sandboxes(), ElementsAre("cloud-1"));
  Return("cloud");
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
}

TEST_F(FailoverCreateTest, OneThatAnswersItsProbeMayTakeItsTime) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin();
  timers_->Advance(absl::Minutes(2));
  EXPECT_FALSE(asked.answered());
  stub("cloud").FinishCreates();
  EXPECT_EQ(asked.Wait()->backend(), "cloud");
  EXPECT_EQ(stub("local").creates(), 0);
}

TEST_F(FailoverCreateTest, OneThatGoesAwayLaterIsGivenUpToo) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin();
  timers_->Advance(absl::Seconds(30));
  EXPECT_FALSE(asked.answered());
  stub("cloud").HangProbes();
  timers_->Advance(absl::Seconds(2));
  EXPECT_EQ(asked.Wait()->backend(), "local");
}

TEST_F(FailoverCreateTest, TheLastIsWaitedForWhateverItsProbeSays) {
  Configure(kOne);
  stub("local").HangCreates();
  stub("local").HangProbes();
  AskedCreate asked = Begin();
  timers_->Advance(absl::Minutes(2));
  EXPECT_FALSE(asked.answered());
  stub("local").FinishCreates();
  EXPECT_EQ(asked.Wait()->backend(), "local");
}

TEST_F(FailoverCreateTest, OneThatIsKilledInTheMiddle) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin();
  stub("cloud").SetReach(absl::UnavailableError("connection reset"));
  stub("cloud").BreakCreates();
  EXPECT_EQ(asked.Wait()->backend(), "local");
  EXPECT_EQ(StatusOf("cloud").failures(), 1);
}

TEST_F(FailoverCreateTest, ACancelEndsIt) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin();
  asked.operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(asked.Wait().status()));
  EXPECT_EQ(stub("cloud").cancels(), 1);
  // Nothing more comes of it, nor of another cancel.
  asked.operation->Cancel();
  stub("cloud").FinishCreates();
  timers_->Advance(absl::Seconds(2));
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
  EXPECT_EQ(stub("local").creates(), 0);
  EXPECT_EQ(stub("cloud").cancels(), 1);
}

TEST_F(FailoverCreateTest, ACancelFromWithinTheCreateReachesTheBackend) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  v1::CreateSandboxRequest request;
  auto promise = std::make_shared<std::promise<absl::Status>>();
  auto attempts = std::shared_ptr<CreateAttempts>();
  const auto lost = std::make_shared<LostSandboxes>(timers_);
  const auto prober = std::make_shared<Prober>(timers_, 1, [](const auto&) {});
  MemberSpec spec;
  spec.name = "cloud";
  spec.backend = stubs_["cloud"];
  attempts = std::make_shared<CreateAttempts>(
      CreateTools{timers_, prober, lost, 1},
      std::vector<std::shared_ptr<Member>>{std::make_shared<Member>(spec)}, Call(), request,
      [promise](const auto& made) { promise->set_value(made.status()); });
  stub("cloud").OnCreate([&attempts] { attempts->Cancel(); });
  attempts->Start();
  EXPECT_TRUE(absl::IsCancelled(promise->get_future().get()));
  EXPECT_EQ(stub("cloud").cancels(), 1);
  stub("cloud").FinishCreates();
  timers_->Settle();
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
}

TEST_F(FailoverCreateTest, ACancelOfWhatIsMadeChangesNothing) {
  Configure(kTwo);
  AskedCreate asked = Begin();
  ASSERT_TRUE(asked.Wait().ok());
  asked.operation->Cancel();
  timers_->Settle();
  EXPECT_THAT(stub("cloud").sandboxes(), ElementsAre("cloud-1"));
  EXPECT_EQ(stub("cloud").cancels(), 0);
}

TEST_F(FailoverCreateTest, TheCallersDeadlineEndsItAndTellsNothingOfTheBackend) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  Call call;
  call.deadline = timers_->WallNow() + absl::Milliseconds(200);
  for (int i = 0; i < 5; ++i) {
    call.deadline = timers_->WallNow() + absl::Milliseconds(200);
    AskedCreate asked = Begin({}, call);
    timers_->Advance(absl::Milliseconds(200));
    EXPECT_TRUE(absl::IsDeadlineExceeded(asked.Wait().status()));
  }
  EXPECT_EQ(stub("cloud").cancels(), 5);
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
  EXPECT_EQ(stub("local").creates(), 0);
  stub("cloud").FinishCreates();
  timers_->Settle();
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
}

TEST_F(FailoverCreateTest, ADeadlineThatTheBackendNoticesFirstIsTheCallersToo) {
  Configure(kTwo);
  stub("cloud").SetCreates(absl::DeadlineExceededError("late"));
  Call call;
  call.deadline = timers_->WallNow() - absl::Milliseconds(1);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Begin({}, call).Wait().status()));
  EXPECT_EQ(stub("local").creates(), 0);
}

TEST_F(FailoverCreateTest, HalfOpenLetsOneThrough) {
  Configure(kTwo);
  stub("cloud").SetCreates(absl::UnavailableError("x"));
  stub("cloud").HangProbes();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(CreatedOn(), "local");
  // Its probe is the trial, so that no client waits for one that hangs.
  timers_->Advance(absl::Milliseconds(2001));
  const int asked = stub("cloud").creates();
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::HALF_OPEN);
  EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(stub("cloud").creates(), asked);
}

TEST_F(FailoverCreateTest, ByTenantTemplateAndShare) {
  Configure(R"pb(
    backends {
      name: "a"
      remote {}
    }
    backends {
      name: "b"
      e2b {}
    }
    backends {
      name: "c"
      local {}
    }
    default_backend: "c"
    routes {
      tenants: "acme"
      to { backend: "a" }
    }
    routes {
      tenants: "operator"
      template_ids: "gpu"
      to { backend: "b" }
    }
    routes {
      template_ids: "split"
      to { backend: "a" percent: 10 }
      to { backend: "b" percent: 90 }
    }
  )pb");
  EXPECT_EQ(CreatedOn("acme", "gpu"), "a");
  EXPECT_EQ(CreatedOn("", "gpu"), "b");
  EXPECT_EQ(CreatedOn("zeta", "gpu"), "c");
  draw_ = 9;
  EXPECT_EQ(CreatedOn("zeta", "split"), "a");
  draw_ = 10;
  EXPECT_EQ(CreatedOn("zeta", "split"), "b");
}

TEST_F(FailoverCreateTest, OfMembersThatAllHangOneAfterTheOther) {
  Configure(kThree);
  for (const char* name : {"a", "b"}) {
    stub(name).HangCreates();
    stub(name).HangProbes();
  }
  AskedCreate asked = Begin();
  timers_->Advance(absl::Milliseconds(1500));
  EXPECT_EQ(asked.Wait()->backend(), "c");
  for (const char* name : {"a", "b"}) {
    stub(name).StopHanging();
    stub(name).FinishCreates();
  }
  timers_->Settle();
  EXPECT_THAT(stub("a").sandboxes(), IsEmpty());
  EXPECT_THAT(stub("b").sandboxes(), IsEmpty());
  EXPECT_EQ(StatusOf("a").passed_on(), 1);
  EXPECT_EQ(StatusOf("b").passed_on(), 1);
}

TEST_F(FailoverCreateTest, ManyAtOnceWhileTheFirstGoesAway) {
  Configure(kTwo);
  std::vector<AskedCreate> asked;
  stub("cloud").HangCreates();
  for (int i = 0; i < 100; ++i) asked.push_back(Begin());
  stub("cloud").HangProbes();
  const int probes = stub("cloud").probes();
  timers_->Advance(absl::Milliseconds(750));
  std::set<std::string> ids;
  for (AskedCreate& each : asked) ids.insert(each.Wait()->sandbox_id());
  EXPECT_EQ(ids.size(), 100u);
  // One question for all of them.
  EXPECT_EQ(stub("cloud").probes(), probes + 1);
  stub("cloud").StopHanging();
  stub("cloud").FinishCreates();
  timers_->Settle();
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
}

TEST_F(FailoverCreateTest, CancelsAndAnswersAtOnce) {
  Configure(kTwo);
  for (int round = 0; round < 200; ++round) {
    stub("cloud").HangCreates();
    AskedCreate asked = Begin();
    std::thread cancels([&] { asked.operation->Cancel(); });
    stub("cloud").FinishCreates();
    cancels.join();
    auto made = asked.Wait();
    timers_->Settle();
    ASSERT_EQ(stub("cloud").sandboxes().size(), made.ok() ? 1u : 0u);
    if (made.ok()) stub("cloud").EndSandbox(made->sandbox_id());
  }
}

TEST_F(FailoverCreateTest, ItMayEndWithCreatesUnderWay) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin();
  AskedCreate other = Begin();
  asked.operation.reset();
  backend_.reset();
  stub("cloud").FinishCreates();
  EXPECT_TRUE(asked.Wait().ok());
  EXPECT_TRUE(other.Wait().ok());
  timers_->Advance(absl::Minutes(2));
}

}  // namespace
}  // namespace warren
