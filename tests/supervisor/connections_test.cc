#include "supervisor/main/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

const absl::Time kStart = absl::UnixEpoch();

// One end each of socket pairs; closed with it.
std::vector<UniqueFd> Sockets(int count) {
  std::vector<UniqueFd> sockets;
  for (int i = 0; i < count; ++i) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    sockets.emplace_back(ends[0]);
    UniqueFd other(ends[1]);
  }
  return sockets;
}

// How many of as many as there are sockets are let in.
size_t AdmitAll(Connections& connections, const std::vector<UniqueFd>& sockets,
                Connections::Peer peer, absl::Time now = kStart) {
  size_t admitted = 0;
  for (const UniqueFd& socket : sockets) {
    if (connections.Admit(socket.get(), peer, now)) ++admitted;
  }
  return admitted;
}

TEST(ConnectionsTest, APeerHoldsHalfOfWhatTheOthersLeave) {
  Connections connections(100);
  std::vector<UniqueFd> first = Sockets(100);
  std::vector<UniqueFd> second = Sockets(100);
  std::vector<UniqueFd> third = Sockets(100);
  EXPECT_EQ(AdmitAll(connections, first, 1000), 50u);
  EXPECT_EQ(AdmitAll(connections, second, 1001), 25u);
  EXPECT_EQ(AdmitAll(connections, third, Connections::kTcp), 13u);
  EXPECT_LE(connections.size(), connections.bound());
}

TEST(ConnectionsTest, ManyPeersTogetherStayWithinTheBound) {
  Connections connections(20);
  std::vector<std::vector<UniqueFd>> all;
  for (Connections::Peer peer = 0; peer < 40; ++peer) {
    all.push_back(Sockets(20));
    AdmitAll(connections, all.back(), peer);
  }
  EXPECT_EQ(connections.size(), 20u);
}

TEST(ConnectionsTest, AClosedConnectionMakesRoomAtTheNextSweep) {
  Connections connections(4);
  auto sockets = Sockets(2);
  auto more = Sockets(3);
  ASSERT_EQ(AdmitAll(connections, sockets, 1000), 2u);
  EXPECT_FALSE(connections.Admit(more[0].get(), 1000, kStart));
  sockets[0].reset();
  EXPECT_FALSE(connections.Admit(more[0].get(), 1000, kStart)) << "it was just looked at";
  EXPECT_TRUE(connections.Admit(more[0].get(), 1000, kStart + Connections::kSweepInterval));
  EXPECT_EQ(connections.size(), 2u);
}

TEST(ConnectionsTest, AnotherFileUnderTheSameNumberIsNotTheConnection) {
  Connections connections(2);
  auto sockets = Sockets(1);
  ASSERT_TRUE(connections.Admit(sockets[0].get(), 1000, kStart));
  const int number = sockets[0].get();
  sockets[0].reset();
  // The lowest number that is free.
  auto next = Sockets(1);
  ASSERT_EQ(next[0].get(), number);
  EXPECT_TRUE(connections.Admit(next[0].get(), 1000, kStart + Connections::kSweepInterval));
  EXPECT_EQ(connections.size(), 1u);
}

TEST(ConnectionsTest, KnowsWhoIsAtTheOtherEnd) {
  auto sockets = Sockets(1);
  EXPECT_EQ(Connections::PeerOf(sockets[0].get()), static_cast<int64_t>(::getuid()));
  UniqueFd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(Connections::PeerOf(tcp.get()), Connections::kTcp);
}

}  // namespace
}  // namespace warren
