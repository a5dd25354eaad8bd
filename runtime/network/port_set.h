#ifndef WARREN_RUNTIME_NETWORK_PORT_SET_H_
#define WARREN_RUNTIME_NETWORK_PORT_SET_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "warren/v1/network.pb.h"

namespace warren {

// Ports, as ranges.
class PortSet {
 public:
  // The ports of a rule: every one where it names none. INVALID_ARGUMENT names the field below the
  // rule: "ports[1].first is 0; ...".
  static absl::StatusOr<PortSet> Of(const v1::NetworkRule& rule);

  void Add(const PortSet& other);
  bool Contains(uint16_t port) const;
  // Whether all of the other's are here too.
  bool Covers(const PortSet& other) const;
  bool empty() const { return ranges_.empty(); }

 private:
  struct Range {
    // 1 to 65535, both included; int, so that the one behind the last is a number too.
    int first;
    int last;
  };
  static bool Before(const Range& a, const Range& b) { return a.first < b.first; }
  // Makes one of sorted ranges that overlap or touch.
  void Join();
  // Whether all of a range is here.
  bool Has(const Range& wanted) const;

  // Sorted, and apart.
  std::vector<Range> ranges_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_PORT_SET_H_
