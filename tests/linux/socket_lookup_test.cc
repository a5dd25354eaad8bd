// In a network namespace of a child's own, where every address is local, as in a sandbox with a
// network. Needs root.
#include "runtime/linux/socket_lookup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <functional>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/launch/init/network.h"

namespace warren {
namespace {

constexpr uint32_t kOwn = 0xc0000201;  // 192.0.2.1

sockaddr_in Address(const char* address, uint16_t port) {
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &name.sin_addr);
  return name;
}

std::string Text(const sockaddr_in& name) {
  char text[INET_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
  return absl::StrCat(text, ":", ntohs(name.sin_port));
}

UniqueFd Bound(int type, const char* address, uint16_t port) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in name = Address(address, port);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0)
      << address << " " << port;
  if (type == SOCK_STREAM) {
    EXPECT_EQ(::listen(fd.get(), 16), 0);
  }
  return fd;
}

// 0, or errno. On loopback all is decided when connect returns.
int Connect(UniqueFd& fd, const char* address, uint16_t port) {
  fd.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in name = Address(address, port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) == 0 ? 0
                                                                                          : errno;
}

// Where the next connection that waits was made to; empty where none does.
std::string Accepted(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd.valid()) return "";
  sockaddr_in name = {};
  socklen_t size = sizeof(name);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size);
  return Text(name);
}

// 0, or the errno that a datagram to there comes back with.
int Datagram(const char* address, uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_in name = Address(address, port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0)
    return errno;
  if (::send(fd.get(), "?", 1, 0) != 1) return errno;
  char byte;
  return ::recv(fd.get(), &byte, 1, 0) < 0 && errno != EAGAIN ? errno : 0;
}

bool HasDatagram(int fd) {
  char byte;
  return ::recv(fd, &byte, 1, 0) == 1;
}

absl::StatusOr<UniqueFd> Attach(int name_space, const LookupSockets& sockets) {
  auto lookup = SocketLookup::Create(1);
  if (!lookup.ok()) return lookup.status();
  return lookup->Attach(name_space, 0, sockets);
}

int OwnNamespace() { return ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC); }

// As a sandbox's network has them, attached.
struct Sockets {
  UniqueFd names = Bound(SOCK_DGRAM, "127.0.0.53", 53);
  UniqueFd listener = Bound(SOCK_STREAM, "127.0.0.53", 53);
  absl::StatusOr<UniqueFd> link =
      Attach(UniqueFd(OwnNamespace()).get(), {kOwn, names.get(), listener.get()});
};

bool BringUpLoopback() {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  return ::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0;
}

// Expectations that fail in the child fail the test.
class SocketLookupTest : public ::testing::Test {
 protected:
  static void InNamespace(const std::function<void()>& body) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      // As init and the helper of a sandbox's network leave it.
      if (::unshare(CLONE_NEWNET) != 0 || !BringUpLoopback() ||
          !child::RouteEverythingHere().ok()) {
        ::_exit(2);
      }
      body();
      ::_exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
};

