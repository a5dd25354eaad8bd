#ifndef WARREN_SUPERVISOR_PACKAGES_INSTALLATION_H_
#define WARREN_SUPERVISOR_PACKAGES_INSTALLATION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "supervisor/backend/backend.h"
#include "supervisor/packages/package_build.h"
#include "supervisor/packages/package_installer.h"
#include "supervisor/packages/package_request.h"
#include "supervisor/session/sandbox_use.h"

namespace warren {

// One InstallPackage or PrefetchPackages on its way: what the store remembers of it, else a build;
// then the mount.
//
// IO thread only. Lifecycle: constructor → PackageInstaller::Begin → Run → the sink's End.
class Installation final : public std::enable_shared_from_this<Installation> {
 public:
  Installation(PackageInstaller& installer, PackageInstaller::Target target, PackageRequest request,
               std::shared_ptr<InstallSink> sink);

  // Empty where it is for none.
  const std::string& sandbox_id() const { return sandbox_id_; }
  void Run();
  // With OK behind its Done.
  void Finish(absl::Status status);
  void Cancel() { Finish(absl::CancelledError("the installation was cancelled")); }
  void Resume() { paused_ = false; }

 private:
  // Its template's Python is not known before its zygote is warm.
  void FindVersion();
  void Begin();
  void LookUp();
  void Build();
  void OnSet(internal::StoredSet set);
  void Mount();
  void OnMounted(absl::Status status);
  void Conclude();
  void Push(warren::v1::InstallPackageEvent event);

  PackageInstaller& installer_;
  PackageInstaller::Target target_;
  const std::string sandbox_id_;
  const PackageRequest request_;
  // Null when it has ended.
  std::shared_ptr<InstallSink> sink_;
  SandboxUse use_;
  bool paused_ = false;
  Resolvable lines_;
  std::string digest_;
  bool cached_ = false;
  std::shared_ptr<PackageBuild> build_;
  uint64_t listener_ = 0;
  // The launcher is at it: until it answers, the next one of this sandbox waits.
  bool mounting_ = false;
  internal::StoredSet set_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_INSTALLATION_H_
