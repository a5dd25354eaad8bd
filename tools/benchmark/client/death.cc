// A server that has others as its backends, and one of them dies.
#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

// Until the backend that is to die makes sandboxes: it may have just been started, and its circuit
// may be open for up to a minute.
absl::Status AwaitServing(SessionClient& client, const Target& target, const Cell& cell,
                          const std::string& backend) {
  constexpr int64_t kServingPatienceNs = 300'000'000'000;
  for (int64_t give_up = NowNs() + kServingPatienceNs;;) {
    WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
    WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox.sandbox_id(), cell));
    WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
    if (sandbox.backend() == backend) return absl::OkStatus();
    if (NowNs() > give_up) {
      return absl::DeadlineExceededError(absl::StrCat(
          "wait for ", backend, ": it makes no sandboxes; ", sandbox.backend(), " does"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureAfterDeath(const Target& target, const Cell& cell,
                                                 const DeathPlan& plan) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_RETURN_IF_ERROR(AwaitServing(client, target, cell, plan.backend));
  WARREN_RETURN_IF_ERROR(Settle(client));
  if (::kill(plan.victim, SIGKILL) != 0) {
    return absl::InternalError(absl::StrCat("kill ", plan.victim, ": ", std::strerror(errno)));
  }
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  int64_t created = NowNs();
  WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox.sandbox_id(), cell));
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return nlohmann::json{{"create", created - begin},
                        {"first_cell", run.finished_ns - begin},
                        {"backend", sandbox.backend()}};
}

}  // namespace warren::bench
