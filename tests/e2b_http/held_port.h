#ifndef WARREN_TESTS_E2B_HTTP_HELD_PORT_H_
#define WARREN_TESTS_E2B_HTTP_HELD_PORT_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace warren::testing {

// A port where nobody listens, and nobody else can meanwhile.
class HeldPort {
 public:
  HeldPort() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), where, size), 0);
    EXPECT_EQ(::getsockname(socket_.get(), where, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  std::string Url(const std::string& path) const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }

 private:
  UniqueFd socket_;
  uint16_t port_ = 0;
};

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_HTTP_HELD_PORT_H_
