// Packages installed into sandboxes that live.
#include "runtime/base/status.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

struct InstallSamples {
  Samples create, install, usable, cell, destroy;
  // In the order in which the server names them.
  std::vector<std::pair<std::string, Samples>> phases;
  int from_pool = 0;
  int cached = 0;
};

Samples& PhaseSamples(const std::string& name, InstallSamples& out) {
  for (auto& [phase, samples] : out.phases) {
    if (phase == name) return samples;
  }
  return out.phases.emplace_back(name, Samples()).second;
}

void AddPhases(const InstallRun& run, InstallSamples& out) {
  for (size_t i = 0; i < run.phases.size(); ++i) {
    const auto& [name, begin_ns] = run.phases[i];
    const bool last = i + 1 == run.phases.size();
    const int64_t end_ns = last ? run.done_ns : run.phases[i + 1].second;
    PhaseSamples(name, out).push_back(end_ns - begin_ns);
  }
}

absl::Status InstallOnce(SessionClient& client, const Target& target, const InstallsPlan& plan,
                         InstallSamples& out) {
  WARREN_RETURN_IF_ERROR(Settle(client));
  const int64_t creating = NowNs();
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  out.create.push_back(NowNs() - creating);
  WARREN_RETURN_IF_ERROR(client.Run(sandbox.sandbox_id(), plan.rehearsal).status());
  WARREN_RETURN_IF_ERROR(Settle(client));
  const int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(InstallRun installed,
                          client.Install(sandbox.sandbox_id(), plan.requirement));
  WARREN_ASSIGN_OR_RETURN(CellRun use, client.Run(sandbox.sandbox_id(), plan.use));
  const int64_t destroying = NowNs();
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  out.destroy.push_back(NowNs() - destroying);
  out.install.push_back(installed.done_ns - begin);
  out.usable.push_back(use.finished_ns - begin);
  out.cell.push_back(use.finished_ns - installed.done_ns);
  AddPhases(installed, out);
  out.from_pool += sandbox.from_pool() ? 1 : 0;
  out.cached += installed.cached ? 1 : 0;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureInstalls(const Target& target, const InstallsPlan& plan) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  InstallSamples ignored, out;
  for (int i = -plan.warmup; i < plan.count; ++i) {
    WARREN_RETURN_IF_ERROR(InstallOnce(client, target, plan, i < 0 ? ignored : out));
  }
  return nlohmann::json{{"create", out.create},       {"install", out.install},
                        {"usable", out.usable},       {"cell", out.cell},
                        {"destroy", out.destroy},     {"phases", out.phases},
                        {"from_pool", out.from_pool}, {"cached", out.cached}};
}

}  // namespace warren::bench
