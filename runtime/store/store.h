#ifndef WARREN_RUNTIME_STORE_STORE_H_
#define WARREN_RUNTIME_STORE_STORE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "runtime/store/package_adder.h"
#include "runtime/store/package_checker.h"
#include "runtime/store/remover.h"
#include "runtime/store/set_keeper.h"
#include "runtime/store/store_door.h"
#include "runtime/store/store_share.h"
#include "runtime/store/store_verifier.h"
#include "warren/internal/store.pb.h"

namespace warren {

// The package store: keeps unpacked packages and sets of them in a directory that it alone writes,
// and does what its supervisor asks (store.proto). It ends with its launcher or its supervisor, and
// with whatever it cannot understand of theirs.
//
// Lifecycle: Prepare → (the process gives up its files and privileges, with one thread still) →
// Run, on the same thread, which is the loop's → destructor.
class Store {
 public:
  // `launcher`: its control socket, or none in tests.
  static absl::StatusOr<std::unique_ptr<Store>> Prepare(const internal::StoreSetup& setup,
                                                        UniqueFd launcher, UniqueFd supervisor);
  ~Store();

  // `directory`: the store's, open for reading. Until the launcher or the supervisor is gone: OK.
  // An error: what could not be understood, or a directory that cannot be used.
  absl::Status Run(UniqueFd directory);

 private:
  struct Settings {
    int64_t max_bytes = 0;
    double pace = 1;
    // TestLayer bits; 0 but in test builds.
    uint32_t layers_off = 0;
  };
  // What is there while it runs; each of them knows those before it.
  struct Parts {
    Parts(IoLoop& loop, std::unique_ptr<StopSignal> stop, std::unique_ptr<StoreDirectory> directory,
          const Settings& settings);
    ~Parts();

    StoreShare share;
    Remover remover{share};
    PackageChecker checker{share, remover};
    SetKeeper sets{share, checker, remover};
    PackageAdder adder;
    StoreVerifier verifier{share, checker, sets};
  };

  Store(std::unique_ptr<IoLoop> loop, std::unique_ptr<StopSignal> stop, const Settings& settings,
        UniqueFd launcher, UniqueFd supervisor);

  absl::Status Load();
  void LoadPackage(const std::string& key);
  void LoadSet(const std::string& digest);
  void LoadResolution(const std::string& request_digest);
  void DropResolution(const std::string& request_digest);

  void OnRequest(internal::StoreRequest request, UniqueFd socket);
  void FindResolution(uint64_t id, const std::string& request_digest);
  void HasPackages(uint64_t id, const internal::HasPackages& request);
  void AddPackage(uint64_t id, internal::AddPackage request, UniqueFd socket);
  void MakeSet(uint64_t id, const internal::MakeSet& request);
  void OnSetMade(uint64_t id, const std::string& digest, const internal::MakeSet& request,
                 const absl::Status& status);
  void Remember(const internal::MakeSet& request, const std::string& digest);
  void UseSet(uint64_t id, const std::string& digest);
  void List(uint64_t id);
  void Prune(uint64_t id, int64_t unused_seconds);
  void Verify(uint64_t id);
  // Used just now, on disk too.
  void Touch(CatalogSet& set);
  void End(absl::Status status);

  std::unique_ptr<IoLoop> loop_;
  std::unique_ptr<StopSignal> stop_;
  const Settings settings_;
  UniqueFd launcher_;
  StoreDoor door_;
  absl::Status end_;
  // Its threads end before the loop.
  std::unique_ptr<Parts> parts_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_H_
