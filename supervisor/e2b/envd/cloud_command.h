#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_COMMAND_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_COMMAND_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/envd/envd_stream.h"

namespace warren {

// A short command that does in a sandbox what envd has no call for.
//
// Of the loop's thread. Kept by what it waits for.
class CloudCommand final : public EnvdStreamListener,
                           public std::enable_shared_from_this<CloudCommand> {
 public:
  struct Spec {
    // The program first.
    std::vector<std::string> arguments;
    std::string user;
  };
  struct Outcome {
    // -1 where it did not exit by itself.
    int exit_code = -1;
    // The beginning of what it said on its standard error, on one line.
    std::string words;
  };
  using OnOutcome = absl::AnyInvocable<void(absl::StatusOr<Outcome>)>;
  // A status where it did not start, or how it ended is not known.
  static void Run(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, const Spec& spec,
                  OnOutcome on_outcome);

  CloudCommand(std::shared_ptr<Cloud> cloud, CloudSandboxRef sandbox, OnOutcome on_outcome)
      : cloud_(std::move(cloud)),
        sandbox_(std::move(sandbox)),
        on_outcome_(std::move(on_outcome)) {}

  absl::StatusOr<Flow> OnMessage(absl::string_view json) override;
  void OnStreamEnd(EnvdStreamEnd end) override;

 private:
  const std::shared_ptr<Cloud> cloud_;
  const CloudSandboxRef sandbox_;
  OnOutcome on_outcome_;
  Outcome outcome_;
  bool ended_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_COMMAND_H_
