#include "runtime/relay/fetcher_door.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "runtime/base/io.h"
#include "runtime/packages/package_name.h"
#include "runtime/relay/sandbox_egress.h"

namespace warren {
namespace {

constexpr char kSandbox[] = "sandboxone";

// The test is the fetcher.
class FetcherDoorTest : public ::testing::Test, public SandboxEgress::Events {
 protected:
  FetcherDoorTest() {
    egress_.set_enabled(true);
    resolver_ = *Resolver::Create(*loop_, egress_, 1);
    share_ = std::make_unique<EgressShare>(EgressShare{*loop_, *resolver_, egress_, door_});
    SocketPair pair = *MakeSeqpacketPair();
    EXPECT_TRUE(door_.Change(std::move(pair.first)).ok());
    fetcher_ = std::move(pair.second);
    EXPECT_TRUE(SetNonBlocking(fetcher_.get()).ok());
  }
  // Whose connections are to be cut; empty where there is no such message.
  std::string NextCut() {
    const absl::StatusOr<Message> message = ReceiveMessage(fetcher_.get(), 1024);
    internal::PackageConnection word;
    if (!message.ok() || !word.ParseFromString(message->data) || !word.cut()) return "";
    EXPECT_TRUE(message->fds.empty());
    return word.sandbox_id();
  }
  static internal::SetRelayPolicy Policy(bool has_index, internal::PackageClient client) {
    internal::SetRelayPolicy policy;
    policy.mutable_policy()->add_allow()->set_host("origin.test");
    if (has_index) policy.mutable_policy()->add_allow()->set_host(kPackageIndexHost);
    policy.set_package_client(client);
    return policy;
  }
  bool TellName(const std::string&, const std::string&, uint32_t) override { return true; }
  void TellNetwork(const std::string&, v1::NetworkEvent) override {}

  config::EgressPolicy egress_;
  std::unique_ptr<IoLoop> loop_ = *IoLoop::Create();
  FetcherDoor door_{*loop_};
  std::unique_ptr<Resolver> resolver_;
  std::unique_ptr<EgressShare> share_;
  UniqueFd fetcher_;
};

TEST_F(FetcherDoorTest, WhatIsNotAllowedAnyMoreIsCut) {
  SandboxEgress egress(kSandbox, *share_, *this);
  ASSERT_TRUE(egress.SetPolicy(Policy(true, internal::USER)).ok());
  ASSERT_TRUE(egress.SetPolicy(Policy(true, internal::USER)).ok());
  EXPECT_EQ(NextCut(), "");
  ASSERT_TRUE(egress.SetPolicy(Policy(false, internal::USER)).ok());
  EXPECT_EQ(NextCut(), kSandbox);
  EXPECT_EQ(NextCut(), "");
}

TEST_F(FetcherDoorTest, AnotherClientIsAnother) {
  SandboxEgress egress(kSandbox, *share_, *this);
  ASSERT_TRUE(egress.SetPolicy(Policy(true, internal::BUILDER)).ok());
  EXPECT_EQ(NextCut(), "");
  ASSERT_TRUE(egress.SetPolicy(Policy(true, internal::USER)).ok());
  EXPECT_EQ(NextCut(), kSandbox);
}

TEST_F(FetcherDoorTest, OfWhoIsForgottenOrGoneToo) {
  auto egress = std::make_unique<SandboxEgress>(kSandbox, *share_, *this);
  ASSERT_TRUE(egress->SetPolicy(Policy(true, internal::USER)).ok());
  egress->Forget();
  EXPECT_EQ(NextCut(), kSandbox);
  egress.reset();
  EXPECT_EQ(NextCut(), "");
  egress = std::make_unique<SandboxEgress>(kSandbox, *share_, *this);
  ASSERT_TRUE(egress->SetPolicy(Policy(true, internal::USER)).ok());
  egress.reset();
  EXPECT_EQ(NextCut(), kSandbox);
}

TEST_F(FetcherDoorTest, WhatAFullSocketDoesNotTakeIsSaidLater) {
  const UniqueFd connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int handed_over = 0;
  while (door_.HandOver(kSandbox, internal::USER, connection.get()).ok()) ++handed_over;
  door_.Cut(kSandbox);
  for (int i = 0; i < handed_over; ++i) EXPECT_EQ(NextCut(), "");
  // Nothing of it is handed over before that.
  EXPECT_TRUE(door_.HandOver(kSandbox, internal::USER, connection.get()).ok());
  EXPECT_EQ(NextCut(), kSandbox);
  EXPECT_EQ(ReceiveMessage(fetcher_.get(), 1024)->fds.size(), 1u);

  while (door_.HandOver(kSandbox, internal::USER, connection.get()).ok()) {
  }
  door_.Cut(kSandbox);
  const auto watch = loop_->Watch(fetcher_.get(), EPOLLIN, [this](uint32_t) {
    if (!NextCut().empty()) loop_->Stop();
  });
  ASSERT_TRUE(watch.ok());
  loop_->Run();
  loop_->Unwatch(*watch);
}

}  // namespace
}  // namespace warren
