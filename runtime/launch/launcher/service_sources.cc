#include "runtime/launch/launcher/service_sources.h"

#include <fcntl.h>
#include <sys/random.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/base/user_ids.h"
#include "runtime/launch/launcher/launcher.h"
#include "runtime/launch/launcher/package_source.h"
#include "runtime/launch/launcher/package_store.h"
#include "runtime/linux/detached_mount.h"
#include "runtime/network/network_policy.h"

namespace warren {
namespace {

// Of the zygotes' ids, which no sandbox has. Relay and fetcher have their users among them
// (policies/profiles); the store has one id alone, which is no other's.
constexpr uint32_t kStoreId = 4;
constexpr size_t kLinkKeyBytes = 32;

absl::StatusOr<ServiceSource> FindProgram(const LauncherConfig& config, const std::string& name,
                                          const std::string& instead) {
  ServiceSource source;
  source.name = name;
  const std::string program =
      instead.empty() ? absl::StrCat(config.prefix, "/bin/warren-", name) : instead;
  source.program.reset(::open(program.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source.program.valid()) return Errno(absl::StrCat("open ", program));
  return source;
}

absl::StatusOr<std::optional<RelaySource>> FindRelay(const LauncherConfig& config,
                                                     const IdZones& ids) {
  RelaySource relay;
  WARREN_ASSIGN_OR_RETURN(relay.egress,
                          LoadEgressPolicy(EgressPolicyFile(config.prefix, config.egress_policy)));
  if (!relay.egress.enabled()) return std::nullopt;
  WARREN_ASSIGN_OR_RETURN(relay.service, FindProgram(config, "relay", config.relay_program));
  relay.service.first_id = ids.first_id();
  relay.service.id_count = kIdsPerSlot;
  return relay;
}

absl::StatusOr<FetcherSource> FindFetcher(const LauncherConfig& config, const IdZones& ids,
                                          PackageSource packages) {
  FetcherSource fetcher;
  WARREN_ASSIGN_OR_RETURN(fetcher.service, FindProgram(config, "fetcher", config.fetcher_program));
  fetcher.service.first_id = ids.first_id();
  fetcher.service.id_count = kIdsPerSlot;
  fetcher.packages = std::move(packages);
  fetcher.link_key.resize(kLinkKeyBytes);
  if (::getrandom(fetcher.link_key.data(), kLinkKeyBytes, 0) != kLinkKeyBytes)
    return Errno("make the fetcher's key");
  return fetcher;
}

absl::StatusOr<StoreSource> FindStore(const LauncherConfig& config, const IdZones& ids,
                                      PackageStore directory) {
  WARREN_ASSIGN_OR_RETURN(ServiceSource service,
                          FindProgram(config, "store", config.store_program));
  service.first_id = ids.first_id() + kStoreId;
  service.id_count = 1;
  service.network = ServiceNetwork::kNone;
  return StoreSource{std::move(service), std::move(directory), config.package_store_bytes};
}

// Neither the store nor a sandbox could have it else. By a user namespace that is there.
absl::StatusOr<PackageStore> TakeStore(const LauncherConfig& config, const AnchorClient& anchor) {
  WARREN_ASSIGN_OR_RETURN(PackageStore store, PackageStore::Take(config.package_store));
  WARREN_ASSIGN_OR_RETURN(UniqueFd user_namespace, OpenUserNamespace(anchor.pidfd()));
  WARREN_RETURN_IF_ERROR(
      CloneTree(store.directory(), store.path(), TreeUse::kReadAndWrite, user_namespace.get())
          .status());
  return store;
}

}  // namespace

absl::StatusOr<FoundServices> FindServices(const LauncherConfig& config, const IdZones& ids,
                                           const AnchorClient& anchor) {
  FoundServices found;
  WARREN_ASSIGN_OR_RETURN(found.sources.relay, FindRelay(config, ids));
  WARREN_ASSIGN_OR_RETURN(
      PackageSource packages,
      LoadPackageSource(config.prefix, config.package_policy, config.package_indexes));
  found.package_policy = PublicPolicy(packages.policy);
  if (!found.sources.relay) {
    found.packages_unavailable =
        absl::StrCat("the egress policy \"", absl::CEscape(config.egress_policy),
                     "\" of this server gives no sandbox a network, nor the package index "
                     "(warrend --egress-policy)");
    return found;
  }
  if (!packages.has_index()) {
    found.packages_unavailable =
        "no package index: warrend --package-index URL|DIRECTORY, or `indexes` in a package policy";
    return found;
  }
  absl::StatusOr<PackageStore> store = TakeStore(config, anchor);
  if (!store.ok()) {
    found.packages_unavailable = std::string(store.status().message());
    return found;
  }
  WARREN_ASSIGN_OR_RETURN(found.sources.fetcher, FindFetcher(config, ids, std::move(packages)));
  WARREN_ASSIGN_OR_RETURN(found.sources.store, FindStore(config, ids, *std::move(store)));
  return found;
}

}  // namespace warren
