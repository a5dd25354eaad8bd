#include "supervisor/gateway/control/network_ranges.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

namespace ip = boost::asio::ip;

// The most ranges that a denial is cut into; one that would be more stays whole, and denies more.
constexpr size_t kMostRanges = 256;

// Of either family: an address is the range of itself.
template <class Network>
std::optional<Network> ParseRange(const std::string& text, int bits) {
  boost::system::error_code error;
  const bool single = text.find('/') == std::string::npos;
  Network range;
  if constexpr (std::is_same_v<Network, ip::network_v4>) {
    range = ip::make_network_v4(single ? absl::StrCat(text, "/", bits) : text, error);
  } else {
    range = ip::make_network_v6(single ? absl::StrCat(text, "/", bits) : text, error);
  }
  if (error) return std::nullopt;
  return range.canonical();
}

template <class Network>
bool Includes(const Network& outer, const Network& inner) {
  return inner == outer || inner.is_subnet_of(outer);
}

// The two of which a range is made.
template <class Network>
std::pair<Network, Network> Halves(const Network& range) {
  const auto length = static_cast<unsigned short>(range.prefix_length() + 1);
  auto bytes = range.network().to_bytes();
  bytes[range.prefix_length() / 8] |= static_cast<unsigned char>(0x80 >> range.prefix_length() % 8);
  using Address = decltype(range.network());
  return {Network(range.network(), length), Network(Address(bytes), length)};
}

template <class Network>
void CutOut(const Network& range, const std::vector<Network>& allowed, std::vector<Network>& left) {
  if (left.size() > kMostRanges) return;
  bool overlaps = false;
  for (const Network& one : allowed) {
    if (Includes(one, range)) return;
    overlaps = overlaps || Includes(range, one);
  }
  if (!overlaps) {
    left.push_back(range);
    return;
  }
  const auto [low, high] = Halves(range);
  CutOut(low, allowed, left);
  CutOut(high, allowed, left);
}

template <class Network>
std::vector<std::string> Cut(const std::string& denied, int bits,
                             const std::vector<std::string>& allowed) {
  const std::optional<Network> range = ParseRange<Network>(denied, bits);
  if (!range) return {denied};
  std::vector<Network> holes;
  for (const std::string& text : allowed) {
    if (auto hole = ParseRange<Network>(text, bits)) holes.push_back(*hole);
  }
  std::vector<Network> left;
  CutOut(*range, holes, left);
  // As it was written, where nothing was cut out of it.
  if (left.size() > kMostRanges || (left.size() == 1 && left[0] == *range)) return {denied};
  std::vector<std::string> texts;
  texts.reserve(left.size());
  for (const Network& one : left) texts.push_back(one.to_string());
  return texts;
}

}  // namespace

std::vector<std::string> WithoutAllowed(const std::vector<std::string>& denied,
                                        const std::vector<std::string>& allowed) {
  constexpr int kBitsV4 = 32;
  constexpr int kBitsV6 = 128;
  std::vector<std::string> left;
  for (const std::string& one : denied) {
    if (std::find(allowed.begin(), allowed.end(), one) != allowed.end()) continue;
    const bool v6 = one.find(':') != std::string::npos;
    const auto parts = v6 ? Cut<ip::network_v6>(one, kBitsV6, allowed)
                          : Cut<ip::network_v4>(one, kBitsV4, allowed);
    left.insert(left.end(), parts.begin(), parts.end());
  }
  return left;
}

}  // namespace warren
