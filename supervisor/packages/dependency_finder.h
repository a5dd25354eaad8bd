#ifndef WARREN_SUPERVISOR_PACKAGES_DEPENDENCY_FINDER_H_
#define WARREN_SUPERVISOR_PACKAGES_DEPENDENCY_FINDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "supervisor/packages/builder.h"
#include "supervisor/packages/builder_places.h"
#include "warren/internal/fetcher.pb.h"

namespace warren {

// Finds out what the files need that users' own programs have fetched, so that these may have it
// too: a builder reads their metadata. One after another, beside the builders of installations.
//
// IO thread only. It outlives its builders, and what it is given outlives it.
class DependencyFinder {
 public:
  // `learned`: names, perhaps none. `answered`: the question is done with; always told.
  struct Callbacks {
    std::function<void(const std::vector<std::string>& names)> learned;
    std::function<void(uint64_t wanted)> answered;
  };

  DependencyFinder(SandboxHost& host, Pool& pool, Builder::Task task, Callbacks callbacks)
      : host_(host), pool_(pool), task_(std::move(task)), callbacks_(std::move(callbacks)) {}

  void Find(const internal::DependenciesWanted& wanted);

 private:
  // Questions beyond so many are answered unasked; files beyond so many are forgotten.
  static constexpr size_t kMaxWaiting = 64;
  static constexpr size_t kMaxKnown = 65536;

  void Run(const internal::DependenciesWanted& wanted, BuilderPlaces::Place place);

  SandboxHost& host_;
  Pool& pool_;
  // But for its job.
  const Builder::Task task_;
  const Callbacks callbacks_;
  BuilderPlaces places_{1};
  size_t waiting_ = 0;
  // Digests of files whose needs were learned.
  std::set<std::string> known_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_DEPENDENCY_FINDER_H_
