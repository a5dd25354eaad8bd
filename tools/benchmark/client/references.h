#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_REFERENCES_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_REFERENCES_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// What the figures are compared with: bare gRPC, a bare pipe, and programs started anew.
namespace warren::bench {

// Serves warren/v1 without any sandbox behind it, until standard input ends: CreateSandbox answers
// at once, ExecuteCode too; or, with max_output_bytes, streams so many bytes in chunks of the size
// that its code says. Files: reference_files.h. Prints "ready" when it listens.
absl::Status ServeReference(const std::string& address);

// Calls of the reference server without a pause between them: "echo".
absl::StatusOr<nlohmann::json> MeasureEcho(const std::string& address, int count, int warmup);

// A byte to another process and back through two pipes: "round_trip". To be called before the
// process has a thread, for it forks.
absl::StatusOr<nlohmann::json> MeasurePipe(int count, int warmup);

// Starts a program again and again: "ready" until its standard output holds `until`, "reaped" until
// it has ended.
absl::StatusOr<nlohmann::json> MeasureSpawn(const std::vector<std::string>& arguments,
                                            const std::string& until, int count, int warmup);

// A fork whose child executes a program that says nothing: "reaped" until it has ended. As
// MeasurePipe, before the process has a thread.
absl::StatusOr<nlohmann::json> MeasureForkExec(const std::vector<std::string>& arguments, int count,
                                               int warmup);

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_REFERENCES_H_
