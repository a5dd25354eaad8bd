// How it is found out which backends are there, and what is told of them.
#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;

class FailoverProbeTest : public FailoverTest {
 protected:
  absl::StatusOr<v1::ListBackendsResponse> ListBackends() {
    return Ask<v1::ListBackendsResponse>(
        [&](auto reply) { backend_->ListBackends({}, {}, std::move(reply)); });
  }
  std::future<absl::StatusOr<v1::ListBackendsResponse>> BeginProbe() {
    auto promise = std::make_shared<std::promise<absl::StatusOr<v1::ListBackendsResponse>>>();
    v1::ListBackendsRequest request;
    request.set_probe(true);
    backend_->ListBackends({}, request,
                           [promise](auto all) { promise->set_value(std::move(all)); });
    return promise->get_future();
  }
};

TEST_F(FailoverProbeTest, EachIsAskedAtOnceAndThenEverySoOften) {
  Configure(R"pb(
    backends {
      name: "a"
      remote {}
      circuit { probe_ms: 1000 }
    }
    backends {
      name: "b"
      remote {}
    }
    default_backend: "a"
  )pb");
  EXPECT_EQ(stub("a").probes(), 1);
  EXPECT_EQ(stub("b").probes(), 1);
  timers_->Advance(absl::Seconds(10));
  EXPECT_EQ(stub("a").probes(), 11);
  EXPECT_EQ(stub("b").probes(), 3);
}

TEST_F(FailoverProbeTest, OneProbeAtATimeWhichHasItsTime) {
  Configure(kTwo);
  stub("cloud").HangProbes();
  timers_->Advance(absl::Seconds(5));
  EXPECT_EQ(stub("cloud").probes(), 2);
  auto first = BeginProbe();
  auto second = BeginProbe();
  timers_->Settle();
  EXPECT_EQ(stub("cloud").probes(), 2);
  EXPECT_EQ(stub("cloud").last_call().deadline, timers_->WallNow() + absl::Milliseconds(500));
  timers_->Advance(absl::Milliseconds(499));
  EXPECT_NE(first.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  timers_->Advance(absl::Milliseconds(1));
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
}

TEST_F(FailoverProbeTest, ItIsTriedAgainWhenItsCircuitSaysAndLaterEachTime) {
  Configure(kTwo);
  stub("cloud").SetReach(absl::UnavailableError("unplugged"));
  timers_->Advance(absl::Seconds(15));
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::OPEN);
  EXPECT_EQ(StatusOf("cloud").problem(), "unplugged");
  const int before = stub("cloud").probes();
  timers_->Advance(absl::Milliseconds(1999));
  EXPECT_EQ(stub("cloud").probes(), before);
  timers_->Advance(absl::Milliseconds(1));
  EXPECT_EQ(stub("cloud").probes(), before + 1);
  timers_->Advance(absl::Milliseconds(3999));
  EXPECT_EQ(stub("cloud").probes(), before + 1);
  stub("cloud").SetReach(absl::OkStatus());
  timers_->Advance(absl::Milliseconds(1));
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
  EXPECT_EQ(StatusOf("cloud").problem(), "");
}

TEST_F(FailoverProbeTest, AFailedProbeOrTwoAreNoLoss) {
  Configure(kTwo);
  stub("cloud").SetReach(absl::UnavailableError("unplugged"));
  timers_->Advance(absl::Seconds(10));
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
  EXPECT_EQ(StatusOf("cloud").problem(), "");
  stub("cloud").SetReach(absl::OkStatus());
  timers_->Advance(absl::Seconds(5));
  stub("cloud").SetReach(absl::UnavailableError("unplugged"));
  timers_->Advance(absl::Seconds(10));
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
}

TEST_F(FailoverProbeTest, AllBackendsAreToldInTheConfigurationsOrder) {
  Configure(R"pb(
    backends {
      name: "both"
      failover { backends: "cloud" backends: "local" }
    }
    backends {
      name: "cloud"
      e2b {}
    }
    backends {
      name: "local"
      local {}
    }
    backends {
      name: "other"
      remote {}
    }
    default_backend: "both"
  )pb");
  auto all = ListBackends();
  ASSERT_TRUE(all.ok());
  std::vector<std::string> names;
  std::vector<int> kinds;
  for (const auto& each : all->backends()) {
    names.push_back(each.name());
    kinds.push_back(each.kind());
  }
  EXPECT_THAT(names, ElementsAre("both", "cloud", "local", "other"));
  EXPECT_THAT(kinds, ElementsAre(v1::BackendStatus::FAILOVER, v1::BackendStatus::E2B,
                                 v1::BackendStatus::LOCAL, v1::BackendStatus::REMOTE));
  EXPECT_THAT(all->backends(0).members(), ElementsAre("cloud", "local"));
  EXPECT_TRUE(all->backends(1).has_latency());
  EXPECT_FALSE(all->backends(0).has_latency());
}

TEST_F(FailoverProbeTest, AQuestionForNowAsksThemNow) {
  Configure(kTwo);
  const int before = stub("cloud").probes();
  EXPECT_TRUE(ListBackends().ok());
  EXPECT_EQ(stub("cloud").probes(), before);
  EXPECT_TRUE(BeginProbe().get().ok());
  EXPECT_EQ(stub("cloud").probes(), before + 1);
  EXPECT_EQ(stub("local").probes(), 2);
}

TEST_F(FailoverProbeTest, AQuestionForNowEndsAfterFiveSeconds) {
  Configure(R"pb(
    backends {
      name: "a"
      remote {}
      circuit { probe_timeout_ms: 10000 }
    }
    backends {
      name: "b"
      remote {}
    }
    default_backend: "a"
  )pb");
  stub("a").HangProbes();
  auto asked = BeginProbe();
  timers_->Advance(absl::Milliseconds(4999));
  EXPECT_NE(asked.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  timers_->Advance(absl::Milliseconds(1));
  EXPECT_TRUE(asked.get().ok());
  timers_->Advance(absl::Seconds(10));
}

TEST_F(FailoverProbeTest, ItMayEndWithProbesUnderWay) {
  Configure(kTwo);
  stub("cloud").HangProbes();
  timers_->Advance(absl::Seconds(5));
  auto asked = BeginProbe();
  backend_.reset();
  const int before = stub("cloud").probes() + stub("local").probes();
  timers_->Advance(absl::Minutes(5));
  EXPECT_EQ(stub("cloud").probes() + stub("local").probes(), before);
}

}  // namespace
}  // namespace warren
