// Creates with a request id, over a backend in memory.
#include "supervisor/service/create_once.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/fake/fake_backend.h"
#include "supervisor/service/service.h"
#include "tests/supervisor/noting_sink.h"
#include "tests/supervisor/sink.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

// One create, and what came of it.
struct Asked {
  std::unique_ptr<Operation> operation;
  std::shared_ptr<std::promise<absl::StatusOr<v1::Sandbox>>> promise =
      std::make_shared<std::promise<absl::StatusOr<v1::Sandbox>>>();
  std::future<absl::StatusOr<v1::Sandbox>> answer = promise->get_future();

  bool answered() { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  absl::StatusOr<v1::Sandbox> Wait() {
    if (answer.wait_for(absl::ToChronoSeconds(Patience())) != std::future_status::ready)
      return absl::DeadlineExceededError("nothing answered");
    return answer.get();
  }
};

class CreateOnceTest : public ::testing::Test {
 protected:
  Asked Begin(const v1::CreateSandboxRequest& request, const std::string& tenant = "") {
    Asked asked;
    Call call;
    call.who.tenant = tenant;
    asked.operation = service->Create(
        call, request, [promise = asked.promise](auto answer) { promise->set_value(answer); });
    return asked;
  }
  static v1::CreateSandboxRequest Request(const std::string& id,
                                          const std::string& template_id = "base") {
    v1::CreateSandboxRequest request;
    request.set_request_id(id);
    request.set_template_id(template_id);
    for (int i = 0; i < 20; ++i) (*request.mutable_metadata())[absl::StrCat(i)] = "v";
    return request;
  }

  FakeBackend fake;
  std::unique_ptr<Service> service = std::make_unique<Service>(fake);
};

TEST_F(CreateOnceTest, WhatIsAskedAgainIsAnsweredTheSame) {
  auto first = Begin(Request("a")).Wait();
  ASSERT_TRUE(first.ok()) << first.status();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Begin(Request("a")).Wait()->sandbox_id(), first->sandbox_id());
  EXPECT_EQ(fake.sandboxes(), 1u);
  EXPECT_NE(Begin(Request("b")).Wait()->sandbox_id(), first->sandbox_id());
  // Without an id each makes its own.
  Begin(Request("")).Wait().IgnoreError();
  Begin(Request("")).Wait().IgnoreError();
  EXPECT_EQ(fake.sandboxes(), 4u);
}

TEST_F(CreateOnceTest, ATenantHasRequestIdsOfItsOwn) {
  auto mine = Begin(Request("a"), "acme").Wait();
  auto others = Begin(Request("a"), "zeta").Wait();
  auto operators = Begin(Request("a")).Wait();
  ASSERT_TRUE(mine.ok() && others.ok() && operators.ok());
  EXPECT_EQ(fake.sandboxes(), 3u);
  EXPECT_EQ(Begin(Request("a"), "acme").Wait()->sandbox_id(), mine->sandbox_id());
  // Nothing tells of the other's: not even that another request has the id.
  auto different = Request("a");
  (*different.mutable_metadata())["0"] = "w";
  EXPECT_TRUE(absl::IsInvalidArgument(Begin(different, "acme").Wait().status()));
  EXPECT_TRUE(Begin(different, "omega").Wait().ok());
  // The name of one and the id of another do not run together.
  EXPECT_NE(Begin(Request("b/c"), "a").Wait()->sandbox_id(),
            Begin(Request("c"), "a").Wait()->sandbox_id());
}

TEST_F(CreateOnceTest, ATenantMayNotUseTheStoreOfPackages) {
  Call call;
  call.who.tenant = "acme";
  auto sink = std::make_shared<NotingSink<v1::InstallPackageEvent>>();
  v1::PrefetchPackagesRequest prefetch;
  prefetch.mutable_what()->add_requirements("six");
  ASSERT_NE(service->Prefetch(call, prefetch, sink), nullptr);
  EXPECT_TRUE(absl::IsPermissionDenied(sink->Wait()));
  EXPECT_TRUE(absl::IsPermissionDenied(Ask<v1::ListStoredPackagesResponse>([&](auto reply) {
                                         service->ListPackages(call, std::move(reply));
                                       }).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Ask<v1::PruneStoredPackagesResponse>([&](auto reply) {
                                         service->PrunePackages(call, {}, std::move(reply));
                                       }).status()));
  EXPECT_TRUE(absl::IsPermissionDenied(Ask<v1::VerifyStoredPackagesResponse>([&](auto reply) {
                                         service->VerifyPackages(call, std::move(reply));
                                       }).status()));
  EXPECT_TRUE(Ask<v1::ListStoredPackagesResponse>([&](auto reply) {
                service->ListPackages({}, std::move(reply));
              }).ok());
}

