#ifndef WARREN_SUPERVISOR_FAKE_FAKE_PACKAGES_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_PACKAGES_H_

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"

namespace warren {

// The packages of a fake backend: a store in memory, and what each of its sandboxes has of it.
// Requirements are "NAME==VERSION" or "NAME", which is "1.0" where no constraint says otherwise;
// nothing needs anything else. The events are RESOLVING, FETCHING for each package, MOUNTING and
// Done; what was resolved before and is there still is cached, and MOUNTING alone.
//
// Names that something comes of: "denied" (PERMISSION_DENIED), "missing" (FAILED_PRECONDITION),
// "hanging", which resolves until it is cancelled, and "clashing", one of whose files another has.
//
// Thread-safe. Lifecycle: constructor → use → End; what hangs holds it.
class FakePackages : public std::enable_shared_from_this<FakePackages> {
 public:
  static constexpr int64_t kPackageBytes = 1000;
  static constexpr int kPackageFiles = 3;
  static constexpr int64_t kMaxBytes = 1 << 30;

  // By name.
  using Packages = std::map<std::string, std::string>;

  // `what` is valid. An empty `sandbox_id`: into the store alone.
  std::unique_ptr<Operation> Install(const std::string& sandbox_id,
                                     const v1::PackageRequirements& what,
                                     std::shared_ptr<InstallSink> sink);
  Packages InstalledIn(const std::string& sandbox_id) const;
  // The sandbox is gone, and uses nothing any more.
  void Leave(const std::string& sandbox_id);

  v1::ListStoredPackagesResponse List() const;
  v1::PruneStoredPackagesResponse Prune(absl::Duration unused_for);
  v1::VerifyStoredPackagesResponse Verify();
  // It is not what it was any more: Verify removes it.
  void Spoil(const std::string& name);

  // Installations that hang.
  size_t hanging() const;
  // They end.
  void End();

 private:
  class InstallOperation;
  struct Set {
    Packages packages;
    absl::Time used_at;
    // Ids of sandboxes.
    std::set<std::string> users;
  };
  using SharedSink = std::shared_ptr<InstallSink>;

  // Told RESOLVING and FETCHING, and the last event is in the answer.
  absl::StatusOr<v1::InstallPackageEvent> Run(const std::string& sandbox_id,
                                              const v1::PackageRequirements& what,
                                              InstallSink& sink);
  absl::Status CheckAgainst(const Packages& packages, const Packages& installed) const;
  bool IsCachedLocked(const Packages& packages) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LeaveLocked(const std::string& sandbox_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Ends it, if it has not ended.
  void Stop(const SharedSink& sink);

  mutable Mutex mu_;
  // Names with versions; whether they are spoilt.
  std::map<std::pair<std::string, std::string>, bool> stored_ ABSL_GUARDED_BY(mu_);
  // By digest.
  std::map<std::string, Set> sets_ ABSL_GUARDED_BY(mu_);
  // What requests came to.
  std::set<Packages> resolved_ ABSL_GUARDED_BY(mu_);
  // By the sandbox's id.
  std::map<std::string, Packages> installed_ ABSL_GUARDED_BY(mu_);
  std::list<SharedSink> hanging_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_PACKAGES_H_
