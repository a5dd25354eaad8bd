#include "runtime/packages/index_url.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>

namespace warren::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ValidateIndexUrlTest, TakesRootsOfIndexes) {
  for (const char* url : {"https://packages.example.com/simple/", "http://pip.test",
                          "http://127.0.0.1:8080/simple", "https://[2001:db8::1]:8443/a/b%20c/",
                          "https://pip.test:443/~me/simple/", "https://pip.test/a:b@c/"}) {
    EXPECT_TRUE(ValidateIndexUrl(url).ok()) << url << ": " << ValidateIndexUrl(url);
  }
}

TEST(ValidateIndexUrlTest, SaysWhatIsWrong) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "must begin with https://"},
      {"pip.test/simple", "must begin with https://"},
      {"ftp://pip.test/", "must begin with https://"},
      {"file:///srv/wheels", "must begin with https://"},
      {"https://user:secret@pip.test/", "credentials_file"},
      {"https://user@pip.test/", "credentials_file"},
      {"https://@pip.test/", "credentials_file"},
      {"https://pip.test/?token=secret", "query"},
      {"https://pip.test/#x", "query or a fragment"},
      {"https://", "host"},
      {"https:///simple", "host"},
      {"https://:80/", "host"},
      {"https://a b/", "cannot be understood"},
      {"https://a..b/", "neither a name nor an address"},
      {"https://127.1/", "neither a name nor an address"},
      {"https://a%2eb/", "neither a name nor an address"},
      {"https://[fe80::1%25eth0]/", "host"},
      {"https://pip.test:0/", "port"},
      {"https://pip.test:/", "port"},
      {"https://pip.test:65536/", "port"},
      {"https://pip.test:x/", "port"},
      {"https://pip.test/a b", "%-escapes"},
      {"https://pip.test/a\nb", "%-escapes"},
      {"https://pip.test/%zz", "%-escapes"},
      {"https://pip.test\\@evil.test/", "cannot be understood"},
      {"https://pip.test/" + std::string(2048, 'a'), "longer than"},
  };
  for (const auto& [url, what] : cases) {
    const absl::Status status = ValidateIndexUrl(url);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what)) << url;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace warren::testing
