#include "tests/supervisor/door.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren {

Door::Door(Backend& backend, Socket socket, const std::string& key_file,
           const std::optional<TlsCertificate>& certificate)
    : security_(socket == Socket::kTls ? Security::kTls : Security::kPlain), keys_(key_file) {
  if (socket == Socket::kUnix) {
    ListenUnix();
  } else {
    ListenTcp();
  }
  EXPECT_EQ(::listen(listener_.get(), 128), 0);
  auto server = ApiServer::Start(backend, memory_, keys_, certificate);
  EXPECT_TRUE(server.ok());
  server_ = std::move(*server);
  acceptor_ = std::thread([this] { Accept(); });
}

void Door::ListenUnix() {
  static std::atomic<int> doors{0};
  path_ = absl::StrCat("/tmp/warren-door-", ::getpid(), "-", doors++);
  target_ = absl::StrCat("unix://", path_);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strncpy(name.sun_path, path_.c_str(), sizeof(name.sun_path) - 1);
  listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path_.c_str());
  EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0) << path_;
}

void Door::ListenTcp() {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(name);
  auto* address = reinterpret_cast<sockaddr*>(&name);
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  EXPECT_EQ(::bind(listener_.get(), address, length), 0);
  EXPECT_EQ(::getsockname(listener_.get(), address, &length), 0);
  target_ = absl::StrCat("127.0.0.1:", ntohs(name.sin_port));
}

Door::~Door() { Close(); }

void Door::Accept() {
  while (!closing_) {
    pollfd ready{listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection.valid())
      server_->AddConnection(listener_.get(), std::move(connection), security_);
  }
}

std::shared_ptr<grpc::Channel> Door::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // It reads ahead of who does not read by a fixed window, on a host of any speed.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return grpc::CreateCustomChannel(target_, grpc::InsecureChannelCredentials(), arguments);
}

void Door::Close(absl::Duration grace) {
  if (closing_.exchange(true)) return;
  acceptor_.join();
  if (!path_.empty()) ::unlink(path_.c_str());
  server_->Shutdown(grace);
  server_.reset();
}

}  // namespace warren
