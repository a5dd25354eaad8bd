// Where a sandbox is found.
#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class FailoverOpenTest : public FailoverTest {
 protected:
  // One that nobody here made, as after a restart.
  std::string MadeElsewhere(const std::string& on, const std::string& tenant) {
    auto made = Ask<v1::Sandbox>(
        [&](auto reply) { stub(on).Create(CallOf(tenant), {}, std::move(reply)); });
    return made->sandbox_id();
  }
};

TEST_F(FailoverOpenTest, WhatWasMadeIsFoundWhereItIsWithoutAQuestion) {
  Configure(kThree);
  stub("a").SetCreates(absl::ResourceExhaustedError("full"));
  const std::string id = Create("acme")->sandbox_id();
  EXPECT_EQ(id, "b-1");
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  EXPECT_EQ(Get(id)->sandbox_id(), id);
  EXPECT_EQ(stub("a").gets() + stub("c").gets(), 0);
  EXPECT_EQ(stub("b").gets(), 2);
  // The handle is the backend's own.
  EXPECT_EQ(Open(id, "acme").value()->id(), id);
}

TEST_F(FailoverOpenTest, AnothersIsAsOneThatNeverWas) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  const absl::Status others = Open(id, "zeta").status();
  EXPECT_TRUE(absl::IsNotFound(others));
  EXPECT_EQ(others, Open("cloud-77", "zeta").status());
  // Also where its backend is down, and the owner is told so.
  Lose("cloud");
  EXPECT_TRUE(absl::IsNotFound(Open(id, "zeta").status()));
  EXPECT_TRUE(absl::IsUnavailable(Open(id, "acme").status()));
}

TEST_F(FailoverOpenTest, OneThatIsNotKnownIsLookedForEverywhereOnce) {
  Configure(kThree);
  const std::string id = MadeElsewhere("c", "acme");
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  timers_->Settle();
  EXPECT_EQ(stub("a").gets(), 1);
  EXPECT_EQ(stub("b").gets(), 1);
  EXPECT_EQ(stub("c").gets(), 2);
  // From then on it is known.
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  timers_->Settle();
  EXPECT_EQ(stub("a").gets(), 1);
  EXPECT_EQ(stub("c").gets(), 3);
  EXPECT_EQ(StatusOf("c").sandboxes(), 1);
}

TEST_F(FailoverOpenTest, WhatTheOperatorFoundIsStillItsOwnersAlone) {
  Configure(kTwo);
  const std::string id = MadeElsewhere("local", "acme");
  EXPECT_TRUE(Get(id).ok());
  EXPECT_TRUE(absl::IsNotFound(Get(id, "zeta").status()));
  EXPECT_TRUE(Get(id, "acme").ok());
  EXPECT_TRUE(Get(id).ok());
  Lose("local");
  // To a stranger it might be anywhere.
  timers_->Advance(absl::Seconds(2));
  EXPECT_TRUE(absl::IsNotFound(Open(id, "zeta").status()));
}

TEST_F(FailoverOpenTest, OneThatAnswersIsNotHeldUpByOneThatDoesNot) {
  Configure(kThree);
  const std::string id = MadeElsewhere("c", "acme");
  stub("a").HangQuestions();
  stub("b").SetReach(absl::UnavailableError("gone"));
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
}

TEST_F(FailoverOpenTest, WhereOneCannotBeAskedItIsNotKnownWhetherThereIsOne) {
  Configure(kThree);
  stub("b").SetReach(absl::UnavailableError("10.0.0.7 refused"));
  const absl::Status status = Open("x", "acme").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("asked of b;"), Not(HasSubstr("10.0.0.7"))));
  // Nothing was learned by that.
  stub("b").SetReach(absl::OkStatus());
  EXPECT_TRUE(absl::IsNotFound(Open("x", "acme").status()));
}

