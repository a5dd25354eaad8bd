#ifndef WARREN_SUPERVISOR_PACKAGES_PACKAGE_INSTALLER_H_
#define WARREN_SUPERVISOR_PACKAGES_PACKAGE_INSTALLER_H_

#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/packages/package_policy.h"
#include "supervisor/backend/backend.h"
#include "supervisor/packages/builder_places.h"
#include "supervisor/packages/dependency_finder.h"
#include "supervisor/packages/fetcher_link.h"
#include "supervisor/packages/package_build.h"
#include "supervisor/packages/package_request.h"
#include "supervisor/packages/store_link.h"
#include "supervisor/pool/pool.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_host.h"
#include "warren/config/package.pb.h"
#include "warren/v1/package.pb.h"

namespace warren {

class Installation;

// Installs packages into sandboxes: decides, looks into the store, has built what is not there, and
// mounts. What several ask alike at the same time is built once. One sandbox's installations come
// one after the other.
//
// Install, Prefetch, List, Prune and Verify are for any thread; the rest is the IO thread's. It
// outlives its installations, and all that it is given outlives it.
class PackageInstaller {
 public:
  struct Parts {
    config::PackagePolicy policy;
    // Of builders; valid.
    warren::v1::Limits limits;
    // Of what finds dependencies for users' own programs: any template that has pip.
    std::string template_id;
    std::string python;
    // Why nothing can be installed; empty where it can.
    std::string unavailable;
  };
  // What an installation is for.
  struct Target {
    // Null to fetch alone.
    std::shared_ptr<Sandbox> sandbox;
    ResolutionScope scope;
    std::string python;
    std::vector<std::string> preload;
  };

  // INVALID_ARGUMENT: the policy cannot be understood.
  static absl::StatusOr<std::unique_ptr<PackageInstaller>> Make(SandboxHost& host, Pool& pool,
                                                                Parts parts);

  std::unique_ptr<Operation> Install(Target target, const warren::v1::PackageRequirements& what,
                                     std::shared_ptr<InstallSink> sink);
  void List(Reply<warren::v1::ListStoredPackagesResponse> reply);
  void Prune(int64_t unused_seconds, Reply<warren::v1::PruneStoredPackagesResponse> reply);
  void Verify(Reply<warren::v1::VerifyStoredPackagesResponse> reply);
  // Why nothing can be installed; empty where it can.
  const std::string& unavailable() const { return unavailable_; }

  // ---- The launcher's events
  void OnStoreStarted(UniqueFd socket) { store_.Start(std::move(socket)); }
  void OnFetcherStarted(UniqueFd socket) { fetcher_.Start(std::move(socket)); }
  void OnSandboxGone(const std::string& sandbox_id);
  // The supervisor is stopping: whoever waits is told so.
  void EndInstallations();
  void Close();

  // ---- For its installations
  // Begins it when no other of its sandbox is under way. RESOURCE_EXHAUSTED: too many wait.
  void Begin(std::shared_ptr<Installation> installation);
  void OnEnded(const Installation& installation);
  // Empty where it has none.
  const InstalledPackages& InstalledIn(const std::string& sandbox_id);
  void SetInstalled(const std::string& sandbox_id, InstalledPackages installed);
  // In use in the store until the sandbox ends.
  void NoteMounted(const std::string& sandbox_id, const std::string& digest);
  // That which is under way, or a new one.
  std::shared_ptr<PackageBuild> Build(PackageBuild::What what, PackageBuild::Listener listener,
                                      uint64_t* number);
  StoreLink& store() { return store_; }
  SandboxHost& host() { return host_; }
  Pool& pool() { return build_host_.pool; }
  const config::PackagePolicy& policy() const { return policy_; }
  const warren::v1::Limits& builder_limits() const { return limits_; }

 private:
  // Waiting and under way, of one sandbox, and of all.
  static constexpr size_t kMaxOfSandbox = 8;
  static constexpr size_t kMaxOfAll = 256;
  static constexpr size_t kBuilders = 4;

  struct OfSandbox {
    InstalledPackages installed;
    // Sets that are mounted there, in use in the store for as long as it lives.
    std::vector<std::string> mounted;
    // The first one is under way.
    std::vector<std::shared_ptr<Installation>> installations;
    bool gone = false;
  };

  PackageInstaller(SandboxHost& host, Pool& pool, Parts parts, PackageRules rules);
  void ForgetIfDone(const std::string& sandbox_id);
  // RESOURCE_EXHAUSTED by `on_reply` where too many are asked.
  void Ask(internal::StoreRequest request, StoreLink::Callback on_reply);

  SandboxHost& host_;
  const config::PackagePolicy policy_;
  const PackageRules rules_;
  const warren::v1::Limits limits_;
  const std::string unavailable_;
  StoreLink store_;
  FetcherLink fetcher_;
  DependencyFinder finder_;
  BuilderPlaces places_;
  BuildHost build_host_;
  std::unordered_map<std::string, OfSandbox> sandboxes_;
  std::set<std::shared_ptr<Installation>> under_way_;
  // Lists, prunes and verifications that are not answered.
  size_t questions_ = 0;
  // By their digests.
  std::map<std::string, std::weak_ptr<PackageBuild>> builds_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_PACKAGE_INSTALLER_H_
