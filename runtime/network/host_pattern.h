#ifndef WARREN_RUNTIME_NETWORK_HOST_PATTERN_H_
#define WARREN_RUNTIME_NETWORK_HOST_PATTERN_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/network/address.h"

namespace warren {

// What the `host` of a rule stands for.
struct HostPattern {
  enum class Kind { kName, kBelow, kEveryName, kNetwork };
  Kind kind = Kind::kName;
  // Normalized; of kName and kBelow, without the "*.".
  std::string name;
  // Of kNetwork.
  IpNetwork network;

  // Its normal form, which is parsed to the same.
  std::string ToString() const;
};

// INVALID_ARGUMENT: "\"...\" is not a host name: ...; it must be ...".
absl::StatusOr<HostPattern> ParseHostPattern(absl::string_view text);

}  // namespace warren

#endif  // WARREN_RUNTIME_NETWORK_HOST_PATTERN_H_
