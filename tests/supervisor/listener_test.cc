#include "supervisor/main/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace warren {
namespace {

using ::testing::HasSubstr;

class ListenerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "warren-listener-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    directory = path;
  }
  void TearDown() override { std::filesystem::remove_all(directory); }
  absl::StatusOr<Listener> Open(const std::string& address) {
    return Listener::Open(address, ::getuid(), ::getgid(), reach);
  }
  std::string Address() const { return absl::StrCat("unix://", Path().string()); }
  std::filesystem::path Path() const { return directory / "w.sock"; }
  std::filesystem::path directory;
  Listener::Reach reach = Listener::Reach::kLoopback;
};

TEST_F(ListenerTest, MakesASocketForItsUserAndGroupAlone) {
  auto listener = Open(Address());
  ASSERT_TRUE(listener.ok()) << listener.status();
  struct stat info;
  ASSERT_EQ(::stat(Path().c_str(), &info), 0);
  EXPECT_TRUE(S_ISSOCK(info.st_mode));
  EXPECT_EQ(info.st_mode & 0777, 0660u);
  listener->RemoveSocket();
  EXPECT_FALSE(std::filesystem::exists(Path()));
}

TEST_F(ListenerTest, RefusesASecondOneWhileTheFirstLives) {
  auto first = Open(Address());
  ASSERT_TRUE(first.ok());
  auto second = Open(Address());
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status()));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another supervisor"));
  EXPECT_TRUE(std::filesystem::exists(Path()));
}

TEST_F(ListenerTest, ReplacesWhatADeadOneLeft) {
  { ASSERT_TRUE(Open(Address()).ok()); }
  ASSERT_TRUE(std::filesystem::exists(Path()));
  EXPECT_TRUE(Open(Address()).ok());
}

TEST_F(ListenerTest, LeavesOtherFilesAlone) {
  std::ofstream(Path()) << "precious";
  EXPECT_TRUE(absl::IsFailedPrecondition(Open(Address()).status()));
  EXPECT_TRUE(std::filesystem::is_regular_file(Path()));
}

// Without a key whoever connects is the operator.
TEST_F(ListenerTest, ServesOnLoopbackOnlyWhereThereIsNoKey) {
  for (const char* address :
       {"0.0.0.0:5000", "192.0.2.1:5000", "[::]:5000", "localhost:5000", "127.0.0.1:0",
        "127.0.0.1:65536", "127.0.0.1", ":1", "::1:5000", "", "unix://relative"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Open(address).status())) << address;
  }
}

TEST_F(ListenerTest, SaysWhatOtherAddressesTake) {
  for (const char* address : {"0.0.0.0:5000", "[::]:5000", "[::ffff:127.0.0.1]:5000"}) {
    const std::string message(Open(address).status().message());
    EXPECT_THAT(message, HasSubstr("warren keys create")) << address;
    EXPECT_THAT(message, HasSubstr("TLS")) << address;
  }
}

TEST_F(ListenerTest, ServesEverywhereWhereThereIsAKey) {
  reach = Listener::Reach::kAnywhere;
  UniqueFd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t length = sizeof(name);
  auto* address = reinterpret_cast<sockaddr*>(&name);
  ASSERT_EQ(::bind(taken.get(), address, length), 0);
  ASSERT_EQ(::getsockname(taken.get(), address, &length), 0);
  taken.reset();
  auto listener = Open(absl::StrCat("0.0.0.0:", ntohs(name.sin_port)));
  ASSERT_TRUE(listener.ok()) << listener.status();
  sockaddr_in served{};
  length = sizeof(served);
  ASSERT_EQ(::getsockname(listener->fd(), reinterpret_cast<sockaddr*>(&served), &length), 0);
  EXPECT_EQ(served.sin_addr.s_addr, htonl(INADDR_ANY));
  for (const char* wrong : {"localhost:5000", "0.0.0.0:0", "0.0.0.0", "::1:5000", "", "*:5000"})
    EXPECT_TRUE(absl::IsInvalidArgument(Open(wrong).status())) << wrong;
}

TEST_F(ListenerTest, NamesTheAddressThatIsTaken) {
  UniqueFd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(name);
  auto* address = reinterpret_cast<sockaddr*>(&name);
  // Shared with who asks for the same, which a second server must not.
  const int on = 1;
  ASSERT_EQ(::setsockopt(taken.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
  ASSERT_EQ(::bind(taken.get(), address, length), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  ASSERT_EQ(::getsockname(taken.get(), address, &length), 0);
  const std::string text = absl::StrCat("127.0.0.1:", ntohs(name.sin_port));
  EXPECT_THAT(std::string(Open(text).status().message()), HasSubstr(text));
}

}  // namespace
}  // namespace warren
