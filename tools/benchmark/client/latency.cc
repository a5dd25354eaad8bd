// Scenarios with one client and one sandbox at a time.
#include <chrono>
#include <random>
#include <thread>

#include "google/protobuf/util/time_util.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

using google::protobuf::util::TimeUtil;

struct CreateSamples {
  Samples create, first_cell, cell, destroy;
  // In the order in which the server names them.
  std::vector<std::pair<std::string, Samples>> stages;
  int from_pool = 0;
};

Samples& StageSamples(const std::string& name, CreateSamples& out) {
  for (auto& [stage, samples] : out.stages) {
    if (stage == name) return samples;
  }
  return out.stages.emplace_back(name, Samples()).second;
}

absl::Status CreateOnce(SessionClient& client, const Target& target, const Cell& cell,
                        CreateSamples& out) {
  WARREN_RETURN_IF_ERROR(Settle(client));
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  int64_t created = NowNs();
  out.create.push_back(created - begin);
  if (!cell.code.empty()) {
    WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox.sandbox_id(), cell));
    out.first_cell.push_back(run.finished_ns - begin);
    out.cell.push_back(run.finished_ns - created);
  }
  int64_t destroying = NowNs();
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  out.destroy.push_back(NowNs() - destroying);
  out.from_pool += sandbox.from_pool() ? 1 : 0;
  for (const v1::StageTiming& stage : sandbox.stages()) {
    StageSamples(stage.stage(), out).push_back(TimeUtil::DurationToNanoseconds(stage.duration()));
  }
  return absl::OkStatus();
}

nlohmann::json CreatesJson(const CreateSamples& samples) {
  return {{"create", samples.create},       {"first_cell", samples.first_cell},
          {"cell", samples.cell},           {"destroy", samples.destroy},
          {"from_pool", samples.from_pool}, {"stages", samples.stages}};
}

nlohmann::json MemoryJson(const ProcessMemory& before, const ProcessMemory& after) {
  return {{"minor_faults", after.minor_faults - before.minor_faults},
          {"private_dirty_bytes", after.private_dirty_bytes - before.private_dirty_bytes},
          {"pss_bytes", after.pss_bytes - before.pss_bytes},
          {"rss_bytes", after.rss_bytes}};
}

absl::Status CopyOnce(SessionClient& client, const Target& target, const Cell& cell,
                      nlohmann::json& out) {
  WARREN_RETURN_IF_ERROR(Settle(client));
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_ASSIGN_OR_RETURN(std::vector<std::string> groups,
                          CgroupView(target.cgroup_parent).GroupsOf(sandbox.sandbox_id()));
  WARREN_ASSIGN_OR_RETURN(pid_t worker, LargestProcess(groups));
  WARREN_ASSIGN_OR_RETURN(ProcessMemory ready, ReadProcessMemory(worker));
  std::map<std::string, int64_t> charged_ready = GroupMemoryByKind(groups);
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(CellRun first, client.Run(sandbox.sandbox_id(), cell));
  WARREN_ASSIGN_OR_RETURN(ProcessMemory after_first, ReadProcessMemory(worker));
  std::map<std::string, int64_t> charged_first = GroupMemoryByKind(groups);
  int64_t begin_second = NowNs();
  WARREN_ASSIGN_OR_RETURN(CellRun second, client.Run(sandbox.sandbox_id(), cell));
  WARREN_ASSIGN_OR_RETURN(ProcessMemory after_second, ReadProcessMemory(worker));
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  out["first_cell"].push_back(first.finished_ns - begin);
  out["second_cell"].push_back(second.finished_ns - begin_second);
  out["fork"].push_back(MemoryJson(ProcessMemory{}, ready));
  out["first"].push_back(MemoryJson(ready, after_first));
  out["second"].push_back(MemoryJson(after_first, after_second));
  out["charged_ready"].push_back(charged_ready);
  out["charged_first"].push_back(charged_first);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureCreates(const Target& target, const Cell& cell, int count,
                                              int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  CreateSamples ignored;
  for (int i = 0; i < warmup; ++i) {
    WARREN_RETURN_IF_ERROR(CreateOnce(client, target, cell, ignored));
  }
  CreateSamples out;
  for (int i = 0; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(CreateOnce(client, target, cell, out));
  }
  return CreatesJson(out);
}

absl::StatusOr<nlohmann::json> MeasureNetworkCreates(const Target& target, int count, int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  Target plain = target;
  plain.create.clear_network();
  CreateSamples ignored, without, with;
  for (int i = -warmup; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(CreateOnce(client, plain, {}, i < 0 ? ignored : without));
    WARREN_RETURN_IF_ERROR(CreateOnce(client, target, {}, i < 0 ? ignored : with));
  }
  return nlohmann::json{{"without", CreatesJson(without)}, {"with", CreatesJson(with)}};
}

absl::StatusOr<nlohmann::json> MeasureCells(const Target& target, const Cell& cell, int count,
                                            int warmup, int64_t pause_ns) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(Settle(client));
  Samples times;
  // Not in step with anything that happens at regular times; the same in every run.
  std::minstd_rand random;
  std::uniform_int_distribution<int64_t> pause(pause_ns / 2, pause_ns + pause_ns / 2);
  for (int i = -warmup; i < count; ++i) {
    if (pause_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(pause(random)));
    int64_t begin = NowNs();
    WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox.sandbox_id(), cell));
    if (i >= 0) times.push_back(run.finished_ns - begin);
  }
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return nlohmann::json{{"cell", times}};
}

absl::StatusOr<nlohmann::json> MeasurePageCopies(const Target& target, const Cell& cell,
                                                 int count) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  nlohmann::json out;
  for (int i = 0; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(CopyOnce(client, target, cell, out));
  }
  return out;
}

}  // namespace warren::bench
