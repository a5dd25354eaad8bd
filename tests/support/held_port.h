#ifndef WARREN_TESTS_SUPPORT_HELD_PORT_H_
#define WARREN_TESTS_SUPPORT_HELD_PORT_H_

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "runtime/base/unique_fd.h"

namespace warren {

// A TCP port of 127.0.0.1 that is nobody else's as long as this lives. Connections are refused
// until a test listens on `fd`.
class HeldPort {
 public:
  HeldPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.get(), where, size), 0);
    EXPECT_EQ(::getsockname(fd_.get(), where, &size), 0);
    port_ = ntohs(address.sin_port);
  }

  int fd() const { return fd_.get(); }
  uint16_t port() const { return port_; }
  // "http://127.0.0.1:1234" and the path.
  std::string Url(const std::string& path) const {
    return absl::StrCat("http://127.0.0.1:", port_, path);
  }

 private:
  UniqueFd fd_;
  uint16_t port_ = 0;
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPPORT_HELD_PORT_H_
