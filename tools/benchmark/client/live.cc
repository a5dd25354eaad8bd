// What a sandbox does beside the cells of its first context: further contexts, commands, pauses.
#include "runtime/base/status.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

struct ContextSamples {
  Samples ready, cell, deleted;
};

absl::Status ContextOnce(SessionClient& client, const std::string& sandbox_id, const Cell& cell,
                         ContextSamples& out) {
  WARREN_RETURN_IF_ERROR(Settle(client));
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(v1::Context context, client.CreateContext(sandbox_id));
  int64_t ready = NowNs();
  Cell first = cell;
  first.context_id = context.context_id();
  WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox_id, first));
  int64_t deleting = NowNs();
  WARREN_RETURN_IF_ERROR(client.DeleteContext(context));
  out.ready.push_back(ready - begin);
  out.cell.push_back(run.finished_ns - ready);
  out.deleted.push_back(NowNs() - deleting);
  return absl::OkStatus();
}

struct FirstCommandSamples {
  Samples create, command, destroy;
  int from_pool = 0;
};

absl::Status FirstCommandOnce(SessionClient& client, const Target& target,
                              const std::vector<std::string>& arguments, FirstCommandSamples& out) {
  WARREN_RETURN_IF_ERROR(Settle(client));
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  int64_t created = NowNs();
  WARREN_ASSIGN_OR_RETURN(int64_t exited, client.RunCommand(sandbox.sandbox_id(), arguments));
  int64_t destroying = NowNs();
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  out.create.push_back(created - begin);
  out.command.push_back(exited - created);
  out.destroy.push_back(NowNs() - destroying);
  out.from_pool += sandbox.from_pool() ? 1 : 0;
  return absl::OkStatus();
}

struct PauseSamples {
  Samples pause, resume;
};

absl::Status PauseOnce(SessionClient& client, const std::string& sandbox_id, const Cell& still,
                       PauseSamples& out) {
  WARREN_RETURN_IF_ERROR(Settle(client));
  int64_t pausing = NowNs();
  WARREN_RETURN_IF_ERROR(client.Pause(sandbox_id));
  int64_t paused = NowNs();
  WARREN_RETURN_IF_ERROR(Settle(client));
  int64_t resuming = NowNs();
  WARREN_RETURN_IF_ERROR(client.Resume(sandbox_id));
  int64_t resumed = NowNs();
  WARREN_RETURN_IF_ERROR(client.Run(sandbox_id, still).status());
  out.pause.push_back(paused - pausing);
  out.resume.push_back(resumed - resuming);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureContexts(const Target& target, const Cell& cell, int count,
                                               int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(client.Run(sandbox.sandbox_id(), cell).status());
  ContextSamples ignored, out;
  for (int i = -warmup; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(ContextOnce(client, sandbox.sandbox_id(), cell, i < 0 ? ignored : out));
  }
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return nlohmann::json{{"ready", out.ready}, {"cell", out.cell}, {"delete", out.deleted}};
}

absl::StatusOr<nlohmann::json> MeasureCommands(const Target& target,
                                               const std::vector<std::string>& arguments, int count,
                                               int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(client.RunCommand(sandbox.sandbox_id(), arguments).status());
  WARREN_RETURN_IF_ERROR(Settle(client));
  Samples times;
  for (int i = -warmup; i < count; ++i) {
    int64_t begin = NowNs();
    WARREN_ASSIGN_OR_RETURN(int64_t exited, client.RunCommand(sandbox.sandbox_id(), arguments));
    if (i >= 0) times.push_back(exited - begin);
  }
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return nlohmann::json{{"command", times}};
}

absl::StatusOr<nlohmann::json> MeasureFirstCommands(const Target& target,
                                                    const std::vector<std::string>& arguments,
                                                    int count, int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  FirstCommandSamples ignored, out;
  for (int i = -warmup; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(FirstCommandOnce(client, target, arguments, i < 0 ? ignored : out));
  }
  return nlohmann::json{{"create", out.create},
                        {"command", out.command},
                        {"destroy", out.destroy},
                        {"from_pool", out.from_pool}};
}

absl::StatusOr<nlohmann::json> MeasurePauses(const Target& target, const Cell& busy,
                                             const Cell& still, int count, int warmup) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(client.Run(sandbox.sandbox_id(), busy).status());
  PauseSamples ignored, out;
  for (int i = -warmup; i < count; ++i) {
    WARREN_RETURN_IF_ERROR(PauseOnce(client, sandbox.sandbox_id(), still, i < 0 ? ignored : out));
  }
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return nlohmann::json{{"pause", out.pause}, {"resume", out.resume}};
}

}  // namespace warren::bench
