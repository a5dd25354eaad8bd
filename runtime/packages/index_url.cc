#include "runtime/packages/index_url.h"

#include <algorithm>
#include <boost/url.hpp>

#include "absl/strings/strip.h"
#include "runtime/network/address.h"
#include "runtime/network/host_name.h"

namespace warren {
namespace {

namespace urls = boost::urls;

constexpr size_t kMaxUrl = 2048;

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

template <typename Text>
absl::string_view View(const Text& text) {
  return absl::string_view(text.data(), text.size());
}

bool IsHost(absl::string_view host) {
  return NormalizeHostName(host).ok() || ParseAddress(host).ok();
}

}  // namespace

absl::Status ValidateIndexUrl(absl::string_view url) {
  if (url.size() > kMaxUrl) return Wrong("it is longer than 2048 bytes");
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "https://") && !absl::ConsumePrefix(&rest, "http://")) {
    return Wrong("it must begin with https:// or http://, or be the absolute path of a directory");
  }
  if (rest.find_first_of("?#") != absl::string_view::npos) {
    return Wrong("it has a query or a fragment, which the root of an index does not have");
  }
  // As runtime/relay reads them: of whole URLs this version of Boost.URL trips over some.
  const size_t slash = std::min(rest.find('/'), rest.size());
  const auto authority = urls::parse_authority({rest.data(), slash});
  if (!authority) return Wrong("its host or port cannot be understood");
  if (authority->has_userinfo()) {
    return Wrong("it has a user or a password; they belong into credentials_file");
  }
  // Of an IPv6 address without its brackets.
  if (!IsHost(View(authority->encoded_host_address()))) {
    return Wrong("its host is neither a name nor an address");
  }
  if (authority->has_port() && authority->port_number() == 0) {
    return Wrong("its port must be 1 to 65535");
  }
  const absl::string_view path = rest.substr(slash);
  if (!path.empty() && !urls::parse_path({path.data(), path.size()})) {
    return Wrong("its path has characters that must be written as %-escapes");
  }
  return absl::OkStatus();
}

}  // namespace warren
