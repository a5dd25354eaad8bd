#include "runtime/relay/http_authority.h"

#include <boost/url.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/network/address.h"
#include "runtime/network/host_name.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

namespace urls = boost::urls;

constexpr absl::string_view kScheme = "http://";

boost::system::result<urls::authority_view> Parse(absl::string_view authority) {
  return urls::parse_authority({authority.data(), authority.size()});
}

template <typename Text>
absl::string_view View(const Text& text) {
  return absl::string_view(text.data(), text.size());
}

// `host` as it was sent, %-escapes and all: no host has one.
bool IsSameHost(absl::string_view host, const HttpOrigin& origin) {
  const absl::StatusOr<std::string> name = NormalizeHostName(host);
  if (name.ok()) return *name == origin.host;
  const absl::StatusOr<IpAddress> address = ParseAddress(host);
  const absl::StatusOr<IpAddress> other = ParseAddress(origin.host);
  return address.ok() && other.ok() && Unmapped(*address) == Unmapped(*other);
}

bool IsSame(const urls::authority_view& authority, const HttpOrigin& origin) {
  if (authority.has_userinfo()) return false;
  // Of an IPv6 address without its brackets.
  if (!IsSameHost(View(authority.encoded_host_address()), origin)) return false;
  return !authority.has_port() || View(authority.port()) == absl::StrCat(origin.port);
}

std::string Wrong(absl::string_view what, absl::string_view text, const HttpOrigin& origin) {
  return absl::StrCat(what, " is ", Quoted(text), ", but the connection was made to ", origin.host,
                      ":", origin.port);
}

}  // namespace

std::string WrongWithAuthority(absl::string_view what, absl::string_view authority,
                               const HttpOrigin& origin) {
  const auto parsed = Parse(authority);
  return parsed && IsSame(*parsed, origin) ? "" : Wrong(what, authority, origin);
}

// Boost.URL reads the authority alone: of whole URLs this version trips over some ("a:#").
std::string WrongWithUrl(absl::string_view what, absl::string_view url, const HttpOrigin& origin) {
  if (!absl::StartsWithIgnoreCase(url, kScheme)) return Wrong(what, url, origin);
  const absl::string_view behind = url.substr(kScheme.size());
  const auto parsed = Parse(behind.substr(0, behind.find_first_of("/?")));
  return parsed && IsSame(*parsed, origin) ? "" : Wrong(what, url, origin);
}

}  // namespace warren
