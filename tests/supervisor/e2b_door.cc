#include "tests/supervisor/e2b_door.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace warren {

E2bDoor::E2bDoor(Backend& backend) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(name);
  auto* address = reinterpret_cast<sockaddr*>(&name);
  listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  EXPECT_EQ(::bind(listener_.get(), address, length), 0);
  EXPECT_EQ(::getsockname(listener_.get(), address, &length), 0);
  EXPECT_EQ(::listen(listener_.get(), 128), 0);
  url_ = absl::StrCat("http://127.0.0.1:", ntohs(name.sin_port));
  Gateway::Options options;
  options.defaults.network = true;
  options.authenticate = [](absl::string_view) { return absl::StatusOr<Principal>(Principal()); };
  options.has_keys = [] { return false; };
  auto gateway = Gateway::Start(backend, memory_, std::move(options));
  EXPECT_TRUE(gateway.ok());
  gateway_ = std::move(*gateway);
  acceptor_ = std::thread([this] { Accept(); });
}

E2bDoor::~E2bDoor() { Close(); }

void E2bDoor::Accept() {
  while (!closing_) {
    pollfd ready{listener_.get(), POLLIN, 0};
    if (::poll(&ready, 1, 20) <= 0) continue;
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection.valid()) continue;
    ++accepted_;
    gateway_->AddConnection(std::move(connection), Security::kPlain);
  }
}

void E2bDoor::Close() {
  if (closing_.exchange(true)) return;
  acceptor_.join();
  listener_.reset();
  gateway_->Shutdown(absl::ZeroDuration());
  gateway_.reset();
}

}  // namespace warren
