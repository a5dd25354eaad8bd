#ifndef WARREN_RUNTIME_STORE_PACKAGE_CHECKER_H_
#define WARREN_RUNTIME_STORE_PACKAGE_CHECKER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "runtime/store/remover.h"
#include "runtime/store/store_share.h"

namespace warren {

// Says whether packages are whole: of this process, or hashed by it. One that is not is removed,
// and the sets that have it. For the loop's thread.
class PackageChecker {
 public:
  using Urgency = WorkerPool::Urgency;
  using Waiter = CatalogEntry::Waiter;
  using OnMissing = absl::AnyInvocable<void(const std::vector<std::string>&)>;

  PackageChecker(StoreShare& share, Remover& remover) : share_(share), remover_(remover) {}

  // Of each that was removed because it does not match.
  void OnDamaged(std::function<void(const internal::StoredPackage&)> on_damaged) {
    on_damaged_ = std::move(on_damaged);
  }
  // Whether it is there and whole; hashed where that is not known yet.
  void Ensure(const std::string& key, Urgency urgency, Waiter waiter);
  // Which of them are not, in their order.
  void EnsureAll(const std::vector<std::string>& keys, Urgency urgency, OnMissing on_missing);
  // Hashes it in any case. Until that is done it counts as it did.
  void CheckAgain(const std::string& key, Waiter waiter);
  // Somebody waits now for a check that was asked for.
  void Hurry(const std::string& key);

 private:
  void Start(CatalogPackage& package, Urgency urgency);
  void OnChecked(const std::string& key, uint64_t serial, const absl::Status& status);

  StoreShare& share_;
  Remover& remover_;
  std::function<void(const internal::StoredPackage&)> on_damaged_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_PACKAGE_CHECKER_H_
