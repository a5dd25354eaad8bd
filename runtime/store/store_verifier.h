#ifndef WARREN_RUNTIME_STORE_STORE_VERIFIER_H_
#define WARREN_RUNTIME_STORE_STORE_VERIFIER_H_

#include <functional>
#include <memory>
#include <vector>

#include "runtime/store/package_checker.h"
#include "runtime/store/set_keeper.h"
#include "runtime/store/store_share.h"
#include "warren/internal/store.pb.h"

namespace warren {

// Checks the whole store: behind what others wait for, and one run at a time. For the loop's
// thread.
class StoreVerifier {
 public:
  using OnVerified = std::function<void(const internal::StoreVerified&)>;

  StoreVerifier(StoreShare& share, PackageChecker& checker, SetKeeper& sets);

  // What this process has not checked yet, the most recently used first.
  void CheckNew();
  // Everything, whatever is known of it.
  void Verify(OnVerified on_verified);

 private:
  void StartRun();
  void VerifySets();
  void EndRun();
  void OnDamaged(const internal::StoredPackage& package);

  StoreShare& share_;
  PackageChecker& checker_;
  SetKeeper& sets_;
  // Of the run that is on.
  std::vector<OnVerified> running_;
  internal::StoreVerified result_;
  size_t left_ = 0;
  // For the next one.
  std::vector<OnVerified> waiting_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_VERIFIER_H_
