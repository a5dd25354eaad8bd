// Sandboxes that are made anew when their backend is lost.
#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FailoverRecreateTest : public FailoverTest {
 protected:
  static v1::CreateSandboxRequest Request() {
    v1::CreateSandboxRequest request;
    request.set_on_backend_loss(v1::ON_BACKEND_LOSS_RECREATE);
    request.set_template_id("base");
    request.set_request_id("once");
    (*request.mutable_metadata())["a"] = "b";
    return request;
  }
  std::string Made(const std::string& tenant = "acme") {
    auto made = Create(tenant, Request());
    EXPECT_TRUE(made.ok()) << made.status();
    return made->sandbox_id();
  }
  // An open that is not waited for.
  std::future<absl::StatusOr<std::shared_ptr<SandboxHandle>>> BeginOpen(
      const std::string& id, const std::string& tenant = "acme") {
    auto promise = std::make_shared<std::promise<absl::StatusOr<std::shared_ptr<SandboxHandle>>>>();
    backend_->Open(CallOf(tenant), id, [promise](auto handle) { promise->set_value(handle); });
    return promise->get_future();
  }
};

TEST_F(FailoverRecreateTest, ItIsMadeAnewUnderItsIdAndTheLostOneGoes) {
  Configure(kTwo);
  const std::string id = Made();
  EXPECT_EQ(Get(id, "acme")->recreations(), 0);
  Lose("cloud");
  auto sandbox = Get(id, "acme");
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->sandbox_id(), id);
  EXPECT_EQ(sandbox->backend(), "local");
  EXPECT_EQ(sandbox->recreations(), 1);
  ASSERT_THAT(stub("local").sandboxes(), ElementsAre("local-1"));
  // By the same request; a backend that made it once must not answer that one.
  EXPECT_EQ(stub("local").request_of("local-1").metadata().at("a"), "b");
  EXPECT_EQ(stub("local").request_of("local-1").request_id(), "");
  // Once.
  EXPECT_TRUE(Get(id, "acme").ok());
  EXPECT_EQ(stub("local").creates(), 1);
  EXPECT_THAT(stub("cloud").sandboxes(), ElementsAre(id));
  Return("cloud");
  EXPECT_THAT(stub("cloud").sandboxes(), IsEmpty());
  EXPECT_EQ(Get(id, "acme")->backend(), "local");
}

TEST_F(FailoverRecreateTest, ItStaysItsOwners) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  EXPECT_TRUE(absl::IsNotFound(Open(id, "zeta").status()));
  EXPECT_EQ(stub("local").creates(), 0);
  // The operator's look has it made for its owner.
  EXPECT_TRUE(Get(id).ok());
  EXPECT_TRUE(Get(id, "acme").ok());
  EXPECT_TRUE(absl::IsNotFound(Open(id, "zeta").status()));
  EXPECT_FALSE(Get("local-1", "zeta").ok());
}

TEST_F(FailoverRecreateTest, ItsHandleTellsItsIdAndPassesOnTheRest) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  auto handle = Open(id, "acme");
  ASSERT_TRUE(handle.ok());
  EXPECT_EQ((*handle)->id(), id);
  auto paused = Ask<v1::Sandbox>([&](auto reply) { (*handle)->Pause({}, std::move(reply)); });
  EXPECT_EQ(paused->sandbox_id(), id);
  EXPECT_EQ(paused->recreations(), 1);
  auto context =
      Ask<v1::Context>([&](auto reply) { (*handle)->CreateContext({}, {}, std::move(reply)); });
  EXPECT_EQ(context->sandbox_id(), id);
  auto contexts = Ask<v1::ListContextsResponse>(
      [&](auto reply) { (*handle)->ListContexts({}, std::move(reply)); });
  EXPECT_EQ(contexts->contexts(0).sandbox_id(), id);
  EXPECT_TRUE(Ask<v1::InterruptExecutionResponse>([&](auto reply) {
                (*handle)->Interrupt({}, "", std::move(reply));
              }).ok());
  EXPECT_EQ(stub("local").interrupts(), 1);
}

TEST_F(FailoverRecreateTest, WhoAsksMeanwhileWaitsForIt) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  stub("local").HangCreates();
  auto first = BeginOpen(id);
  auto second = BeginOpen(id);
  auto third = BeginOpen(id, "");
  timers_->Settle();
  EXPECT_EQ(stub("local").creates(), 1);
  stub("local").FinishCreates();
  for (auto* each : {&first, &second, &third}) {
    auto handle = each->get();
    ASSERT_TRUE(handle.ok()) << handle.status();
    EXPECT_EQ(Describe(**handle)->sandbox_id(), id);
  }
  EXPECT_THAT(stub("local").sandboxes(), ElementsAre("local-1"));
}

