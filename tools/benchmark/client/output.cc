// A flood of output, and what it does to the supervisor's memory.
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {

absl::StatusOr<nlohmann::json> MeasureOutput(const Target& target, const Cell& cell, int64_t bytes,
                                             pid_t supervisor) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  WARREN_RETURN_IF_ERROR(WaitForFullPools(client));
  WARREN_RETURN_IF_ERROR(ResetPeakRss(supervisor));
  WARREN_ASSIGN_OR_RETURN(int64_t before, PeakRssBytes(supervisor));
  Cell flood = cell;
  flood.max_output_bytes = 2 * bytes;
  WARREN_ASSIGN_OR_RETURN(CellRun run, client.Run(sandbox.sandbox_id(), flood));
  WARREN_ASSIGN_OR_RETURN(int64_t peak, PeakRssBytes(supervisor));
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  if (run.output_bytes < bytes) {
    return absl::DataLossError(
        absl::StrCat("receive ", bytes, " bytes of output: only ", run.output_bytes, " arrived"));
  }
  return nlohmann::json{{"bytes", run.output_bytes},
                        {"elapsed", run.finished_ns - run.started_ns},
                        {"supervisor_rss_before_bytes", before},
                        {"supervisor_rss_peak_bytes", peak}};
}

}  // namespace warren::bench
