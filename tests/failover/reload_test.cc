// A configuration that is read again.
#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using FailoverReloadTest = FailoverTest;

constexpr char kLocalAndOther[] = R"pb(
  backends {
    name: "other"
    remote {}
  }
  backends {
    name: "local"
    local {}
  }
  default_backend: "other"
)pb";

TEST_F(FailoverReloadTest, RoutesChangeAndMembersStayWithTheirCircuits) {
  Configure(kTwo);
  EXPECT_EQ(CreatedOn(), "cloud");
  Lose("cloud");
  Configure(R"pb(
    backends {
      name: "local"
      local {}
    }
    backends {
      name: "cloud"
      e2b {}
      circuit { failures: 1 }
    }
    backends {
      name: "both"
      failover { backends: "cloud" backends: "local" }
    }
    default_backend: "both"
  )pb");
  EXPECT_NE(StatusOf("cloud").circuit(), v1::BackendStatus::CLOSED);
  EXPECT_EQ(StatusOf("cloud").creates(), 1);
  EXPECT_EQ(CreatedOn(), "local");
  Return("cloud");
  EXPECT_EQ(CreatedOn(), "cloud");
  // And have the new settings.
  stub("cloud").SetCreates(absl::UnavailableError("x"));
  stub("cloud").HangProbes();
  EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(StatusOf("cloud").circuit(), v1::BackendStatus::OPEN);
}

TEST_F(FailoverReloadTest, OneThatIsNotNamedAnyMoreServesItsSandboxesAndGoesWithTheLast) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  Configure(kLocalAndOther);
  EXPECT_TRUE(StatusOf("cloud").retired());
  EXPECT_EQ(StatusOf("cloud").sandboxes(), 1);
  EXPECT_FALSE(StatusOf("local").retired());
  EXPECT_EQ(CreatedOn(), "other");
  EXPECT_EQ(stub("cloud").creates(), 1);
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  EXPECT_EQ(List({}, "acme")->sandboxes(0).sandbox_id(), id);
  timers_->Advance(absl::Seconds(20));
  EXPECT_TRUE(StatusOf("cloud").retired());
  stub("cloud").EndSandbox(id);
  std::weak_ptr<StubBackend> left = stubs_["cloud"];
  timers_->Advance(absl::Seconds(5));
  EXPECT_EQ(StatusOf("cloud").name(), "");
  const int probes = stub("cloud").probes();
  timers_->Advance(absl::Seconds(60));
  EXPECT_EQ(stub("cloud").probes(), probes);
  // Nobody keeps it.
  stubs_.erase("cloud");
  EXPECT_TRUE(left.expired());
}

TEST_F(FailoverReloadTest, OneThatIsRetiredButLostStays) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  Lose("cloud");
  Configure(kLocalAndOther);
  timers_->Advance(absl::Seconds(60));
  EXPECT_TRUE(StatusOf("cloud").retired());
  EXPECT_THAT(std::string(Open(id, "acme").status().message()), HasSubstr("backend cloud"));
  Return("cloud");
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  EXPECT_TRUE(StatusOf("cloud").retired());
}

TEST_F(FailoverReloadTest, OneThatIsNamedAgainIsTheOneThatItWas) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  Configure(kLocalAndOther);
  Configure(kTwo);
  EXPECT_FALSE(StatusOf("cloud").retired());
  EXPECT_EQ(StatusOf("cloud").creates(), 1);
  EXPECT_EQ(CreatedOn(), "cloud");
  timers_->Advance(absl::Seconds(20));
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
}

TEST_F(FailoverReloadTest, AnotherOfTheSameNameIsAnother) {
  Configure(kTwo);
  const std::string id = Create("acme")->sandbox_id();
  std::shared_ptr<StubBackend> before = stubs_["cloud"];
  stubs_["cloud"] = std::make_shared<StubBackend>("cloud2");
  Configure(kTwo);
  EXPECT_EQ(Create("acme")->sandbox_id(), "cloud2-1");
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  // Pages find their way through both.
  v1::ListSandboxesRequest request;
  request.set_page_size(1);
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    auto page = List(request, "acme");
    ASSERT_TRUE(page.ok());
    for (const auto& each : page->sandboxes()) ids.push_back(each.sandbox_id());
    request.set_page_token(page->next_page_token());
    if (request.page_token().empty()) break;
  }
  EXPECT_THAT(ids, ElementsAre("cloud2-1", id));
  EXPECT_EQ(before->creates(), 1);
}

TEST_F(FailoverReloadTest, AMissingMemberChangesNothing) {
  Configure(kTwo);
  const absl::Status status = backend_->Configure(ParseConfiguration(kLocalAndOther), {});
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("backend other"));
  EXPECT_EQ(CreatedOn(), "cloud");
  EXPECT_FALSE(StatusOf("cloud").retired());
}

TEST_F(FailoverReloadTest, ACreateThatIsUnderWayOnARetiredOneIsServed) {
  Configure(kTwo);
  stub("cloud").HangCreates();
  AskedCreate asked = Begin({}, CallOf("acme"));
  Configure(kLocalAndOther);
  timers_->Advance(absl::Seconds(10));
  EXPECT_EQ(StatusOf("cloud").name(), "");
  stub("cloud").FinishCreates();
  auto made = asked.Wait();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(Get(made->sandbox_id(), "acme")->sandbox_id(), made->sandbox_id());
}

TEST_F(FailoverReloadTest, FromOneToTwoAndBack) {
  Configure(kOne);
  const std::string id = Create("acme")->sandbox_id();
  Configure(kTwo);
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  EXPECT_EQ(stub("cloud").gets(), 0);
  Configure(kOne);
  timers_->Advance(absl::Seconds(10));
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
}

}  // namespace
}  // namespace warren
