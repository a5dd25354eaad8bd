// What several backends answer together.
#include "absl/strings/escaping.h"
#include "tests/failover/failover_testing.h"

namespace warren {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class FailoverListTest : public FailoverTest {
 protected:
  // `count` on each.
  void Fill(int count, const std::string& tenant = "") {
    for (auto& [name, each] : stubs_) {
      for (int i = 0; i < count; ++i) {
        Ask<v1::Sandbox>([&, stub = each.get()](auto reply) {
          stub->Create(CallOf(tenant), {}, std::move(reply));
        })
            .status()
            .IgnoreError();
      }
    }
  }
  // All pages of this size.
  struct Listed {
    std::vector<std::string> ids;
    std::vector<std::string> pools;
    std::vector<std::string> missing;
    std::vector<int> sizes;
  };
  Listed ListAll(int page_size) {
    Listed listed;
    v1::ListSandboxesRequest request;
    request.set_page_size(page_size);
    do {
      auto page = List(request);
      if (!page.ok()) {
        ADD_FAILURE() << page.status();
        break;
      }
      for (const v1::Sandbox& each : page->sandboxes()) {
        listed.ids.push_back(each.sandbox_id());
        EXPECT_EQ(each.backend(), each.sandbox_id().substr(0, each.sandbox_id().find('-')));
      }
      for (const v1::PoolStatus& each : page->pools()) listed.pools.push_back(each.template_id());
      for (const std::string& each : page->missing_backends()) listed.missing.push_back(each);
      listed.sizes.push_back(page->sandboxes_size());
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty() && listed.sizes.size() < 20);
    return listed;
  }
};

TEST_F(FailoverListTest, PagesGoFromOneBackendToTheNext) {
  Configure(kThree);
  Fill(3);
  const Listed listed = ListAll(2);
  EXPECT_THAT(listed.ids,
              ElementsAre("a-1", "a-2", "a-3", "b-1", "b-2", "b-3", "c-1", "c-2", "c-3"));
  EXPECT_THAT(listed.sizes, ElementsAre(2, 2, 2, 2, 1));
  EXPECT_THAT(listed.pools, ElementsAre("a", "b", "c"));
  EXPECT_THAT(listed.missing, IsEmpty());
  EXPECT_THAT(ListAll(0).sizes, ElementsAre(9));
  // Of which nothing is left over, for a page was full.
  EXPECT_THAT(ListAll(9).ids, SizeIs(9));
}

TEST_F(FailoverListTest, OneThatDoesNotAnswerIsNamedAndLeftOut) {
  Configure(kThree);
  Fill(3);
  stub("b").SetReach(absl::UnavailableError("gone"));
  for (int page_size : {1, 2, 0}) {
    const Listed listed = ListAll(page_size);
    EXPECT_THAT(listed.ids, ElementsAre("a-1", "a-2", "a-3", "c-1", "c-2", "c-3"));
    EXPECT_THAT(listed.missing, AllOf(Not(IsEmpty()), Each("b")));
  }
  Lose("b");
  const int lists = stub("b").lists();
  EXPECT_THAT(ListAll(0).missing, ElementsAre("b"));
  EXPECT_EQ(stub("b").lists(), lists);
}

TEST_F(FailoverListTest, TheFirstPageHasAllPoolsAndWhoIsMissingAndTheLastNoToken) {
  Configure(kThree);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(CreatedOn(), "a");
  stub("b").SetReach(absl::UnavailableError("gone"));
  v1::ListSandboxesRequest request;
  request.set_page_size(1);
  auto page = List(request);
  EXPECT_THAT(page->pools(), SizeIs(2));
  EXPECT_THAT(page->missing_backends(), ElementsAre("b"));
  request.set_page_token(page->next_page_token());
  page = List(request);
  // Full, and nobody has more.
  EXPECT_THAT(page->sandboxes(), SizeIs(1));
  EXPECT_THAT(page->pools(), IsEmpty());
  EXPECT_EQ(page->next_page_token(), "");
}

TEST_F(FailoverListTest, AnErrorOfOneBehindThePageIsTheAnswer) {
  Configure(kTwo);
  EXPECT_EQ(CreatedOn(), "cloud");
  stub("local").SetReach(absl::InternalError("broken"));
  v1::ListSandboxesRequest request;
  request.set_page_size(1);
  EXPECT_EQ(List(request).status(), absl::InternalError("broken"));
  request.set_page_size(5);
  EXPECT_EQ(List(request).status(), absl::InternalError("broken"));
}

TEST_F(FailoverListTest, OneThatHangsIsGivenUp) {
  Configure(kTwo);
  Fill(1);
  stub("cloud").HangQuestions();
  auto promise = std::make_shared<std::promise<absl::StatusOr<v1::ListSandboxesResponse>>>();
  auto answer = promise->get_future();
  backend_->List({}, {}, [promise](auto page) { promise->set_value(std::move(page)); });
  timers_->Advance(absl::Seconds(5));
  auto page = answer.get();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(page->missing_backends(), ElementsAre("cloud"));
  EXPECT_THAT(page->sandboxes(), SizeIs(1));
}

TEST_F(FailoverListTest, EachTenantSeesItsOwn) {
  Configure(kTwo);
  Fill(2, "acme");
  EXPECT_THAT(List({}, "acme")->sandboxes(), SizeIs(4));
  EXPECT_THAT(List({}, "zeta")->sandboxes(), IsEmpty());
  EXPECT_THAT(List()->sandboxes(), SizeIs(4));
}

TEST_F(FailoverListTest, ATokenOfAnotherServersIsNone) {
  Configure(kTwo);
  Fill(3);
  v1::ListSandboxesRequest request;
  for (const std::string& token :
       {std::string("x"), std::string("%%%"), absl::WebSafeBase64Escape("0.cloud"),
        absl::WebSafeBase64Escape("1.cloud/"), absl::WebSafeBase64Escape("7.cloud/"),
        absl::WebSafeBase64Escape("0.cloud/no number"), absl::WebSafeBase64Escape("")}) {
    if (token.empty()) continue;
    request.set_page_token(token);
    EXPECT_TRUE(absl::IsInvalidArgument(List(request).status())) << token;
  }
  request.set_page_token("");
  request.set_page_size(-1);
  EXPECT_TRUE(absl::IsInvalidArgument(List(request).status()));
}

TEST_F(FailoverListTest, OneBackendAloneAnswersByItself) {
  Configure(kOne);
  Fill(3);
  v1::ListSandboxesRequest request;
  request.set_page_size(2);
  auto page = List(request);
  ASSERT_TRUE(page.ok());
  // Its own token.
  EXPECT_EQ(page->next_page_token(), "2");
  EXPECT_EQ(page->sandboxes(0).backend(), "local");
}

TEST_F(FailoverListTest, TemplatesOfAllEachOnceAndTheDefaultOfTheRoute) {
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
      name: "ba"
      failover { backends: "b" backends: "a" }
    }
    default_backend: "a"
    routes {
      tenants: "acme"
      to { backend: "ba" }
    }
  )pb");
  auto ask = [&](const std::string& tenant) {
    return Ask<v1::ListTemplatesResponse>(
        [&](auto reply) { backend_->ListTemplates(CallOf(tenant), std::move(reply)); });
  };
  auto all = ask("acme");
  ASSERT_TRUE(all.ok());
  std::vector<std::string> ids;
  for (const auto& each : all->templates()) ids.push_back(each.template_id());
  EXPECT_THAT(ids, ElementsAre("a-only", "shared", "b-only"));
  EXPECT_EQ(all->default_template_id(), "b-only");
  EXPECT_EQ(ask("zeta")->default_template_id(), "a-only");
  stub("b").SetReach(absl::UnavailableError("gone"));
  all = ask("acme");
  EXPECT_EQ(all->templates_size(), 2);
  EXPECT_EQ(all->default_template_id(), "a-only");
  Lose("b");
  EXPECT_EQ(ask("acme")->templates_size(), 2);
  stub("a").SetReach(absl::UnavailableError("gone"));
  EXPECT_TRUE(absl::IsUnavailable(ask("acme").status()));
}