TEST_F(SocketLookupTest, ThisKernelHasIt) {
  absl::Status status = SocketLookup::Create(1).status();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(SocketLookupTest, WithoutItsCapabilitiesSaysWhatIsMissing) {
  InNamespace([] {
    cap_t none = ::cap_init();
    EXPECT_EQ(::cap_set_proc(none), 0);
    absl::Status status = SocketLookup::Create(1).status();
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
    EXPECT_NE(status.message().find("CAP_NET_ADMIN"), absl::string_view::npos) << status;
    ::cap_free(none);
  });
}

TEST_F(SocketLookupTest, TakesAllConnectionsToOutside) {
  InNamespace([] {
    const Sockets sockets;
    ASSERT_TRUE(sockets.link.ok()) << sockets.link.status();
    // Whatever listens inside, even there.
    UniqueFd any = Bound(SOCK_STREAM, "0.0.0.0", 443);
    UniqueFd exact = Bound(SOCK_STREAM, "203.0.113.10", 80);
    UniqueFd fd;
    EXPECT_EQ(Connect(fd, "203.0.113.9", 443), 0);
    EXPECT_EQ(Accepted(sockets.listener.get()), "203.0.113.9:443");
    EXPECT_EQ(Connect(fd, "203.0.113.10", 80), 0);
    EXPECT_EQ(Accepted(sockets.listener.get()), "203.0.113.10:80");
    EXPECT_EQ(Connect(fd, "10.1.2.3", 65535), 0);
    EXPECT_EQ(Accepted(sockets.listener.get()), "10.1.2.3:65535");
    EXPECT_EQ(Accepted(any.get()), "");
    EXPECT_EQ(Accepted(exact.get()), "");
  });
}

TEST_F(SocketLookupTest, LeavesTheNamespaceItsOwnAddresses) {
  InNamespace([] {
    const Sockets sockets;
    ASSERT_TRUE(sockets.link.ok()) << sockets.link.status();
    UniqueFd any = Bound(SOCK_STREAM, "0.0.0.0", 443);
    UniqueFd fd;
    for (const char* own : {"127.0.0.1", "127.255.0.1", "192.0.2.1"}) {
      EXPECT_EQ(Connect(fd, own, 443), 0) << own;
      EXPECT_EQ(Accepted(any.get()), absl::StrCat(own, ":443"));
      EXPECT_EQ(Connect(fd, own, 444), ECONNREFUSED) << own;
      EXPECT_EQ(Datagram(own, 444), ECONNREFUSED) << own;
    }
    // Those beside them are the outside's.
    for (const char* outside : {"126.255.255.255", "128.0.0.1", "192.0.2.2", "192.0.3.1"}) {
      EXPECT_EQ(Connect(fd, outside, 443), 0) << outside;
      EXPECT_EQ(Accepted(sockets.listener.get()), absl::StrCat(outside, ":443"));
    }
    UniqueFd six(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Some kernels have no IPv6.
    if (!six.valid()) return;
    sockaddr_in6 name = {};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(444);
    ::inet_pton(AF_INET6, "2001:db8::1", &name.sin6_addr);
    EXPECT_EQ(::connect(six.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), -1);
    EXPECT_EQ(errno, ENETUNREACH);
  });
}

TEST_F(SocketLookupTest, TakesQuestionsForNamesAndNoOtherDatagrams) {
  InNamespace([] {
    const Sockets sockets;
    ASSERT_TRUE(sockets.link.ok()) << sockets.link.status();
    UniqueFd any = Bound(SOCK_DGRAM, "0.0.0.0", 443);
    for (const char* server : {"127.0.0.53", "203.0.113.53", "8.8.8.8"}) {
      EXPECT_EQ(Datagram(server, 53), 0);
      EXPECT_TRUE(HasDatagram(sockets.names.get())) << server;
    }
    EXPECT_EQ(Datagram("203.0.113.53", 54), ECONNREFUSED);
    EXPECT_EQ(Datagram("203.0.113.53", 443), ECONNREFUSED);
    EXPECT_FALSE(HasDatagram(any.get()));
    EXPECT_EQ(Datagram("127.0.0.1", 443), 0);
    EXPECT_TRUE(HasDatagram(any.get()));
  });
}

TEST_F(SocketLookupTest, WithoutSocketsNobodyIsReached) {
  InNamespace([] {
    UniqueFd listener = Bound(SOCK_STREAM, "127.0.0.53", 53);
    UniqueFd name_space(OwnNamespace());
    auto link = Attach(name_space.get(), {kOwn, -1, listener.get()});
    ASSERT_TRUE(link.ok()) << link.status();
    UniqueFd any = Bound(SOCK_STREAM, "0.0.0.0", 443);
    UniqueFd fd;
    EXPECT_EQ(Datagram("203.0.113.53", 53), ECONNREFUSED);
    EXPECT_EQ(Connect(fd, "203.0.113.9", 443), 0);
    // The relay has died, and nobody kept its listener.
    listener.reset();
    EXPECT_EQ(Connect(fd, "203.0.113.9", 443), ECONNREFUSED);
    EXPECT_EQ(Accepted(any.get()), "");
    // Closed, the link is no more, and the namespace as it was.
    link->reset();
    EXPECT_EQ(Connect(fd, "203.0.113.9", 443), 0);
    EXPECT_EQ(Accepted(any.get()), "203.0.113.9:443");
  });
}

TEST_F(SocketLookupTest, TwoNamespacesHaveTheirOwnSockets) {
  auto lookup = SocketLookup::Create(2);
  ASSERT_TRUE(lookup.ok()) << lookup.status();
  InNamespace([&] {
    UniqueFd first = Bound(SOCK_STREAM, "127.0.0.53", 53);
    UniqueFd first_space(OwnNamespace());
    auto first_link = lookup->Attach(first_space.get(), 0, {kOwn, -1, first.get()});
    ASSERT_TRUE(first_link.ok()) << first_link.status();
    UniqueFd to_first;
    EXPECT_EQ(Connect(to_first, "203.0.113.9", 443), 0);
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    ASSERT_TRUE(BringUpLoopback() && child::RouteEverythingHere().ok());
    UniqueFd second = Bound(SOCK_STREAM, "127.0.0.53", 53);
    UniqueFd second_space(OwnNamespace());
    auto second_link = lookup->Attach(second_space.get(), 1, {kOwn, -1, second.get()});
    ASSERT_TRUE(second_link.ok()) << second_link.status();
    UniqueFd to_second;
    EXPECT_EQ(Connect(to_second, "203.0.113.10", 443), 0);
    EXPECT_EQ(Accepted(first.get()), "203.0.113.9:443");
    EXPECT_EQ(Accepted(second.get()), "203.0.113.10:443");
    EXPECT_EQ(Accepted(first.get()), "");
  });
}

// As its owner is from then on: it needs no NET_ADMIN.
TEST_F(SocketLookupTest, AttachesWithSysAdminAlone) {
  InNamespace([] {
    auto lookup = SocketLookup::Create(1);
    ASSERT_TRUE(lookup.ok()) << lookup.status();
    UniqueFd listener = Bound(SOCK_STREAM, "127.0.0.53", 5353);
    UniqueFd name_space(OwnNamespace());
    cap_t kept = ::cap_init();
    const cap_value_t admin = CAP_SYS_ADMIN;
    for (cap_flag_t set : {CAP_PERMITTED, CAP_EFFECTIVE})
      EXPECT_EQ(::cap_set_flag(kept, set, 1, &admin, CAP_SET), 0);
    ASSERT_EQ(::cap_set_proc(kept), 0);
    ::cap_free(kept);
    auto link = lookup->Attach(name_space.get(), 0, {kOwn, -1, listener.get()});
    ASSERT_TRUE(link.ok()) << link.status();
    UniqueFd fd;
    EXPECT_EQ(Connect(fd, "203.0.113.9", 443), 0);
    EXPECT_EQ(Accepted(listener.get()), "203.0.113.9:443");
  });
}

TEST_F(SocketLookupTest, ASocketNamesItsNamespace) {
  InNamespace([] {
    UniqueFd inside(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    UniqueFd own(OwnNamespace());
    // From another one.
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    auto found = NetworkNamespaceOf(inside.get());
    ASSERT_TRUE(found.ok()) << found.status();
    struct stat expected;
    struct stat actual;
    ASSERT_EQ(::fstat(own.get(), &expected), 0);
    ASSERT_EQ(::fstat(found->get(), &actual), 0);
    EXPECT_EQ(actual.st_ino, expected.st_ino);
  });
}

}  // namespace
}  // namespace warren
