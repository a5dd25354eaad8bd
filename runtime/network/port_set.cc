#include "runtime/network/port_set.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

constexpr uint32_t kLastPort = 65535;
constexpr int kMostRanges = 64;

absl::Status CheckRange(const v1::PortRange& range) {
  if (range.first() < 1 || range.first() > kLastPort) {
    return absl::InvalidArgumentError(
        absl::StrCat("first is ", range.first(), "; it must be 1 to ", kLastPort));
  }
  if (range.last() != 0 && (range.last() < range.first() || range.last() > kLastPort)) {
    return absl::InvalidArgumentError(absl::StrCat("last is ", range.last(), "; it must be 0 or ",
                                                   range.first(), " to ", kLastPort));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PortSet> PortSet::Of(const v1::NetworkRule& rule) {
  PortSet result;
  if (rule.ports().empty()) {
    result.ranges_.push_back({1, kLastPort});
    return result;
  }
  if (rule.ports_size() > kMostRanges) {
    return absl::InvalidArgumentError(absl::StrCat("ports has ", rule.ports_size(),
                                                   " ranges; it may have at most ", kMostRanges));
  }
  for (int i = 0; i < rule.ports_size(); ++i) {
    const v1::PortRange& range = rule.ports(i);
    absl::Status fits = CheckRange(range);
    if (!fits.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("ports[", i, "].", fits.message()));
    }
    const uint32_t last = range.last() == 0 ? range.first() : range.last();
    result.ranges_.push_back({static_cast<int>(range.first()), static_cast<int>(last)});
  }
  std::sort(result.ranges_.begin(), result.ranges_.end(), Before);
  result.Join();
  return result;
}

void PortSet::Add(const PortSet& other) {
  const auto old_size = static_cast<std::ptrdiff_t>(ranges_.size());
  ranges_.insert(ranges_.end(), other.ranges_.begin(), other.ranges_.end());
  std::inplace_merge(ranges_.begin(), ranges_.begin() + old_size, ranges_.end(), Before);
  Join();
}

bool PortSet::Has(const Range& wanted) const {
  // The first that does not end before it.
  auto at = std::partition_point(ranges_.begin(), ranges_.end(), [&wanted](const Range& range) {
    return range.last < wanted.first;
  });
  return at != ranges_.end() && at->first <= wanted.first && wanted.last <= at->last;
}

bool PortSet::Contains(uint16_t port) const { return Has({port, port}); }

bool PortSet::Covers(const PortSet& other) const {
  return std::all_of(other.ranges_.begin(), other.ranges_.end(),
                     [this](const Range& range) { return Has(range); });
}

void PortSet::Join() {
  std::vector<Range> joined;
  for (const Range& range : ranges_) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  ranges_ = std::move(joined);
}

}  // namespace warren
