#ifndef WARREN_SUPERVISOR_E2B_ENVD_PROCESS_EVENTS_H_
#define WARREN_SUPERVISOR_E2B_ENVD_PROCESS_EVENTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/session/termination.h"
#include "warren/e2b/process.pb.h"
#include "warren/v1/process.pb.h"

// Between Warren's messages about processes and envd's, seen from its client: pure.
namespace warren {

// "p17" of the pid 17: envd knows processes by that alone.
std::string CloudProcessId(uint32_t pid);
// NOT_FOUND for what is none of these.
absl::StatusOr<uint32_t> CloudPid(absl::string_view process_id);

// `request` is valid.
e2b::StartRequest ToEnvdStart(const v1::StartProcessRequest& request);

// Why envd did not start a process, in the contract's codes: that the program or the directory is
// not there is no mistake in the request.
absl::Status CloudStartStatus(const absl::Status& status);

// What a data event says, in parts as an event of ours may be long.
std::vector<v1::ProcessEvent> ToOutputEvents(e2b::ProcessEvent::DataEvent data);

// The number of "killed", "signal: killed (core dumped)", "signal 34"; 0 where it is none.
int SignalOfWords(absl::string_view status);

// How it ended, and why it was made to; `cut`: it said more than it might.
enum class OutputCut { kNo, kYes };
v1::Termination CloudTermination(const e2b::ProcessEvent::EndEvent& end, StopReason stop,
                                 OutputCut cut);

v1::Process ToListedProcess(const e2b::ProcessInfo& info);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_PROCESS_EVENTS_H_
