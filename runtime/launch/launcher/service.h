#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_H_

#include "absl/status/status.h"
#include "runtime/launch/launcher/resources.h"
#include "runtime/launch/launcher/service_process.h"

namespace warren {

// What is one service's own, of what its keeper does for all of them alike.
class Service {
 public:
  virtual ~Service() = default;

  virtual const ServiceSource& source() const = 0;
  // What its end means, for the log.
  virtual const char* effect_of_end() const = 0;
  // Sends a new process its set-up. Whatever else an earlier one was told is untold again.
  virtual absl::Status SetUp(const LaunchResources& resources, ServiceProcess& process) = 0;
  // Whether there is something that the process does not know yet, and sends the next of it.
  virtual bool HasUntold() const = 0;
  virtual absl::Status TellNext(ServiceProcess& process) = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_SERVICE_H_
