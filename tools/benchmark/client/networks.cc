// Sandboxes with a network: what a create with one takes more, and what many of them hold.
#include <mutex>

#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/many_sessions.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

// As MemoryPoint, and what else a network may take.
absl::StatusOr<nlohmann::json> NetworkPoint(const Target& target, const NetworksPlan& plan,
                                            int sandboxes) {
  WARREN_ASSIGN_OR_RETURN(nlohmann::json point, MemoryPoint(target, sandboxes));
  WARREN_ASSIGN_OR_RETURN(HostMemory host, ReadHostMemory());
  point["slab_bytes"] = host.slab_bytes;
  WARREN_ASSIGN_OR_RETURN(point["tcp_bytes"], TcpMemoryBytes());
  for (const auto& [name, pid] : plan.processes) {
    WARREN_ASSIGN_OR_RETURN(ProcessMemory memory, ReadProcessMemory(pid));
    point["process_bytes"][name] = memory.pss_bytes;
  }
  return point;
}

// Gives each of them the network and its connection, which stays: how long the network took.
absl::StatusOr<Samples> OpenAll(const Target& target, const NetworksPlan& plan,
                                const Sessions& sandboxes) {
  std::mutex mutex;
  Samples opened;
  auto open = [&](SessionClient& client, int index) -> absl::Status {
    const auto& [number, id] = sandboxes.made()[static_cast<size_t>(index)];
    const int64_t begin = NowNs();
    WARREN_RETURN_IF_ERROR(client.SetNetwork(id, target.create.network()));
    const int64_t end = NowNs();
    WARREN_RETURN_IF_ERROR(client.Run(id, plan.connect).status());
    std::lock_guard<std::mutex> lock(mutex);
    opened.push_back(end - begin);
    return absl::OkStatus();
  };
  WARREN_RETURN_IF_ERROR(ForNumbers(target.address, plan.clients, 0, plan.count, open));
  return opened;
}

absl::StatusOr<nlohmann::json> OpenAndCompare(SessionClient& client, const Target& target,
                                              const NetworksPlan& plan, Sessions& sandboxes) {
  Target without = target;
  without.create.clear_network();
  nlohmann::json out;
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  WARREN_ASSIGN_OR_RETURN(out["start"], NetworkPoint(target, plan, 0));
  auto make = [&](SessionClient& maker, int number) {
    return MakeSession(maker, without, plan.rehearsal, number, sandboxes);
  };
  WARREN_RETURN_IF_ERROR(ForNumbers(target.address, plan.clients, 0, plan.count, make));
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  WARREN_ASSIGN_OR_RETURN(out["without"], NetworkPoint(target, plan, plan.count));
  WARREN_ASSIGN_OR_RETURN(out["open"], OpenAll(target, plan, sandboxes));
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  WARREN_ASSIGN_OR_RETURN(out["with"], NetworkPoint(target, plan, plan.count));
  return out;
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureNetworks(const Target& target, const NetworksPlan& plan) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  Sessions sandboxes;
  absl::StatusOr<nlohmann::json> out = OpenAndCompare(client, target, plan, sandboxes);
  // Whatever happened: the sandboxes that were made must go.
  absl::Status destroyed = DestroyAll(client, sandboxes);
  if (out.ok() && !destroyed.ok()) return destroyed;
  return out;
}

absl::StatusOr<nlohmann::json> MeasurePrinted(const Target& target, const Cell& cell) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(Settle(client));
  absl::StatusOr<CellRun> run = client.Run(sandbox.sandbox_id(), cell);
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  WARREN_RETURN_IF_ERROR(run.status());
  return nlohmann::json{{"printed", run->text}};
}

}  // namespace warren::bench
