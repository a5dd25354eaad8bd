#ifndef WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_CONVERT_H_
#define WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_CONVERT_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "warren/e2b/process.pb.h"
#include "warren/v1/process.pb.h"

// Between envd's messages about processes and Warren's: pure, and without a sandbox.
namespace warren {

// `user` as BasicUser says it; `timeout` is the life of the process. INVALID_ARGUMENT: a working
// directory that is another user's ("~name").
absl::StatusOr<v1::StartProcessRequest> ToStartProcess(e2b::StartRequest request,
                                                       const std::string& user,
                                                       std::optional<absl::Duration> timeout);

// What the backend says of a start that it refused, as envd does: a program or a directory that is
// not there is a mistake in the request, for "not found" is the sandbox.
absl::Status ToStartError(const absl::Status& status);

v1::Terminal ToTerminal(const e2b::Pty& pty);

e2b::ProcessInfo ToProcessInfo(const v1::Process& process);

// Of Started and Output; nothing for what envd has no event for.
std::optional<e2b::ProcessEventResponse> ToProcessEvent(v1::ProcessEvent event);

// How it ended, in the words of Go's os/exec, as clients know them: "exit status 1", "signal:
// killed".
e2b::ProcessEventResponse ToProcessEnd(const v1::Termination& termination);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_ENVD_PROCESS_CONVERT_H_
