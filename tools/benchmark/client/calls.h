#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_CALLS_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_CALLS_H_

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// What every call of the measuring clients has in common.
namespace warren::bench {

inline void SetTimeout(grpc::ClientContext& context, std::chrono::seconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

// The code is in the message, for that is all that the harness sees: a server that lacks a service
// says nothing else.
inline absl::Status FromGrpc(absl::string_view what, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  auto code = static_cast<absl::StatusCode>(status.error_code());
  return absl::Status(
      code, absl::StrCat(what, ": ", absl::StatusCodeToString(code), ": ", status.error_message()));
}

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_CALLS_H_
