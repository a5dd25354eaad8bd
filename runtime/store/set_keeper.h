#ifndef WARREN_RUNTIME_STORE_SET_KEEPER_H_
#define WARREN_RUNTIME_STORE_SET_KEEPER_H_

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/store/package_checker.h"
#include "runtime/store/remover.h"
#include "runtime/store/set_tree.h"
#include "runtime/store/store_share.h"

namespace warren {

// Makes sets of packages, and says whether those that are there are whole; one that is not is made
// again. For the loop's thread.
class SetKeeper {
 public:
  using Urgency = WorkerPool::Urgency;
  using Waiter = CatalogEntry::Waiter;
  using OnMade = std::function<void(const absl::Status&)>;
  using Packages = std::vector<internal::StoredPackage>;

  SetKeeper(StoreShare& share, PackageChecker& checker, Remover& remover)
      : share_(share), checker_(checker), remover_(remover) {}

  // Whether it is there and whole, afterwards.
  void Ensure(const std::string& digest, Urgency urgency, Waiter waiter);
  // Looks at it in any case.
  void CheckAgain(const std::string& digest, Waiter waiter);
  // There and whole when it is OK. FAILED_PRECONDITION: a package is not there.
  void Make(const std::string& digest, const Packages& packages, OnMade on_made);

 private:
  struct Pinned {
    std::string key;
    uint64_t serial = 0;
  };

  void StartCheck(CatalogSet& set, Urgency urgency);
  void OnPackages(const std::string& digest, uint64_t serial, Urgency urgency, bool whole);
  void OnChecked(const std::string& digest, uint64_t serial, const absl::StatusOr<int64_t>& blocks);
  void StartMake(const std::string& digest, const Packages& packages);
  void Link(const std::string& digest, const Packages& packages, std::vector<Pinned> pinned);
  void OnLinked(const std::string& digest, const std::vector<Pinned>& pinned,
                absl::StatusOr<MadeSet> made);
  std::vector<Pinned> Pin(const Packages& packages);
  // Whether all are still there.
  bool Unpin(const std::vector<Pinned>& pinned);
  void Finish(const std::string& digest, const absl::Status& status);

  StoreShare& share_;
  PackageChecker& checker_;
  Remover& remover_;
  // Being made, and who waits.
  std::unordered_map<std::string, std::vector<OnMade>> making_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_SET_KEEPER_H_
