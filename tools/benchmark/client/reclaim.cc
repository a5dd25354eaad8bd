// What a destroy gives back, as the kernel sees it, and when.
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

using std::chrono::microseconds;

// A sandbox's belongings on the host.
struct Belongings {
  std::vector<std::string> groups;
  std::vector<pid_t> processes;
  std::set<uint64_t> mount_namespaces;
  int64_t memory_bytes = 0;
};

absl::StatusOr<Belongings> FindBelongings(const Target& target, const std::string& sandbox_id) {
  Belongings found;
  WARREN_ASSIGN_OR_RETURN(found.groups, CgroupView(target.cgroup_parent).GroupsOf(sandbox_id));
  std::set<pid_t> pids;
  for (const std::string& group : found.groups) {
    for (pid_t pid : ProcessesOf(group)) pids.insert(pid);
  }
  if (pids.empty()) {
    return absl::InternalError("look at a sandbox: its cgroups hold no process; is it confined?");
  }
  found.processes.assign(pids.begin(), pids.end());
  for (pid_t pid : found.processes) {
    if (std::optional<uint64_t> id = MountNamespaceId(pid)) found.mount_namespaces.insert(*id);
  }
  WARREN_ASSIGN_OR_RETURN(found.memory_bytes, GroupMemoryBytes(found.groups));
  return found;
}

template <typename Container, typename Check>
Liveness AnyAlive(const Container& things, Check check) {
  bool alive = std::any_of(things.begin(), things.end(),
                           [&](const auto& thing) { return check(thing) == Liveness::kAlive; });
  return alive ? Liveness::kAlive : Liveness::kGone;
}

// Others on the host allocate and free meanwhile, and the cgroup's count is in batches for each
// CPU: three quarters of what was charged to the sandbox must be back.
Liveness MemoryLiveness(int64_t free_before, int64_t charged) {
  absl::StatusOr<int64_t> now = FreeMemoryBytes();
  bool back = now.ok() && *now - free_before >= charged / 4 * 3;
  return back ? Liveness::kGone : Liveness::kAlive;
}

// Those that were not seen by then are the patience.
struct ReclaimTimes {
  explicit ReclaimTimes(int64_t patience)
      : processes(patience), cgroups(patience), mounts(patience), memory(patience) {}
  int64_t all() const { return std::max({processes, cgroups, mounts, memory}); }

  int64_t processes;
  int64_t cgroups;
  int64_t mounts;
  int64_t memory;
};

void Note(Liveness liveness, int64_t now, int64_t& time) {
  if (liveness == Liveness::kGone) time = std::min(time, now);
}

ReclaimTimes Watch(const Belongings& belongings, int64_t free_before, int64_t begin,
                   int64_t patience, std::chrono::microseconds interval) {
  ReclaimTimes times(patience);
  for (int64_t now = 0; now < patience && times.all() == patience;) {
    std::this_thread::sleep_for(interval);
    Liveness processes = AnyAlive(belongings.processes, ProcessLiveness);
    Liveness groups = AnyAlive(belongings.groups, PathLiveness);
    Liveness mounts = AnyAlive(belongings.mount_namespaces, MountNamespaceLiveness);
    Liveness memory = MemoryLiveness(free_before, belongings.memory_bytes);
    now = NowNs() - begin;
    Note(processes, now, times.processes);
    Note(groups, now, times.cgroups);
    Note(mounts, now, times.mounts);
    Note(memory, now, times.memory);
  }
  return times;
}

void Add(const ReclaimTimes& times, nlohmann::json& out) {
  out["processes"].push_back(times.processes);
  out["cgroups"].push_back(times.cgroups);
  out["mounts"].push_back(times.mounts);
  out["memory"].push_back(times.memory);
  out["all"].push_back(times.all());
}

absl::Status ReclaimOnce(SessionClient& client, const Target& target, const Cell& cell,
                         nlohmann::json& out) {
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(client.Run(sandbox.sandbox_id(), cell).status());
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  WARREN_ASSIGN_OR_RETURN(Belongings belongings, FindBelongings(target, sandbox.sandbox_id()));
  WARREN_ASSIGN_OR_RETURN(int64_t free_before, FreeMemoryBytes());
  int64_t begin = NowNs();
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  int64_t acknowledged = NowNs();
  ReclaimTimes times =
      Watch(belongings, free_before, acknowledged, kReclaimPatienceNs, microseconds(300));
  out["acknowledged"].push_back(acknowledged - begin);
  Add(times, out);
  out["memory_bytes"].push_back(belongings.memory_bytes);
  out["mount_namespaces_seen"].push_back(belongings.mount_namespaces.size());
  return absl::OkStatus();
}

