#ifndef WARREN_SUPERVISOR_E2B_COMMANDS_CLOUD_INSTALL_H_
#define WARREN_SUPERVISOR_E2B_COMMANDS_CLOUD_INSTALL_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/commands/command_run.h"
#include "supervisor/e2b/commands/install_report.h"

namespace warren {

// An installation of packages in a sandbox of the cloud's, by the pip that is there: pip says what
// it would take, the policy decides about each of these, and then exactly these are installed, by
// their digests. The sandbox reaches the index by itself, so its network must allow that; and what
// it runs besides can call pip too, so here the policy says what is meant to be there, and is no
// fence.
//
// Of the loop's thread, but for Start and Cancel. Keeps itself until its sink's End.
class CloudInstall final : public std::enable_shared_from_this<CloudInstall> {
 public:
  // INVALID_ARGUMENT, PERMISSION_DENIED: nothing is done.
  static absl::StatusOr<std::shared_ptr<CloudInstall>> Make(std::shared_ptr<Cloud> cloud,
                                                            std::shared_ptr<SandboxHandle> sandbox,
                                                            const v1::PackageRequirements& what,
                                                            std::shared_ptr<InstallSink> sink);

  void Start();
  void Cancel();

 private:
  CloudInstall(std::shared_ptr<Cloud> cloud, std::shared_ptr<SandboxHandle> sandbox,
               PackageRules rules, std::shared_ptr<InstallSink> sink)
      : cloud_(std::move(cloud)),
        sandbox_(std::move(sandbox)),
        rules_(std::move(rules)),
        sink_(std::move(sink)) {}

  using OnResult = void (CloudInstall::*)(const CommandResult& result);
  void Run(const char* script, std::string input, int32_t seconds, OnResult on_result);
  void OnPlanned(const CommandResult& result);
  void OnInstalled(const CommandResult& result);
  void Tell(v1::InstallPackageEvent::Progress::Phase phase, std::string text);
  void Done(bool cached);
  void Fail(absl::Status status);

  const std::shared_ptr<Cloud> cloud_;
  const std::shared_ptr<SandboxHandle> sandbox_;
  const PackageRules rules_;
  std::shared_ptr<InstallSink> sink_;
  std::string requirements_;
  std::string constraints_;
  // By their names.
  std::set<std::string> asked_;
  std::vector<PlannedPackage> plan_;
  std::unique_ptr<Operation> running_;
  bool cancelled_ = false;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_COMMANDS_CLOUD_INSTALL_H_
