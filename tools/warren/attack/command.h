#ifndef WARREN_TOOLS_WARREN_ATTACK_COMMAND_H_
#define WARREN_TOOLS_WARREN_ATTACK_COMMAND_H_

#include <string>

namespace warren::attack {

struct AttackOptions {
  // A running warrend on this host; empty to start one for the time of the attacks.
  std::string address;
  std::string template_id = "base";
  // Profile of the attacker: "user" or "root". With an address: what that server gives.
  std::string as = "user";
  // Empty for the server's own default.
  std::string template_store;
  // Directory of the suite; empty for share/warren/attacks beside this executable.
  std::string suite;
  // Only probes whose "group/name" contains this.
  std::string only;
  // Only probes of claims that exactly these layers enforce, separated by commas; empty for all.
  std::string layers;
  // Probes at once; those that measure run alone all the same.
  int jobs = 4;
  // File of the probes that may be "not on this host"; empty to allow it to all.
  std::string allow_missing;
  bool json = false;
};

// `warren doctor --attack`: prints the pace, a line for each claim and a summary. Returns 0 when
// every claim held that can be asked on this host, 1 when one did not, could not be found out, or
// is "not on this host" and not in the list, 125 when the suite could not run. Measures the pace
// where the environment does not state it: call it before any other thread exists.
int RunAttacks(const AttackOptions& options);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_COMMAND_H_
