#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_ZYGOTE_PROCESS_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_ZYGOTE_PROCESS_H_

#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/base/io.h"
#include "runtime/launch/child/setup.h"
#include "runtime/launch/launcher/resources.h"

namespace warren {

// A template's warmed Python.
// Lifecycle: Start → kReady message → Fork* → destructor, which closes its socket: it exits then.
// Its contexts live on.
class ZygoteProcess {
 public:
  static absl::StatusOr<std::unique_ptr<ZygoteProcess>> Start(LaunchResources& resources,
                                                              uint64_t id,
                                                              const LaunchTemplate& source);
  ~ZygoteProcess();
  ZygoteProcess(const ZygoteProcess&) = delete;
  ZygoteProcess& operator=(const ZygoteProcess&) = delete;

  uint64_t id() const { return id_; }
  const std::string& template_id() const { return template_id_; }
  // In the anchor's pid namespace.
  int32_t pid() const { return init_.pid; }
  // Readable when it says something or is gone.
  int control() const { return init_.control.get(); }

  // Nobody is at its end any more. It may be known so before the end of its process is.
  bool gone() const;
  // It has said something that was not received yet.
  bool has_said() const;

  // `fds` as JoinRequest says.
  absl::Status Fork(const JoinRequest& request, std::span<const int> fds);

  struct Event {
    ZygoteMessage message;
    std::string text;
    // kForked: of the context.
    UniqueFd pidfd;
  };
  // UNAVAILABLE when nothing is there; ABORTED when the zygote is gone or broke the protocol.
  absl::StatusOr<Event> Receive();
  // What Receive makes of a message. It comes from a process that shares memory pages with hostile
  // ones: nothing in it is trusted.
  static absl::StatusOr<Event> Parse(Message message, const std::string& template_id);

 private:
  ZygoteProcess(uint64_t id, std::string template_id, Cgroup cgroup, ClonedProcess init)
      : id_(id),
        template_id_(std::move(template_id)),
        cgroup_(std::move(cgroup)),
        init_(std::move(init)) {}

  uint64_t id_;
  std::string template_id_;
  Cgroup cgroup_;
  ClonedProcess init_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_ZYGOTE_PROCESS_H_
