#include "tools/benchmark/client/host_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "runtime/base/unique_fd.h"

namespace warren::bench {
namespace {

using ::testing::Ge;

TEST(ProcessCostsTest, AWaitIsASwitchAndAFreshPageAFault) {
  constexpr size_t kPages = 64;
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  void* memory =
      ::mmap(nullptr, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  // One page a fault, however large the folios are that the kernel prefers; one that has none
  // refuses.
  ::madvise(memory, kPages * page, MADV_NOHUGEPAGE);

  absl::StatusOr<ProcessCosts> before = ReadProcessCosts(::getpid());
  ASSERT_TRUE(before.ok()) << before.status();
  for (size_t i = 0; i < kPages; ++i) static_cast<volatile char*>(memory)[i * page] = 1;
  ::usleep(1000);
  absl::StatusOr<ProcessCosts> after = ReadProcessCosts(::getpid());
  ASSERT_TRUE(after.ok()) << after.status();

  EXPECT_THAT(after->minor_faults - before->minor_faults, Ge(static_cast<int64_t>(kPages)));
  EXPECT_THAT(after->voluntary_switches - before->voluntary_switches, Ge(1));
  ::munmap(memory, kPages * page);
}

// As of two hierarchies in which a sandbox has its groups.
TEST(CountProcessesBelowTest, CountsEachOnceAndThoseOfGroupsBelow) {
  std::filesystem::path root = std::filesystem::path(::testing::TempDir()) / "host_view_test";
  auto fill = [&root](const char* group, const char* pids) {
    std::filesystem::create_directories(root / group);
    std::ofstream(root / group / "cgroup.procs") << pids;
  };
  fill("memory/sandbox", "10\n11\n");
  fill("memory/sandbox/command/deeper", "12\n");
  fill("cpu/sandbox", "10\n11\n12\n13\n");
  fill("cpu/other", "14\n");

  EXPECT_EQ(CountProcessesBelow({root / "memory/sandbox", root / "cpu/sandbox"}), 4);
  EXPECT_EQ(CountProcessesBelow({root / "memory/sandbox"}), 3);
  EXPECT_EQ(CountProcessesBelow({root / "absent"}), 0);
  std::filesystem::remove_all(root);
}

TEST(ProcessCostsTest, OfNoProcessIsAnError) { EXPECT_FALSE(ReadProcessCosts(0).ok()); }

// A connection of this host's loopback.
struct Connection {
  UniqueFd client;
  UniqueFd server;
};

Connection Connect() {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(listener.get(), generic, size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), generic, &size), 0);
  Connection made{UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), UniqueFd()};
  EXPECT_EQ(::connect(made.client.get(), generic, size), 0);
  made.server.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return made;
}

TEST(TcpMemoryTest, WhatNobodyReadsIsCounted) {
  absl::StatusOr<int64_t> before = TcpMemoryBytes();
  ASSERT_TRUE(before.ok()) << before.status();
  // Until each is full. The kernel sets some MiB aside for every CPU before it counts.
  std::vector<Connection> connections;
  int64_t waiting = 0;
  while (waiting < (int64_t{64} << 20) && connections.size() < 500) {
    const UniqueFd& client = connections.emplace_back(Connect()).client;
    const std::string piece(1 << 16, 'x');
    ssize_t sent = 0;
    while ((sent = ::send(client.get(), piece.data(), piece.size(), MSG_DONTWAIT)) > 0) {
      waiting += sent;
    }
  }
  absl::StatusOr<int64_t> after = TcpMemoryBytes();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_THAT(*after - *before, Ge(waiting / 2));
}

}  // namespace
}  // namespace warren::bench