// One of those that are to end at once, by a connection of its own.
struct FullSandbox {
  std::unique_ptr<SessionClient> client;
  std::string id;
  absl::Status status;
};

void InParallel(std::vector<FullSandbox>& sandboxes,
                const std::function<absl::Status(FullSandbox&)>& work) {
  std::vector<std::thread> threads;
  threads.reserve(sandboxes.size());
  for (FullSandbox& sandbox : sandboxes) {
    threads.emplace_back([&work, &sandbox] { sandbox.status.Update(work(sandbox)); });
  }
  for (std::thread& thread : threads) thread.join();
}

absl::Status FirstError(const std::vector<FullSandbox>& sandboxes) {
  absl::Status status;
  for (const FullSandbox& sandbox : sandboxes) status.Update(sandbox.status);
  return status;
}

absl::StatusOr<Belongings> BelongingsOfAll(const Target& target,
                                           const std::vector<FullSandbox>& sandboxes) {
  Belongings all;
  for (const FullSandbox& sandbox : sandboxes) {
    WARREN_ASSIGN_OR_RETURN(Belongings own, FindBelongings(target, sandbox.id));
    all.groups.insert(all.groups.end(), own.groups.begin(), own.groups.end());
    all.processes.insert(all.processes.end(), own.processes.begin(), own.processes.end());
    all.mount_namespaces.merge(own.mount_namespaces);
    all.memory_bytes += own.memory_bytes;
  }
  return all;
}

absl::Status EndFullOnes(const Target& target, std::vector<FullSandbox>& sandboxes,
                         nlohmann::json& out) {
  WARREN_RETURN_IF_ERROR(FirstError(sandboxes));
  WARREN_ASSIGN_OR_RETURN(Belongings belongings, BelongingsOfAll(target, sandboxes));
  WARREN_ASSIGN_OR_RETURN(int64_t free_before, FreeMemoryBytes());
  int64_t begin = NowNs();
  InParallel(sandboxes, [](FullSandbox& sandbox) { return sandbox.client->Destroy(sandbox.id); });
  out["acknowledged"].push_back(NowNs() - begin);
  WARREN_RETURN_IF_ERROR(FirstError(sandboxes));
  // A look at a thousand processes takes some milliseconds itself.
  Add(Watch(belongings, free_before, begin, kFullEndPatienceNs, microseconds(5000)), out);
  out["memory_bytes"].push_back(belongings.memory_bytes);
  out["process_count"].push_back(belongings.processes.size());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureFullEnds(const Target& target, const Cell& cell,
                                               int sandboxes, int rounds) {
  Target limited = target;
  SetSmallLimits(limited);
  // What as many processes and files take with what the cell takes itself.
  limited.create.mutable_limits()->set_memory_bytes(int64_t{384} << 20);
  nlohmann::json out;
  for (int round = 0; round < rounds; ++round) {
    std::vector<FullSandbox> full(static_cast<size_t>(sandboxes));
    InParallel(full, [&](FullSandbox& sandbox) -> absl::Status {
      sandbox.client = std::make_unique<SessionClient>(target.address);
      WARREN_RETURN_IF_ERROR(sandbox.client->Connect());
      WARREN_ASSIGN_OR_RETURN(v1::Sandbox made, sandbox.client->Create(limited.create));
      sandbox.id = made.sandbox_id();
      return sandbox.client->Run(sandbox.id, cell).status();
    });
    absl::Status status = EndFullOnes(target, full, out);
    if (!status.ok()) {
      for (FullSandbox& sandbox : full) {
        if (!sandbox.id.empty()) sandbox.client->Destroy(sandbox.id).IgnoreError();
      }
      return status;
    }
  }
  return out;
}

absl::StatusOr<nlohmann::json> MeasureReclaim(const Target& target, const Cell& cell, int count) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  nlohmann::json out;
  for (int i = 0; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(ReclaimOnce(client, target, cell, out));
  }
  return out;
}

}  // namespace warren::bench
