// Files that are written into a sandbox and read from it, through its agent.
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/benchmark/client/host_view.h"
#include "tools/benchmark/client/samples.h"
#include "tools/benchmark/client/scenarios.h"

namespace warren::bench {
namespace {

// The file once both ways, which starts the agent and shows that every byte arrives. The file
// stays.
absl::StatusOr<Transfer> TryOut(FileClient& files, const TestFile& file) {
  WARREN_ASSIGN_OR_RETURN(Transfer written, files.Write(file));
  WARREN_ASSIGN_OR_RETURN(Transfer read, files.Read(file, Compare::kAll));
  if (read.sha256 != written.sha256) {
    return absl::DataLossError("read a file: its digest is not that of what was written");
  }
  return read;
}

// The memory of the supervisor, if one is named, while files are moved.
class Growth {
 public:
  explicit Growth(pid_t supervisor) : supervisor_(supervisor) {}

  absl::Status Begin() {
    if (supervisor_ == 0) return absl::OkStatus();
    WARREN_RETURN_IF_ERROR(ResetPeakRss(supervisor_));
    WARREN_ASSIGN_OR_RETURN(before_, PeakRssBytes(supervisor_));
    return absl::OkStatus();
  }

  absl::Status End(nlohmann::json& out) {
    if (supervisor_ == 0) return absl::OkStatus();
    WARREN_ASSIGN_OR_RETURN(int64_t peak, PeakRssBytes(supervisor_));
    out["supervisor_rss_before_bytes"] = before_;
    out["supervisor_rss_peak_bytes"] = peak;
    return absl::OkStatus();
  }

 private:
  pid_t supervisor_;
  int64_t before_ = 0;
};

// In the place of the one before, for whose bytes and its own there need not be room.
absl::StatusOr<int64_t> TimedWrite(FileClient& files, const TestFile& file) {
  WARREN_RETURN_IF_ERROR(files.Remove(file));
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(Transfer written, files.Write(file));
  return written.finished_ns - begin;
}

absl::StatusOr<int64_t> TimedRead(FileClient& files, const TestFile& file) {
  int64_t begin = NowNs();
  WARREN_ASSIGN_OR_RETURN(Transfer read, files.Read(file, Compare::kEnds));
  return read.finished_ns - begin;
}

// Of a file that is there.
absl::StatusOr<Samples> Repeat(FileClient& files, const FilesPlan& plan) {
  Samples times;
  for (int i = -plan.warmup; i < plan.count; ++i) {
    absl::StatusOr<int64_t> time = plan.direction == FilesPlan::Direction::kRead
                                       ? TimedRead(files, plan.file)
                                       : TimedWrite(files, plan.file);
    WARREN_RETURN_IF_ERROR(time.status());
    if (i >= 0) times.push_back(*time);
  }
  return times;
}

}  // namespace

absl::StatusOr<nlohmann::json> MeasureFiles(const Target& target, const FilesPlan& plan) {
  SessionClient client(target.address);
  WARREN_RETURN_IF_ERROR(client.Connect());
  WARREN_ASSIGN_OR_RETURN(v1::Sandbox sandbox, client.Create(target.create));
  FileClient files(client.channel(), sandbox.sandbox_id());
  WARREN_ASSIGN_OR_RETURN(Transfer tried, TryOut(files, plan.file));
  WARREN_RETURN_IF_ERROR(Settle(client));
  Growth growth(plan.supervisor);
  WARREN_RETURN_IF_ERROR(growth.Begin());
  WARREN_ASSIGN_OR_RETURN(Samples times, Repeat(files, plan));
  nlohmann::json out = {{"transfer", times}, {"bytes", plan.file.bytes}, {"chunk", tried.chunk}};
  WARREN_RETURN_IF_ERROR(growth.End(out));
  WARREN_RETURN_IF_ERROR(client.Destroy(sandbox.sandbox_id()));
  return out;
}

}  // namespace warren::bench
