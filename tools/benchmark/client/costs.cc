// Page faults and context switches of a cell, by the host's view. What is read here takes time of
// its own, so nothing of it is timed.
#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

absl::StatusOr<pid_t> WorkerOf(const Target& target, const std::string& sandbox_id) {
  WARREN_ASSIGN_OR_RETURN(std::vector<std::string> groups,
                          CgroupView(target.cgroup_parent).GroupsOf(sandbox_id));
  return LargestProcess(groups);
}

// One cell of a sandbox that stands ready.
absl::Status RunCounted(SessionClient& client, const std::string& sandbox_id, pid_t worker,
                        const Cell& cell, nlohmann::json& out) {
  WARREN_ASSIGN_OR_RETURN(ProcessCosts before, ReadProcessCosts(worker));
  WARREN_RETURN_IF_ERROR(client.Run(sandbox_id, cell).status());
  WARREN_ASSIGN_OR_RETURN(ProcessCosts after, ReadProcessCosts(worker));
  out["minor_faults"].push_back(after.minor_faults - before.minor_faults);
  out["major_faults"].push_back(after.major_faults - before.major_faults);
  out["voluntary_switches"].push_back(after.voluntary_switches - before.voluntary_switches);
  out["involuntary_switches"].push_back(after.involuntary_switches - before.involuntary_switches);
  return absl::OkStatus();
}

absl::Status CountFirstCell(SessionClient& client, const Target& target, const Cell& cell,
                            nlohmann::json& out) {
  // As before a timed create.
  WARREN_RETURN_IF_ERROR(Settle(client));
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_ASSIGN_OR_RETURN(pid_t worker, WorkerOf(target, sandbox.sandbox_id()));
  WARREN_RETURN_IF_ERROR(RunCounted(client, sandbox.sandbox_id(), worker, cell, out));
  return client.Destroy(sandbox.sandbox_id());
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureFirstCellCosts(const Target& target, const Cell& cell,
                                                     int count) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  nlohmann::json out;
  for (int i = 0; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(CountFirstCell(client, target, cell, out));
  }
  return out;
}

absl::StatusOr<nlohmann::json> MeasureLiveCellCosts(const Target& target, const Cell& cell,
                                                    int count, int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_ASSIGN_OR_RETURN(pid_t worker, WorkerOf(target, sandbox.sandbox_id()));
  for (int i = 0; i < warmup; ++i) {
    WARREN_RETURN_IF_ERROR(client.Run(sandbox.sandbox_id(), cell).status());
  }
  nlohmann::json out;
  for (int i = 0; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(RunCounted(client, sandbox.sandbox_id(), worker, cell, out));
  }
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return out;
}

}  // namespace warren::bench
