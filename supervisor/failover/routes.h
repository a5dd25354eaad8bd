#ifndef WARREN_SUPERVISOR_FAILOVER_ROUTES_H_
#define WARREN_SUPERVISOR_FAILOVER_ROUTES_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "warren/config/backends.pb.h"

namespace warren {

// Which backends make a sandbox, in which order. Pure; thread-compatible.
class Routes {
 public:
  // What a draw is below.
  static constexpr int kDraws = 100;

  // A valid one: its names exist, no list has itself, shares come to 100.
  explicit Routes(const config::Configuration& configuration);

  // Names of backends that are no lists, each once, the first choice first. `tenant` is "" for the
  // operator, `template_id` as the create names it, `draw` within [0, kDraws).
  const std::vector<std::string>& ChooseMembers(const std::string& tenant,
                                                const std::string& template_id, int draw) const;

 private:
  const std::vector<std::string>& MembersOf(const std::string& backend) const;

  config::Configuration configuration_;
  // By the names of all backends, lists included.
  std::unordered_map<std::string, std::vector<std::string>> members_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAILOVER_ROUTES_H_
