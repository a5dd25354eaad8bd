// Many live sessions at once: their memory, and what a cell on one of them costs.
#include <algorithm>
#include <random>

#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/many_sessions.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

// Memory of the host and of the server's cgroups, for 21 or so numbers of sessions.
constexpr int kMemoryPoints = 20;

absl::Status MakeAll(const Target& target, const SessionsPlan& plan, SessionClient& client,
                     Sessions& sessions, nlohmann::json& memory) {
  int step = std::max(1, plan.count / kMemoryPoints);
  for (int made = 0; made < plan.count; made += step) {
    int last = std::min(plan.count, made + step);
    WARREN_RETURN_IF_ERROR(
        ForNumbers(target.address, plan.clients, made, last, [&](SessionClient& maker, int number) {
          return MakeSession(maker, target, plan.first, number, sessions);
        }));
    // As at the start: what the pool holds ready is not counted as a session's.
    WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
    WARREN_ASSIGN_OR_RETURN(nlohmann::json point, MemoryPoint(target, last));
    memory.push_back(std::move(point));
  }
  return absl::OkStatus();
}

absl::StatusOr<Samples> RunFurtherCells(SessionClient& client, const SessionsPlan& plan,
                                        const Sessions& sessions) {
  // The same sessions in every run.
  std::mt19937 random(1);
  std::uniform_int_distribution<size_t> any(0, sessions.made().size() - 1);
  Samples times;
  for (int i = 0; i < plan.further_cells; ++i) {
    const auto& [number, id] = sessions.made()[any(random)];
    Cell cell = ForSession(plan.further, number);
    int64_t begin = NowNs();
    WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(id, cell));
    times.push_back(run.finished_ns - begin);
  }
  return times;
}

// What each session consists of: nothing is started for one that asks for nothing.
absl::StatusOr<int> CountProcesses(const Target& target, const Sessions& sessions) {
  CgroupView view(target.cgroup_parent);
  int processes = 0;
  for (const auto& [number, id] : sessions.made()) {
    WARREN_ASSIGN_OR_RETURN(std::vector<std::string> groups, view.GroupsOf(id));
    processes += CountProcessesBelow(groups);
  }
  return processes;
}

absl::StatusOr<nlohmann::json> Measure(SessionClient& client, const Target& target,
                                       const SessionsPlan& plan, Sessions& sessions) {
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  nlohmann::json memory;
  WARREN_ASSIGN_OR_RETURN(nlohmann::json start, MemoryPoint(target, 0));
  memory.push_back(std::move(start));
  int64_t begin = NowNs();
  WARREN_RETURN_IF_ERROR(MakeAll(target, plan, client, sessions, memory));
  int64_t made = NowNs();
  WARREN_ASSIGN_OR_RETURN(Samples further, RunFurtherCells(client, plan, sessions));
  WARREN_ASSIGN_OR_RETURN(nlohmann::json end, MemoryPoint(target, plan.count));
  WARREN_ASSIGN_OR_RETURN(int processes, CountProcesses(target, sessions));
  return nlohmann::json{{"memory", memory},
                        {"memory_after_further_cells", end},
                        {"processes", processes},
                        {"making", made - begin},
                        {"further_cell", further}};
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureSessions(const Target& target, const SessionsPlan& plan) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  Sessions sessions;
  absl::StatusOr<nlohmann::json> out = Measure(client, target, plan, sessions);
  // Whatever happened: the sessions that were made must go.
  int64_t begin = NowNs();
  absl::Status destroyed = DestroyAll(client, sessions);
  if (out.ok() && !destroyed.ok()) out = destroyed;
  if (out.ok()) (*out)["destroying"] = NowNs() - begin;
  return out;
}

}  // namespace warren::bench
