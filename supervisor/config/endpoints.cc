#include "supervisor/config/endpoints.h"

#include <sys/un.h>

#include <algorithm>
#include <boost/url.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/address.h"
#include "runtime/network/host_name.h"
#include "runtime/network/quote.h"
#include "supervisor/config/config_problem.h"

namespace warren {
namespace {

// The kernel's own bound, with its NUL.
constexpr size_t kMaxPath = 4095;
constexpr size_t kMaxSocketPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr absl::string_view kUnixScheme = "unix:";
constexpr absl::string_view kUnixPrefix = "unix://";
constexpr absl::string_view kAddressForm =
    "write HOST:PORT, an IPv6 address in brackets, or unix:///PATH";
constexpr absl::string_view kUrlForm = "write \"https://HOST\", with a port where it has one";

enum class PortNeed { kRequired, kOptional };

bool IsHost(absl::string_view host) {
  return NormalizeHostName(host).ok() || ParseAddress(host).ok();
}

// HOST:PORT, without a user: the host, an IPv6 address without its brackets. A status says what is
// wrong, and does not repeat the text.
absl::StatusOr<std::string> HostOf(absl::string_view text, PortNeed need) {
  const auto authority = boost::urls::parse_authority({text.data(), text.size()});
  if (!authority) return absl::InvalidArgumentError("its host or port cannot be understood");
  if (authority->has_userinfo()) return absl::InvalidArgumentError("it has a user or a password");
  const auto host = authority->encoded_host_address();
  if (!IsHost({host.data(), host.size()}))
    return absl::InvalidArgumentError("its host is neither a name nor an address");
  if (authority->has_port() ? authority->port_number() == 0 : need == PortNeed::kRequired)
    return absl::InvalidArgumentError("it has no port of 1 to 65535");
  return std::string(host.data(), host.size());
}

bool IsLoopback(absl::string_view host) {
  if (absl::EqualsIgnoreCase(host, "localhost")) return true;
  auto address = ParseAddress(host);
  return address.ok() && address->is_loopback();
}

bool HasControls(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

}  // namespace

bool IsUnixAddress(absl::string_view address) { return absl::StartsWith(address, kUnixScheme); }

absl::Status ValidateServerAddress(absl::string_view address) {
  if (address.empty()) return WrongConfig("the backend has no address", kAddressForm);
  if (IsUnixAddress(address)) {
    absl::string_view path = address;
    if (!absl::ConsumePrefix(&path, kUnixPrefix) || !absl::StartsWith(path, "/") ||
        path.size() == 1 || HasControls(path)) {
      return WrongConfig(
          absl::StrCat(Quoted(address), " is not the absolute path of a Unix socket"),
          "write unix:///PATH, with three strokes");
    }
    if (path.size() > kMaxSocketPath) {
      return WrongConfig(absl::StrCat(Quoted(address), " is longer than a Unix socket's path, ",
                                      kMaxSocketPath, " bytes"),
                         "give the socket a shorter one");
    }
    return absl::OkStatus();
  }
  const auto host = HostOf(address, PortNeed::kRequired);
  if (host.ok()) return absl::OkStatus();
  return WrongConfig(absl::StrCat(Quoted(address), " is no address: ", host.status().message()),
                     kAddressForm);
}

absl::Status ValidateServiceUrl(absl::string_view url) {
  absl::string_view rest = url;
  const bool plain = absl::ConsumePrefix(&rest, "http://");
  if (!plain && !absl::ConsumePrefix(&rest, "https://"))
    return WrongConfig("the URL begins with neither https:// nor http://", kUrlForm);
  if (rest.find_first_of("/?#") != absl::string_view::npos)
    return WrongConfig("the URL has a path, a query or a fragment", "end it behind the host");
  const auto host = HostOf(rest, PortNeed::kOptional);
  if (!host.ok())
    return WrongConfig(absl::StrCat("the URL is none: ", host.status().message()), kUrlForm);
  if (plain && !IsLoopback(*host)) {
    return WrongConfig("http:// would show the key to everybody on the way",
                       "write https://; http:// is for localhost, 127.0.0.1 and [::1] alone");
  }
  return absl::OkStatus();
}

absl::Status ValidateFilePath(absl::string_view path) {
  if (absl::StartsWith(path, "/") && path.size() <= kMaxPath && !HasControls(path))
    return absl::OkStatus();
  return WrongConfig(absl::StrCat(Quoted(path), " is not the absolute path of a file"),
                     "write all of it, from / on");
}

}  // namespace warren