TEST_F(FailoverOpenTest, OneThatHangsIsWaitedForAWhile) {
  Configure(kTwo);
  stub("cloud").HangQuestions();
  auto promise = std::make_shared<std::promise<absl::Status>>();
  auto answer = promise->get_future();
  backend_->Open({}, "x", [promise](const auto& handle) { promise->set_value(handle.status()); });
  timers_->Advance(absl::Milliseconds(4999));
  EXPECT_NE(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  timers_->Advance(absl::Milliseconds(1));
  const absl::Status status = answer.get();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cloud"));
}

TEST_F(FailoverOpenTest, OneThatIsLostIsNotAsked) {
  Configure(kTwo);
  Lose("cloud");
  const int gets = stub("cloud").gets();
  EXPECT_TRUE(absl::IsUnavailable(Open("x").status()));
  EXPECT_EQ(stub("cloud").gets(), gets);
  EXPECT_EQ(stub("local").gets(), 1);
}

TEST_F(FailoverOpenTest, WhoGuessesIdsAsksTheBackendsOnceASecond) {
  Configure(kTwo);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(absl::IsNotFound(Open("x", "acme").status()));
  EXPECT_EQ(stub("cloud").gets(), 1);
  // Another tenant is told by them.
  EXPECT_TRUE(absl::IsNotFound(Open("x", "zeta").status()));
  EXPECT_EQ(stub("cloud").gets(), 2);
  timers_->Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsNotFound(Open("x", "acme").status()));
  EXPECT_EQ(stub("cloud").gets(), 3);
}

TEST_F(FailoverOpenTest, OneOnALostBackendIsUnavailableUntilItIsBack) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  Lose("cloud");
  const absl::Status lost = Open(id, "acme").status();
  EXPECT_TRUE(absl::IsUnavailable(lost));
  EXPECT_EQ(lost.message(),
            "sandbox cloud-1 lives on backend cloud, which cannot be reached (unplugged); it is "
            "not made anew elsewhere: wait for it, or make a new sandbox");
  EXPECT_EQ(stub("local").creates(), 0);
  Return("cloud");
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
}

TEST_F(FailoverOpenTest, OneWhoseBackendOnlyMakesNoneIsReached) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  stub("cloud").SetCreates(absl::UnavailableError("no launcher"));
  stub("cloud").HangProbes();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::OPEN);
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
}

TEST_F(FailoverOpenTest, OfOneBackendAloneNothingStandsBetween) {
  Configure(kOne);
  const std::string id = Create("acme")->sandbox_id();
  Lose("local");
  // It says itself what is the matter.
  ASSERT_TRUE(Open(id, "acme").ok());
  EXPECT_EQ(Get(id, "acme").status(), absl::UnavailableError("unplugged"));
  EXPECT_TRUE(Open("x").ok());
  EXPECT_EQ(Get("x").status(), absl::UnavailableError("unplugged"));
}

TEST_F(FailoverOpenTest, WhatABackendForgetsIsPassedOnAndForgotten) {
  std::vector<std::string> forgotten;
  backend_->OnForgotten([&](const std::string& id) { forgotten.push_back(id); });
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  EXPECT_EQ(StatusOf("cloud").sandboxes(), 1);
  stub("cloud").EndSandbox(id);
  EXPECT_EQ(StatusOf("cloud").sandboxes(), 0);
  EXPECT_EQ(forgotten, std::vector<std::string>{id});
  // It had lived there and nowhere else: no other is asked.
  EXPECT_TRUE(absl::IsNotFound(Open(id, "acme").status()));
  EXPECT_EQ(stub("local").gets(), 0);
}

TEST_F(FailoverOpenTest, ItMayEndWhileOneIsLookedFor) {
  Configure(kTwo);
  stub("cloud").HangQuestions();
  auto promise = std::make_shared<std::promise<absl::Status>>();
  auto answer = promise->get_future();
  backend_->Open({}, "x", [promise](const auto& handle) { promise->set_value(handle.status()); });
  backend_.reset();
  timers_->Advance(absl::Seconds(10));
  EXPECT_TRUE(absl::IsUnavailable(answer.get()));
}

}  // namespace
}  // namespace warren
