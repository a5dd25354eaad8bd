#include "runtime/network/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

// Bits of the prefix ::ffff:0:0 of IPv4-mapped addresses.
constexpr int kMappedPrefix = 96;
constexpr size_t kLongestAddress = INET6_ADDRSTRLEN - 1;

absl::Status NotAnAddress(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not an IP address"));
}

absl::Status BadNetwork(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " is not a network: ", what));
}

bool BitIsSet(std::span<const uint8_t> bytes, int bit) {
  return ((bytes[bit / 8] >> (7 - bit % 8)) & 1) != 0;
}

bool SamePrefix(std::span<const uint8_t> a, std::span<const uint8_t> b, int bits) {
  const int whole = bits / 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || (a[whole] >> (8 - rest)) == (b[whole] >> (8 - rest));
}

bool HasBitBehind(std::span<const uint8_t> bytes, int prefix) {
  for (int bit = prefix; bit < static_cast<int>(bytes.size()) * 8; ++bit) {
    if (BitIsSet(bytes, bit)) return true;
  }
  return false;
}

bool HasBitBehind(const IpAddress& address, int prefix) {
  return address.is_v4() ? HasBitBehind(address.to_v4().to_bytes(), prefix)
                         : HasBitBehind(address.to_v6().to_bytes(), prefix);
}

IpAddress Ipv4At(const address_v6::bytes_type& bytes, size_t at) {
  address_v4::bytes_type v4;
  std::copy_n(bytes.begin() + at, v4.size(), v4.begin());
  return address_v4(v4);
}

bool IsMapped(const IpAddress& address) {
  return address.is_v6() && address.to_v6().is_v4_mapped();
}

}  // namespace

absl::StatusOr<IpAddress> ParseAddress(absl::string_view text) {
  // Boost takes zone ids, and reads up to the first NUL; the C library below it takes neither short
  // nor octal forms.
  const bool plain =
      text.size() <= kLongestAddress && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return absl::ascii_isxdigit(c) || c == '.' || c == ':';
      });
  if (!plain) return NotAnAddress(text);
  boost::system::error_code error;
  IpAddress address = boost::asio::ip::make_address(std::string(text), error);
  if (error) return NotAnAddress(text);
  return address;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  const IpAddress real = Unmapped(address);
  if (real.is_v4() != first.is_v4()) return false;
  if (real.is_v4()) return SamePrefix(real.to_v4().to_bytes(), first.to_v4().to_bytes(), prefix);
  return SamePrefix(real.to_v6().to_bytes(), first.to_v6().to_bytes(), prefix);
}

std::string IpNetwork::ToString() const {
  const int bits = first.is_v4() ? 32 : 128;
  if (prefix == bits) return AddressText(first);
  return absl::StrCat(AddressText(first), "/", prefix);
}

absl::StatusOr<IpNetwork> ParseNetwork(absl::string_view text) {
  const size_t slash = text.find('/');
  auto address = ParseAddress(text.substr(0, slash));
  if (!address.ok()) return NotAnAddress(text);
  const int bits = address->is_v4() ? 32 : 128;
  IpNetwork network{*address, bits};
  if (slash != absl::string_view::npos) {
    const absl::string_view digits = text.substr(slash + 1);
    const bool plain = !digits.empty() && (digits.size() == 1 || digits[0] != '0') &&
                       std::all_of(digits.begin(), digits.end(),
                                   [](unsigned char c) { return absl::ascii_isdigit(c); });
    if (!plain || !absl::SimpleAtoi(digits, &network.prefix) || network.prefix > bits) {
      return BadNetwork(text, absl::StrCat("behind its slash belongs a number up to ", bits));
    }
  }
  if (HasBitBehind(network.first, network.prefix)) {
    return BadNetwork(text, absl::StrCat("it has bits set behind the first ", network.prefix));
  }
  // Contains() asks for what is mapped, so the network must be of those.
  if (IsMapped(network.first) && network.prefix >= kMappedPrefix) {
    return IpNetwork{Unmapped(network.first), network.prefix - kMappedPrefix};
  }
  return network;
}

IpAddress Unmapped(const IpAddress& address) {
  return IsMapped(address) ? Ipv4At(address.to_v6().to_bytes(), 12) : address;
}

std::string AddressText(const IpAddress& address) {
  const IpAddress real = Unmapped(address);
  char text[INET6_ADDRSTRLEN] = {};
  if (real.is_v4()) {
    (void)::inet_ntop(AF_INET, real.to_v4().to_bytes().data(), text, sizeof(text));
  } else {
    (void)::inet_ntop(AF_INET6, real.to_v6().to_bytes().data(), text, sizeof(text));
  }
  return text;
}

std::optional<IpAddress> EmbeddedIpv4(const IpAddress& address) {
  if (!address.is_v6()) return std::nullopt;
  if (IsMapped(address)) return Unmapped(address);
  constexpr std::array<uint8_t, 12> kNat64 = {0x00, 0x64, 0xff, 0x9b};  // 64:ff9b::/96
  constexpr std::array<uint8_t, 2> k6to4 = {0x20, 0x02};                // 2002::/16
  const address_v6::bytes_type bytes = address.to_v6().to_bytes();
  if (std::equal(kNat64.begin(), kNat64.end(), bytes.begin())) return Ipv4At(bytes, 12);
  if (std::equal(k6to4.begin(), k6to4.end(), bytes.begin())) return Ipv4At(bytes, 2);
  return std::nullopt;
}

}  // namespace warren