TEST_F(FailoverRecreateTest, OneThatCannotBeMadeSaysWhyAndIsTriedAgain) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  stub("local").SetCreates(absl::ResourceExhaustedError("no slot"));
  const absl::Status status = Open(id, "acme").status();
  EXPECT_TRUE(absl::IsResourceExhausted(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("lost with backend cloud"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("no slot"));
  stub("local").SetCreates(absl::OkStatus());
  EXPECT_EQ(Get(id, "acme")->recreations(), 1);
}

TEST_F(FailoverRecreateTest, OneThatItsBackendStillHadIsThatOneAfterAll) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  Return("cloud");
  EXPECT_EQ(Get(id, "acme")->backend(), "cloud");
  EXPECT_EQ(Get(id, "acme")->recreations(), 0);
  EXPECT_EQ(stub("local").creates(), 0);
}

TEST_F(FailoverRecreateTest, FailedCreatesAloneAreNoLoss) {
  Configure(kTwo);
  const std::string id = Made();
  stub("cloud").SetCreates(absl::UnavailableError("no launcher"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(CreatedOn(), "local");
  EXPECT_EQ(Get(id, "acme")->backend(), "cloud");
}

TEST_F(FailoverRecreateTest, ItCanBeLostAgain) {
  Configure(kThree);
  const std::string id = Made();
  Lose("a");
  EXPECT_EQ(Get(id, "acme")->backend(), "b");
  Lose("b");
  auto sandbox = Get(id, "acme");
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  EXPECT_EQ(sandbox->backend(), "c");
  EXPECT_EQ(sandbox->recreations(), 2);
  Return("a");
  Return("b");
  EXPECT_THAT(stub("a").sandboxes(), IsEmpty());
  EXPECT_THAT(stub("b").sandboxes(), IsEmpty());
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
}

TEST_F(FailoverRecreateTest, ListsHaveItOnceUnderItsId) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  ASSERT_TRUE(Get(id, "acme").ok());
  // It is back, and what was lost not destroyed yet.
  stub("cloud").SetReach(absl::OkStatus());
  stub("cloud").HangProbes();
  auto page = List({}, "acme");
  ASSERT_EQ(page->sandboxes_size(), 1);
  EXPECT_EQ(page->sandboxes(0).sandbox_id(), id);
  EXPECT_EQ(page->sandboxes(0).backend(), "local");
  EXPECT_EQ(page->sandboxes(0).recreations(), 1);
  stub("cloud").StopHanging();
}

TEST_F(FailoverRecreateTest, OneThatWasDestroyedIsNotMadeAnew) {
  std::vector<std::string> forgotten;
  backend_->OnForgotten([&](const std::string& id) { forgotten.push_back(id); });
  Configure(kTwo);
  const std::string id = Made();
  auto handle = Open(id, "acme");
  EXPECT_TRUE(Ask<v1::DestroySandboxResponse>([&](auto reply) {
                (*handle)->Destroy({}, std::move(reply));
              }).ok());
  Lose("cloud");
  EXPECT_FALSE(Open(id, "acme").ok());
  EXPECT_EQ(stub("local").creates(), 0);
  EXPECT_THAT(forgotten, ElementsAre(id));
}

TEST_F(FailoverRecreateTest, ThatTheLostOneEndsIsNotItsEnd) {
  std::vector<std::string> forgotten;
  backend_->OnForgotten([&](const std::string& id) { forgotten.push_back(id); });
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  ASSERT_TRUE(Get(id, "acme").ok());
  Return("cloud");
  EXPECT_THAT(forgotten, IsEmpty());
  EXPECT_TRUE(Get(id, "acme").ok());
  // Its own is told by the id that clients know.
  stub("local").EndSandbox("local-1");
  EXPECT_THAT(forgotten, ElementsAre(id));
  EXPECT_TRUE(absl::IsNotFound(Open(id, "acme").status()));
}

TEST_F(FailoverRecreateTest, WhereThereIsNoOtherItIsWaitedFor) {
  Configure(R"pb(
    backends {
      name: "a"
      remote {}
    }
    backends {
      name: "b"
      remote {}
    }
    default_backend: "a"
  )pb");
  const std::string id = Made();
  Lose("a");
  EXPECT_TRUE(absl::IsUnavailable(Open(id, "acme").status()));
  EXPECT_EQ(stub("b").creates(), 0);
}

TEST_F(FailoverRecreateTest, ItIsFoundWhereOnlyOneBackendIsLeft) {
  Configure(kTwo);
  const std::string id = Made();
  Lose("cloud");
  ASSERT_TRUE(Get(id, "acme").ok());
  Return("cloud");
  Configure(kOne);
  timers_->Advance(absl::Seconds(10));
  EXPECT_EQ(StatusOf("cloud").name(), "");
  EXPECT_EQ(Get(id, "acme")->sandbox_id(), id);
  EXPECT_EQ(List({}, "acme")->sandboxes(0).sandbox_id(), id);
}

}  // namespace
}  // namespace warren
