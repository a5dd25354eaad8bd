#ifndef WARREN_SUPERVISOR_E2B_ENVD_ENVD_STATE_H_
#define WARREN_SUPERVISOR_E2B_ENVD_ENVD_STATE_H_

#include <cstdint>
#include <map>
#include <memory>

#include "supervisor/e2b/base/cloud_sandbox.h"
#include "supervisor/e2b/envd/process_requests.h"

namespace warren {

class CloudInput;

// What is known here of a process of the cloud's, beside what envd tells.
struct KnownCloudProcess {
  // Whether its input is a terminal's; where it was not started here that is found out by writing.
  enum class Input { kUnknown, kPipe, kTerminal };
  Input input = Input::kUnknown;
  // Connected by this server.
  int clients = 0;
};

// What is known here of the processes of a sandbox. Of the loop's thread.
struct EnvdState {
  static constexpr size_t kMaxKnownProcesses = 1024;

  ProcessRequests requests;
  // By their pids.
  std::map<uint32_t, KnownCloudProcess> processes;
  // Those that something waits for.
  std::map<uint32_t, std::shared_ptr<CloudInput>> inputs;

  // What is known of it. A pid that nobody is connected to is forgotten where there are too many.
  KnownCloudProcess& Know(uint32_t pid) {
    if (processes.size() >= kMaxKnownProcesses && processes.count(pid) == 0) {
      for (auto each = processes.begin(); each != processes.end(); ++each) {
        if (each->second.clients > 0) continue;
        processes.erase(each);
        break;
      }
    }
    return processes[pid];
  }
};

inline EnvdState& EnvdStateOf(CloudSandbox& sandbox) {
  if (sandbox.envd == nullptr) sandbox.envd = std::make_shared<EnvdState>();
  return *sandbox.envd;
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_ENVD_STATE_H_
