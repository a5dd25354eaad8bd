#include <errno.h>

#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/linux/detached_mount.h"
#include "runtime/plan/launch_plan.h"

// The launcher's mounts of package sets: each comes by a helper, on top of those before, and goes
// with its sandbox.
namespace warren {
namespace {

static_assert(std::string_view(kPackagesMountPoint) == kPackagesDirectory);

// Every one is looked through when a path is followed to the newest.
constexpr int kMaxPackageMounts = 256;

absl::Status WhyNotMounted(const SetupResult& result) {
  if (result.stage == SetupStage::kNamespaces && result.error == ESRCH)
    return absl::FailedPreconditionError("the sandbox ended before the packages were there");
  const bool no_directory =
      result.error == ENOENT || result.error == ENOTDIR || result.error == ELOOP;
  if (result.stage == SetupStage::kAttachPackages && no_directory) {
    return absl::FailedPreconditionError(
        absl::StrCat("the sandbox has no directory ", kPackagesDirectory, " any more: make it"));
  }
  return absl::InternalError(
      absl::StrCat("mount packages: ",
                   absl::ErrnoToStatus(result.error, SetupStageName(result.stage)).message()));
}

TreeUse UseOf(const HelperSetup& setup) {
  return LayerIsOff(setup.layers_off, TestLayer::kPackageMounts) ? TreeUse::kReadAndWrite
                                                                 : TreeUse::kReadAndExecute;
}

}  // namespace

absl::Status Launcher::HandleMountPackages(uint64_t request_id,
                                           const internal::MountPackages& request) {
  const std::string& id = request.sandbox_id();
  WARREN_ASSIGN_OR_RETURN(LiveSandbox * sandbox, FindSandbox(id));
  if (services_->store() == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("this server has no package store: ", packages_unavailable_));
  }
  WARREN_ASSIGN_OR_RETURN(UniqueFd tree, services_->store()->OpenSet(request.set_digest()));
  if (sandbox->request_id != 0)
    return absl::FailedPreconditionError("the sandbox is still being made");
  WARREN_RETURN_IF_ERROR(CheckRuns(*sandbox));
  if (sandbox->package_mounts >= kMaxPackageMounts) {
    return absl::ResourceExhaustedError(
        absl::StrCat("packages were mounted ", kMaxPackageMounts,
                     " times in this sandbox, which is as often as may be"));
  }
  HelperSetup setup;
  setup.task = HelperTask::kMountPackages;
  setup.user_xattr = resources_.facts.tmpfs_user_xattr() ? 1 : 0;
  setup.layers_off = resources_.layers_off;
  WARREN_RETURN_IF_ERROR(CheckTasks(*sandbox, setup.task));
  WARREN_ASSIGN_OR_RETURN(UniqueFd user_namespace, OpenUserNamespace(sandbox->process->pidfd()));
  WARREN_ASSIGN_OR_RETURN(UniqueFd packages, CloneTree(tree.get(), "a package set", UseOf(setup),
                                                       user_namespace.get()));
  const int fd = packages.get();
  WARREN_RETURN_IF_ERROR(
      StartTask(*sandbox, setup, {&fd, 1}, [this, id, request_id](TaskOutcome outcome) {
        absl::Status status = outcome.status();
        if (status.ok() && !outcome->result.ok()) status = WhyNotMounted(outcome->result);
        if (!status.ok()) --sandboxes_.at(id).package_mounts;
        Reply(request_id, status);
      }));
  ++sandbox->package_mounts;
  return absl::OkStatus();
}

}  // namespace warren
