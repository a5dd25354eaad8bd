#include "runtime/fetcher/web_client.h"

#include <chrono>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "runtime/fetcher/page_turns.h"
#include "tests/fetcher/index_server.h"

namespace warren::testing {
namespace {

class NoSink final : public WebSink {
 public:
  bool OnHead(const WebHead&) override { return true; }
  bool OnBytes(absl::string_view) override { return true; }
};

// An index that takes the request and never answers.
class SilentIndexTest : public ::testing::Test {
 protected:
  SilentIndexTest() {
    EXPECT_TRUE(PrepareWebClients().ok());
    IndexServer::Answer silent;
    silent.silent = true;
    server_.Set("/page", silent);
    index_.url = *ParseWebUrl(server_.root() + "/");
    setup_.configured = {index_.url};
    request_.url = *ParseWebUrl(server_.root() + "/page");
  }
  IndexServer server_;
  WebClient::Setup setup_;
  WebIndex index_;
  WebRequest request_;
  NoSink sink_;
};

TEST_F(SilentIndexTest, IsLeftWhenNobodyWaits) {
  WebClient client(setup_, [this] { return !server_.asked("/page").empty(); });
  const absl::Status status = client.Fetch(index_, request_, sink_);
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST_F(SilentIndexTest, IsLeftWhenItsTimeIsOver) {
  WebClient client(setup_, [] { return false; });
  request_.until = client.Until(std::chrono::milliseconds(50));
  const absl::Status status = client.Fetch(index_, request_, sink_);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_EQ(status.message(), "it does not answer in time");
}

TEST(PageTurnsTest, AreFew) {
  PageTurns turns;
  std::vector<std::unique_ptr<PageTurns::Turn>> taken;
  for (int i = 0; i < PageTurns::kMost; ++i) {
    taken.push_back(std::make_unique<PageTurns::Turn>(turns, [] { return false; }));
    EXPECT_TRUE(taken.back()->taken());
  }
  EXPECT_FALSE(PageTurns::Turn(turns, [] { return true; }).taken());
  taken.pop_back();
  EXPECT_TRUE(PageTurns::Turn(turns, [] { return true; }).taken());
  EXPECT_TRUE(PageTurns::Turn(turns, [] { return true; }).taken());
}

}  // namespace
}  // namespace warren::testing
