#ifndef WARREN_RUNTIME_STORE_PACKAGE_ADDER_H_
#define WARREN_RUNTIME_STORE_PACKAGE_ADDER_H_

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/store/package_checker.h"
#include "runtime/store/package_receiver.h"
#include "runtime/store/remover.h"
#include "runtime/store/store_share.h"
#include "warren/internal/store.pb.h"

namespace warren {

// Has packages received; of one key one at a time, and the others wait for what comes of it. For
// the loop's thread.
class PackageAdder {
 public:
  using OnAdded = std::function<void(const absl::StatusOr<internal::StoredPackage>&)>;

  // `layers_off`: TestLayer bits.
  PackageAdder(StoreShare& share, PackageChecker& checker, Remover& remover, double pace,
               uint32_t layers_off)
      : share_(share), checker_(checker), remover_(remover), pace_(pace), layers_off_(layers_off) {}

  // The request is a sound one. Where the package is there, nothing is read.
  void Add(internal::AddPackage request, UniqueFd socket, OnAdded on_added);

 private:
  struct Asked {
    internal::AddPackage request;
    UniqueFd socket;
    OnAdded on_added;
  };

  // Used just now, on disk too.
  void Touch(CatalogPackage& package);
  void Ask(Asked asked);
  void Start(Asked asked);
  void OnReceived(const std::string& key, const OnAdded& on_added,
                  absl::StatusOr<ReceivedPackage> received);
  ReceiveBounds BoundsOf(const internal::AddPackage& request) const;

  StoreShare& share_;
  PackageChecker& checker_;
  Remover& remover_;
  const double pace_;
  const uint32_t layers_off_;
  // Keys that are being received, and who waits for the same.
  std::unordered_map<std::string, std::deque<Asked>> receiving_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_PACKAGE_ADDER_H_
