#ifndef WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RANGES_H_
#define WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RANGES_H_

#include <string>
#include <vector>

namespace warren {

// `denied` without what `allowed` has of it, for rules by which a denial wins: addresses and ranges
// are cut out of ranges ("10.0.0.0/8" without "10.0.0.1" is 24 ranges). What is no address or range
// stays as it is, but where both name it.
std::vector<std::string> WithoutAllowed(const std::vector<std::string>& denied,
                                        const std::vector<std::string>& allowed);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_CONTROL_NETWORK_RANGES_H_