TEST_F(CreateOnceTest, AnotherRequestWithTheSameIdIsRefused) {
  Begin(Request("a")).Wait().IgnoreError();
  auto other = Request("a");
  (*other.mutable_metadata())["0"] = "w";
  absl::Status refused = Begin(other).Wait().status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("request_id"));
  auto networked = Request("n");
  networked.mutable_network()->add_allow()->set_host("pip.test");
  auto made = Begin(networked).Wait();
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(Begin(networked).Wait()->sandbox_id(), made->sandbox_id());
  networked.mutable_network()->mutable_allow(0)->set_host("other.test");
  EXPECT_TRUE(absl::IsInvalidArgument(Begin(networked).Wait().status()));
  // Also while the first still waits.
  Asked waiting = Begin(Request("s", "slow"));
  EXPECT_TRUE(absl::IsInvalidArgument(Begin(Request("s")).Wait().status()));
  fake.FinishCreates();
  EXPECT_TRUE(waiting.Wait().ok());
  EXPECT_EQ(fake.sandboxes(), 3u);
}

TEST_F(CreateOnceTest, TheSecondWaitsForTheSameSandbox) {
  Asked first = Begin(Request("s", "slow"));
  Asked second = Begin(Request("s", "slow"));
  EXPECT_EQ(fake.waiting_creates(), 1u);
  EXPECT_FALSE(second.answered());
  fake.FinishCreates();
  auto one = first.Wait();
  auto two = second.Wait();
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_EQ(one->sandbox_id(), two->sandbox_id());
  EXPECT_EQ(fake.sandboxes(), 1u);
}

TEST_F(CreateOnceTest, TheSandboxIsMadeAsLongAsSomebodyWaits) {
  Asked first = Begin(Request("s", "slow"));
  Asked second = Begin(Request("s", "slow"));
  first.operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(first.Wait().status()));
  EXPECT_EQ(fake.waiting_creates(), 1u);
  EXPECT_FALSE(second.answered());
  fake.FinishCreates();
  EXPECT_TRUE(second.Wait().ok());
  // It was answered.
  second.operation->Cancel();
  EXPECT_EQ(fake.sandboxes(), 1u);
}

TEST_F(CreateOnceTest, OneThatAllGaveUpIsCancelledAndCanBeAskedForAnew) {
  Asked first = Begin(Request("s", "slow"));
  Asked second = Begin(Request("s", "slow"));
  second.operation->Cancel();
  first.operation->Cancel();
  EXPECT_TRUE(absl::IsCancelled(first.Wait().status()));
  EXPECT_TRUE(absl::IsCancelled(second.Wait().status()));
  EXPECT_EQ(fake.waiting_creates(), 0u);
  Asked third = Begin(Request("s", "slow"));
  EXPECT_EQ(fake.waiting_creates(), 1u);
  fake.FinishCreates();
  EXPECT_TRUE(third.Wait().ok());
  EXPECT_EQ(fake.sandboxes(), 1u);
}

TEST_F(CreateOnceTest, AFailureIsToldToAllAndTriedAgain) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Begin(Request("a", "broken")).Wait().status()));
  // Not kept, not even as another request.
  EXPECT_TRUE(Begin(Request("a")).Wait().ok());
}

TEST_F(CreateOnceTest, ManyAtOnceMakeOne) {
  std::vector<std::thread> threads;
  std::mutex mu;
  std::set<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) {
        auto made = Begin(Request(absl::StrCat("r", j))).Wait();
        std::lock_guard lock(mu);
        ids.insert(made.ok() ? made->sandbox_id() : "failed");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ids.size(), 50u);
  EXPECT_FALSE(ids.contains("failed"));
  EXPECT_EQ(fake.sandboxes(), 50u);
}

TEST_F(CreateOnceTest, AnIdIsKeptWhileItsSandboxIsOnRecord) {
  auto creates = std::make_shared<CreateOnce>(fake);
  auto make = [&](const std::string& id) {
    return Ask<v1::Sandbox>(
        [&](auto reply) { creates->Create({}, Request(id), std::move(reply)); });
  };
  auto first = make("a");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(creates->size(), 1u);
  creates->Forget("none");
  creates->Forget(first->sandbox_id());
  EXPECT_EQ(creates->size(), 0u);
  EXPECT_NE(make("a")->sandbox_id(), first->sandbox_id());
  EXPECT_EQ(creates->size(), 1u);
}

}  // namespace
}  // namespace warren