TEST_F(FailoverListTest, TheEnvironmentIsThatOfTheFirstThatAnswers) {
  Configure(kTwo);
  auto ask = [&](const std::string& template_id) {
    return Ask<v1::Environment>(
        [&](auto reply) { backend_->GetEnvironment({}, template_id, std::move(reply)); });
  };
  EXPECT_EQ(ask("base")->template_id(), "cloud/base");
  EXPECT_TRUE(absl::IsNotFound(ask("none").status()));
  stub("cloud").SetReach(absl::UnavailableError("gone"));
  EXPECT_EQ(ask("base")->template_id(), "local/base");
  Lose("cloud");
  EXPECT_EQ(ask("base")->template_id(), "local/base");
  Lose("local");
  EXPECT_THAT(std::string(ask("base").status().message()), HasSubstr("cloud, local"));
}

TEST_F(FailoverListTest, PackagesAreThoseOfTheFirstThatHasAStore) {
  auto ask = [&] {
    return Ask<v1::ListStoredPackagesResponse>(
        [&](auto reply) { backend_->ListPackages({}, std::move(reply)); });
  };
  Configure(kTwo);
  EXPECT_EQ(ask().status(), absl::InternalError("local"));
  Configure(R"pb(backends {
                   name: "cloud"
                   e2b {}
                 })pb");
  EXPECT_TRUE(absl::IsUnimplemented(ask().status()));
  auto pruned = Ask<v1::PruneStoredPackagesResponse>(
      [&](auto reply) { backend_->PrunePackages({}, {}, std::move(reply)); });
  EXPECT_TRUE(absl::IsUnimplemented(pruned.status()));
}

}  // namespace
}  // namespace warren
