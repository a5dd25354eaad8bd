#ifndef WARREN_SUPERVISOR_MAIN_FLAGS_H_
#define WARREN_SUPERVISOR_MAIN_FLAGS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/main/gateway_flags.h"
#include "supervisor/pool/pool.h"

namespace warren {

// Sandboxes of one template that may be held ready.
inline constexpr int kMaxReady = 1000;

// What warrend was told to do: flags over environment over defaults.
struct Flags {
  std::vector<std::string> listen;
  std::vector<std::string> tls_listen;
  // Files of PEM, for tls_listen.
  std::string certificate;
  std::string certificate_key;
  // File of the backends; empty: this machine alone.
  std::string config;
  // Exists, unless it is the default.
  std::string template_store;
  // Empty: the supervisor chooses (ChooseDefaultTemplate, ChoosePools).
  std::string default_template;
  std::map<std::string, ReadyBounds> pool;
  int64_t pool_memory_bytes = 0;
  // 0: the supervisor chooses, by the host's memory.
  int64_t buffer_memory_bytes = 0;
  int max_sandboxes = 0;
  std::string user;
  std::string cgroup_parent;
  std::string runtime_dir;
  std::string log_level;
  std::string limits_policy;
  std::string egress_policy;
  std::string package_policy;
  // URLs and absolute paths of directories that exist; empty for the policy's own.
  std::vector<std::string> package_indexes;
  // An absolute path.
  std::string package_store;
  int64_t package_store_bytes = 0;
  // An absolute path.
  std::string keys;
  GatewayFlags gateway;
  // Of all sandboxes: "user" or "root".
  std::string profile;
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

// "base=2" → at least 2, "base=2:8" → 2 to 8. INVALID_ARGUMENT for anything else.
absl::StatusOr<std::pair<std::string, ReadyBounds>> ParsePoolEntry(const std::string& text);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_FLAGS_H_
