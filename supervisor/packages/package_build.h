#ifndef WARREN_SUPERVISOR_PACKAGES_PACKAGE_BUILD_H_
#define WARREN_SUPERVISOR_PACKAGES_PACKAGE_BUILD_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/packages/builder.h"
#include "supervisor/packages/builder_places.h"
#include "supervisor/packages/fetcher_link.h"
#include "supervisor/packages/package_request.h"
#include "supervisor/packages/store_link.h"
#include "supervisor/packages/unpacking.h"
#include "warren/config/package.pb.h"
#include "warren/v1/package.pb.h"

namespace warren {

// What builds take; outlives them.
struct BuildHost {
  SandboxHost& host;
  Pool& pool;
  StoreLink& store;
  FetcherLink& fetcher;
  BuilderPlaces& places;
  const PackageRules& rules;
  const config::PackagePolicy& policy;
};

// One resolution that the store does not have: pip finds out what it takes, what is missing is
// unpacked, each distribution in a sandbox of its own, and the store makes a set of it. Whoever
// asks the same meanwhile waits for the same build.
//
// IO thread only. Lifecycle: constructor → Join → Start → the end, which every listener is told
// once. It keeps itself until then. When the last listener leaves, it is given up.
class PackageBuild : public std::enable_shared_from_this<PackageBuild> {
 public:
  struct What {
    // Of the template.
    ResolutionScope scope;
    std::string python;
    std::vector<std::string> preload;
    warren::v1::Limits limits;
    Resolvable lines;
    std::string digest;
    bool refresh = false;
  };
  struct Listener {
    std::function<void(const warren::v1::InstallPackageEvent::Progress&)> on_progress;
    std::function<void(absl::StatusOr<internal::StoredSet>)> on_end;
  };

  PackageBuild(BuildHost& host, What what) : host_(host), what_(std::move(what)) {}

  uint64_t Join(Listener listener);
  // Nothing more is told to it.
  void Leave(uint64_t listener);
  void Start();
  bool ended() const { return ended_; }

 private:
  using Progress = warren::v1::InstallPackageEvent::Progress;
  void Resolve(BuilderPlaces::Place place);
  void OnResolverWord(BuilderWord word);
  void OnResolved(absl::Status status);
  absl::Status CheckResolved() const;
  void AskForMissing();
  void OnMissing(const internal::MissingPackages& missing);
  void UnpackNext();
  void OnUnpacked(absl::Status status);
  void MakeSet();
  void Tell(Progress::Phase phase, const std::string& text);
  void Finish(absl::StatusOr<internal::StoredSet> result);

  BuildHost& host_;
  const What what_;
  std::map<uint64_t, Listener> listeners_;
  uint64_t last_listener_ = 0;
  // Places that it waits for.
  std::vector<BuilderPlaces::Ticket> tickets_;
  bool ended_ = false;
  std::shared_ptr<Builder> resolver_;
  // What the resolver said last that was not progress.
  absl::StatusOr<BuilderResolved> resolved_ = absl::InternalError("the builder said nothing");
  internal::StoredSet set_;
  // Of resolved_, those that are still to be unpacked, and how many are being or were.
  std::vector<size_t> missing_;
  size_t total_ = 0;
  size_t done_ = 0;
  size_t under_way_ = 0;
  std::vector<std::shared_ptr<Unpacking>> unpackings_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_PACKAGES_PACKAGE_BUILD_H_
