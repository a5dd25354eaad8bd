#ifndef WARREN_TOOLS_WARREN_ATTACK_HOST_WITNESS_H_
#define WARREN_TOOLS_WARREN_ATTACK_HOST_WITNESS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/unique_fd.h"
#include "tools/warren/attack/filter_witness.h"

namespace warren::attack {

// What the attack suite puts on the host for sandboxes not to find, and what it looks at there: a
// marker file, a TCP listener on 127.0.0.1, a listener on an abstract socket, and the processes
// that attacks leave. Owner: the runner. Thread-compatible. Lifecycle: Create → checks; the
// destructor removes everything.
class HostWitness {
 public:
  static absl::StatusOr<HostWitness> Create();
  ~HostWitness();
  HostWitness(HostWitness&&) = default;
  HostWitness(const HostWitness&) = delete;

  const std::string& marker_path() const { return marker_; }
  int tcp_port() const { return port_; }
  const std::string& abstract_name() const { return abstract_; }

  // The marker still has its content.
  absl::Status CheckMarker() const;
  // Nobody has connected to a listener since the last look.
  absl::Status CheckListeners() const;

 private:
  HostWitness() = default;

  std::string directory_;
  std::string marker_;
  std::string secret_;
  std::string abstract_;
  int port_ = 0;
  UniqueFd tcp_;
  UniqueFd unix_;
};

// A process as the host sees it.
struct ProcessFacts {
  int pid = 0;
  int parent = 0;
  int64_t uid = -1;
  // Every id of /proc/PID/status is `uid`.
  bool one_uid = false;
  // Every set together, by capability number.
  uint64_t capabilities = 0;
  bool no_new_privileges = false;
  bool filtered = false;
};

// The processes that have exactly `argument` on their command line.
std::vector<ProcessFacts> ProcessesWithArgument(const std::string& argument);

// OK as soon as no process has the argument any more; DEADLINE_EXCEEDED when one outlives
// `patience`, which should be what only a hang takes.
absl::Status AwaitNoProcess(const std::string& argument, absl::Duration patience);

// A process with the argument is there. Without that, AwaitNoProcess says nothing of its end.
absl::Status CheckRuns(const std::string& argument);

// A process of a sandbox, seen from the host: its own range of user ids, no capability in any set
// but `capabilities` (by number), no_new_privs, filtered.
absl::Status CheckConfined(const std::string& argument, uint64_t capabilities);

// What the filters in force in a process of a sandbox answer.
absl::Status CheckFilters(const std::string& argument,
                          const std::function<absl::Status(const Filters&)>& check);

// The processes of two sandboxes have user ids at least one range apart.
absl::Status CheckDistinctUsers(const std::string& argument, const std::string& other);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_HOST_WITNESS_H_
