#include "supervisor/config/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(EndpointsTest, AnAddressIsAHostAndAPortOrASocket) {
  for (const char* address :
       {"warren.example:8470", "localhost:1", "127.0.0.1:8470", "10.1.2.3:65535", "[::1]:8470",
        "[2001:db8::1]:8470", "unix:///run/warren/warren.sock"}) {
    EXPECT_TRUE(ValidateServerAddress(address).ok()) << address;
  }
  for (const char* address :
       {"", "warren.example", "warren.example:", "warren.example:0", "warren.example:65536",
        ":8470", "::1:8470", "[::1]", "[::1%1]:8470", "https://h:1", "h:1/path", "me@h:1",
        "me:word@h:1", "h h:1", "h%20h:1", "h\n:1", "256.1.1.1:1", "dns:///h:1", "h:1,i:1"}) {
    EXPECT_FALSE(ValidateServerAddress(address).ok()) << address;
  }
}

TEST(EndpointsTest, ASocketIsAnAbsolutePath) {
  for (const char* address :
       {"unix:", "unix:/run/s", "unix://run/s", "unix:///", "unix:run/s", "unix:///a\nb"}) {
    EXPECT_THAT(std::string(ValidateServerAddress(address).message()), HasSubstr("unix:///PATH"))
        << address;
  }
  EXPECT_TRUE(ValidateServerAddress("unix:///" + std::string(106, 'a')).ok());
  EXPECT_THAT(std::string(ValidateServerAddress("unix:///" + std::string(107, 'a')).message()),
              HasSubstr("longer than a Unix socket's path, 107 bytes"));
}

TEST(EndpointsTest, AUrlIsASchemeAndAHost) {
  for (const char* url :
       {"https://api.e2b.app", "https://h:8443", "https://10.0.0.1", "https://[2001:db8::1]:1",
        "http://localhost:3000", "http://LOCALHOST:3000", "http://127.0.0.1:3000",
        "http://127.9.9.9", "http://[::1]:3000"}) {
    EXPECT_TRUE(ValidateServiceUrl(url).ok()) << url << ": " << ValidateServiceUrl(url);
  }
  for (const char* url :
       {"", "api.e2b.app", "ftp://h", "HTTPS://h", "https://", "https://h/", "https://h/v1",
        "https://h?q", "https://h#f", "https://h:0", "https://h:65536", "https://h:port",
        "https://::1", "https://h h", "https://me@h", "https://h\n", "https:///h"}) {
    EXPECT_FALSE(ValidateServiceUrl(url).ok()) << url;
  }
}

TEST(EndpointsTest, WithoutTlsThereIsLoopbackAlone) {
  for (const char* url :
       {"http://api.e2b.app", "http://10.0.0.1:3000", "http://128.0.0.1", "http://[::]:3000",
        "http://[2001:db8::1]", "http://0.0.0.0:3000", "http://localhost.example:3000"}) {
    EXPECT_THAT(std::string(ValidateServiceUrl(url).message()), HasSubstr("write https://")) << url;
  }
}

TEST(EndpointsTest, AUrlIsNotRepeated) {
  for (const char* url :
       {"https://me:secret@h", "secret://h", "https://h/?key=secret", "http://secret.example"}) {
    EXPECT_THAT(std::string(ValidateServiceUrl(url).message()), Not(HasSubstr("secret"))) << url;
  }
}

TEST(EndpointsTest, APathIsAbsolute) {
  EXPECT_TRUE(ValidateFilePath("/etc/warren/e2b.key").ok());
  for (const std::string& path :
       {std::string(), std::string("e2b.key"), std::string("./k"), std::string("~/k"),
        std::string("/a\nb"), std::string("/a\0b", 4), "/" + std::string(4095, 'a')}) {
    EXPECT_FALSE(ValidateFilePath(path).ok()) << path;
  }
}

}  // namespace
}  // namespace warren
