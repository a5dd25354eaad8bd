#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_SESSION_CLIENT_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_SESSION_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "warren/v1/execution.grpc.pb.h"
#include "warren/v1/package.grpc.pb.h"
#include "warren/v1/process.grpc.pb.h"
#include "warren/v1/sandbox.grpc.pb.h"

// One client of a server that speaks warren/v1, as any other would be: blocking calls over a
// channel and a connection of its own.
namespace warren::bench {

// A channel that shares no connection with another one of this process.
std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address);

// A cell and what shows that it did its work.
struct Cell {
  std::string code;
  // Must appear in what the cell printed, or in the text of its value. Empty: anything goes.
  std::string expect;
  // 0 for the server's default.
  int64_t max_output_bytes = 0;
  // Empty for the sandbox's default one.
  std::string context_id;
};

struct CellRun {
  // When the server said that the cell was handed to its context.
  int64_t started_ns = 0;
  // When the last event was there.
  int64_t finished_ns = 0;
  int64_t output_bytes = 0;
  // The first 64 KiB of what it printed, and of the text of its values.
  std::string text;
};

struct InstallRun {
  // When the server said that all is mounted.
  int64_t done_ns = 0;
  // Nothing had to be resolved or fetched.
  bool cached = false;
  // What it was at, "RESOLVING", and when it first said so; in that order.
  std::vector<std::pair<std::string, int64_t>> phases;
};

// Owner: one thread.
class SessionClient {
 public:
  explicit SessionClient(const std::string& address);

  // Connects; UNAVAILABLE when nobody answers within ten seconds.
  absl::Status Connect();

  absl::StatusOr<v1::Sandbox> Create(const v1::CreateSandboxRequest& request);
  // Runs a cell to its end. An outcome other than EXITED, or output without what was expected, is
  // an error: a benchmark must not time failures.
  absl::StatusOr<CellRun> Run(const std::string& sandbox_id, const Cell& cell);
  absl::Status Destroy(const std::string& sandbox_id);
  absl::StatusOr<v1::ListSandboxesResponse> List();
  // What is answered in another state than PAUSED, or RUNNING, is an error.
  absl::Status Pause(const std::string& sandbox_id);
  absl::Status Resume(const std::string& sandbox_id);
  absl::Status SetNetwork(const std::string& sandbox_id, const v1::NetworkPolicy& policy);

  // A further Python context; one that is answered dead is an error.
  absl::StatusOr<v1::Context> CreateContext(const std::string& sandbox_id);
  absl::Status DeleteContext(const v1::Context& context);

  // Runs a program to its end, without an input. As of a cell: whatever else than exit code 0 is an
  // error. The time at which Exited was there.
  absl::StatusOr<int64_t> RunCommand(const std::string& sandbox_id,
                                     const std::vector<std::string>& arguments);

  // A package and what it needs. A stream that ends without Done is an error.
  absl::StatusOr<InstallRun> Install(const std::string& sandbox_id, const std::string& requirement);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SandboxService::Stub> sandboxes_;
  std::unique_ptr<v1::ExecutionService::Stub> executions_;
  std::unique_ptr<v1::ContextService::Stub> contexts_;
  std::unique_ptr<v1::ProcessService::Stub> processes_;
  std::unique_ptr<v1::PackageService::Stub> packages_;
};

// Waits until every warm pool holds as many ready sandboxes as it aims at, and makes no more.
absl::Status WaitForFullPools(SessionClient& client);
// The same, and until what the last destroy left behind is cleared away: what is timed from idle.
absl::Status Settle(SessionClient& client);

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_SESSION_CLIENT_H_
