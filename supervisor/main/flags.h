#ifndef WARREN_SUPERVISOR_MAIN_FLAGS_H_
#define WARREN_SUPERVISOR_MAIN_FLAGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace warren {

// What warrend was told to do: flags over environment over defaults.
struct Flags {
  std::vector<std::string> listen;
  std::string template_store;
  // Template → ready sandboxes.
  std::map<std::string, int> pool;
  int64_t pool_memory_bytes = 0;
  int max_sandboxes = 0;
  std::string user;
  std::string cgroup_parent;
  std::string runtime_dir;
  std::string log_level;
  std::string limits_policy;
};

struct ParsedFlags {
  Flags flags;
  // Set when the process shall end at once: --help and --version print and end with 0, a bad flag
  // with 2.
  bool finished = false;
  int exit_code = 0;
};

// Prints help and usage errors itself.
ParsedFlags ParseFlags(int argc, char** argv);

// "base=2" → {"base", 2}. INVALID_ARGUMENT for anything else.
absl::StatusOr<std::pair<std::string, int>> ParsePoolEntry(const std::string& text);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_FLAGS_H_
