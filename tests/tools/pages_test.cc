// A client that lists sandboxes follows the pages, however many there are.
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/fake/fake_backend.h"
#include "tests/supervisor/door.h"
#include "tools/warren/client.h"

namespace warren {
namespace {

TEST(PagesTest, AllSandboxesAreListedOnceAndThePoolsToo) {
  FakeBackend fake;
  Door door(fake);
  Client client({door.target(), ""});
  for (int i = 0; i < 250; ++i) {
    grpc::ClientContext context;
    v1::Sandbox sandbox;
    ASSERT_TRUE(client.sandboxes().CreateSandbox(&context, {}, &sandbox).ok());
  }
  v1::ListSandboxesResponse all;
  ASSERT_TRUE(ListAllSandboxes(client.sandboxes(), {}, absl::Seconds(60), &all).ok());
  EXPECT_EQ(all.sandboxes_size(), 250);
  EXPECT_EQ(all.pools_size(), 1);
  EXPECT_TRUE(all.next_page_token().empty());
  for (int i = 1; i < all.sandboxes_size(); ++i) {
    EXPECT_LT(all.sandboxes(i - 1).sandbox_id(), all.sandboxes(i).sandbox_id());
  }
}

}  // namespace
}  // namespace warren
