#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/supervisor/conformance.h"

// Whose a sandbox is, on every backend.
namespace warren {
namespace {

Call CallOf(const std::string& tenant) {
  Call call;
  call.who.tenant = tenant;
  return call;
}

class TenancyTest : public BackendTest {
 protected:
  std::string CreateAs(const std::string& tenant, const v1::CreateSandboxRequest& request = {}) {
    auto made = Ask<v1::Sandbox>(
        [&](auto reply) { backend().Create(CallOf(tenant), request, std::move(reply)); });
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? made->sandbox_id() : "";
  }
  absl::StatusOr<std::shared_ptr<SandboxHandle>> OpenAs(const std::string& tenant,
                                                        const std::string& id) {
    return Ask<std::shared_ptr<SandboxHandle>>(
        [&](auto reply) { backend().Open(CallOf(tenant), id, std::move(reply)); });
  }
  // What a call for a sandbox comes to, be it that Open says so or the call itself.
  absl::Status GetAs(const std::string& tenant, const std::string& id) {
    auto handle = OpenAs(tenant, id);
    if (!handle.ok()) return handle.status();
    return Ask<v1::Sandbox>([&](auto reply) { (*handle)->Get(CallOf(tenant), std::move(reply)); })
        .status();
  }
  absl::Status DestroyAs(const std::string& tenant, const std::string& id) {
    auto handle = OpenAs(tenant, id);
    if (!handle.ok()) return handle.status();
    return Ask<v1::DestroySandboxResponse>(
               [&](auto reply) { (*handle)->Destroy(CallOf(tenant), std::move(reply)); })
        .status();
  }
  absl::Status RunAs(const std::string& tenant, const std::string& id) {
    auto handle = OpenAs(tenant, id);
    if (!handle.ok()) return handle.status();
    v1::ExecuteCodeRequest request;
    request.set_code("print hello");
    auto sink = std::make_shared<CollectingSink>();
    auto operation = (*handle)->Execute(CallOf(tenant), std::move(request), sink);
    EXPECT_TRUE(sink->WaitForEnd());
    return sink->status();
  }
  v1::ListSandboxesResponse ListAs(const std::string& tenant,
                                   const v1::ListSandboxesRequest& request = {}) {
    auto listed = Ask<v1::ListSandboxesResponse>(
        [&](auto reply) { backend().List(CallOf(tenant), request, std::move(reply)); });
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed.ok() ? *listed : v1::ListSandboxesResponse();
  }
  static std::set<std::string> Ids(const v1::ListSandboxesResponse& response) {
    std::set<std::string> ids;
    for (const v1::Sandbox& sandbox : response.sandboxes()) ids.insert(sandbox.sandbox_id());
    return ids;
  }
};

INSTANTIATE_TEST_SUITE_P(All, TenancyTest, ::testing::ValuesIn(SubjectKinds()), NameOfKind);

TEST_P(TenancyTest, AnothersSandboxIsAsOneThatNeverWas) {
  const std::string acme = CreateAs("acme");
  const std::string operators = CreateAs("");
  const absl::Status never = GetAs("zeta", "sb00000000000000009999");
  ASSERT_TRUE(absl::IsNotFound(never)) << never;
  for (const std::string& id : {acme, operators}) {
    EXPECT_EQ(GetAs("zeta", id), never);
    EXPECT_EQ(DestroyAs("zeta", id), never);
    EXPECT_EQ(RunAs("zeta", id), never);
  }
  EXPECT_EQ(GetAs("acme", operators), never);
  EXPECT_TRUE(GetAs("acme", acme).ok());
  EXPECT_TRUE(RunAs("acme", acme).ok());
  EXPECT_EQ(fake().sandboxes(), 2u);
  EXPECT_TRUE(DestroyAs("acme", acme).ok());
  EXPECT_EQ(fake().sandboxes(), 1u);
}

TEST_P(TenancyTest, TheOperatorUsesAllOfThem) {
  const std::string acme = CreateAs("acme");
  EXPECT_TRUE(GetAs("", acme).ok());
  EXPECT_TRUE(DestroyAs("", acme).ok());
  EXPECT_EQ(fake().sandboxes(), 0u);
}

TEST_P(TenancyTest, ATenantListsItsOwnAndNoPools) {
  const std::string acme = CreateAs("acme");
  const std::string other = CreateAs("acme");
  const std::string zeta = CreateAs("zeta");
  const std::string operators = CreateAs("");
  EXPECT_EQ(Ids(ListAs("acme")), (std::set<std::string>{acme, other}));
  EXPECT_EQ(Ids(ListAs("zeta")), std::set<std::string>{zeta});
  EXPECT_EQ(ListAs("nobody").sandboxes_size(), 0);
  EXPECT_EQ(Ids(ListAs("")), (std::set<std::string>{acme, other, zeta, operators}));
  EXPECT_EQ(ListAs("acme").pools_size(), 0);
  EXPECT_TRUE(ListAs("").pools_size() > 0 || Unseen("pools"));
}

TEST_P(TenancyTest, PagesAreOfATenantsOwn) {
  std::set<std::string> made;
  for (int i = 0; i < 3; ++i) {
    CreateAs("zeta");
    made.insert(CreateAs("acme"));
  }
  v1::ListSandboxesRequest request;
  request.set_page_size(1);
  std::set<std::string> listed;
  for (int page = 0; page < 3; ++page) {
    const v1::ListSandboxesResponse response = ListAs("acme", request);
    ASSERT_EQ(response.sandboxes_size(), 1);
    listed.insert(response.sandboxes(0).sandbox_id());
    request.set_page_token(response.next_page_token());
  }
  EXPECT_EQ(listed, made);
  EXPECT_EQ(request.page_token(), "");
}

TEST_P(TenancyTest, ASandboxThatCameLateIsItsTenantsToo) {
  v1::CreateSandboxRequest request;
  request.set_template_id("slow");
  std::unique_ptr<Operation> operation;
  auto made = Ask<v1::Sandbox>([&](auto reply) {
    operation = backend().Create(CallOf("acme"), request, std::move(reply));
    EXPECT_TRUE(Eventually([&] { return fake().waiting_creates() == 1; }));
    fake().FinishCreates();
  });
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(GetAs("acme", made->sandbox_id()).ok());
  EXPECT_TRUE(absl::IsNotFound(GetAs("zeta", made->sandbox_id())));
}

}  // namespace
}  // namespace warren
