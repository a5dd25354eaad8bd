// What the store's supervisor asks for.

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/store/set_plan.h"
#include "runtime/store/store.h"
#include "runtime/store/store_list.h"
#include "runtime/store/store_request.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using Folder = StoreDirectory::Folder;
using Urgency = WorkerPool::Urgency;

constexpr size_t kMostResolutions = 16384;
constexpr int64_t kNanoInSecond = 1'000'000'000;

internal::StoreReply ReplyTo(uint64_t id) {
  internal::StoreReply reply;
  reply.set_id(id);
  return reply;
}

absl::Status NoSuchSet(const std::string& digest) {
  return absl::NotFoundError("the store has no set " + digest);
}

}  // namespace

void Store::OnRequest(internal::StoreRequest request, UniqueFd socket) {
  using Request = internal::StoreRequest;
  const uint64_t id = request.id();
  const absl::Status sound = CheckStoreRequest(request);
  if (!sound.ok()) return door_.Reply(id, sound);
  switch (request.request_case()) {
    case Request::kFindResolution:
      return FindResolution(id, request.find_resolution().request_digest());
    case Request::kHasPackages:
      return HasPackages(id, request.has_packages());
    case Request::kAddPackage:
      return AddPackage(id, std::move(*request.mutable_add_package()), std::move(socket));
    case Request::kMakeSet:
      return MakeSet(id, request.make_set());
    case Request::kUseSet:
      return UseSet(id, request.use_set().digest());
    case Request::kReleaseSet: {
      const std::string& digest = request.release_set().digest();
      const bool released = parts_->share.catalog.Release(digest);
      return door_.Reply(id, released ? absl::OkStatus() : NoSuchSet(digest));
    }
    case Request::kList:
      return List(id);
    case Request::kPrune:
      return Prune(id, request.prune().unused_seconds());
    case Request::kVerify:
      return Verify(id);
    case Request::REQUEST_NOT_SET:
      return End(absl::InvalidArgumentError("the supervisor's request is of no known kind"));
  }
}

void Store::Touch(CatalogSet& set) {
  parts_->share.catalog.Touch(set);
  parts_->share.directory->SetUsedAt(Folder::kSets, set.info.digest(), set.used_at);
}

void Store::FindResolution(uint64_t id, const std::string& request_digest) {
  Catalog& catalog = parts_->share.catalog;
  const Catalog::Resolution* resolution = catalog.FindResolution(request_digest);
  CatalogSet* set = resolution == nullptr ? nullptr : catalog.FindSet(resolution->set_digest);
  if (set == nullptr || resolution->ends_at <= absl::ToUnixSeconds(absl::Now())) {
    if (resolution != nullptr) DropResolution(request_digest);
    return door_.Reply(id, absl::NotFoundError("this has not been resolved, or too long ago"));
  }
  // Who asks is about to use it.
  Touch(*set);
  const std::string digest = set->info.digest();
  parts_->sets.Ensure(digest, Urgency::kWaitedFor, [this, id, digest](bool whole) {
    const CatalogSet* found = parts_->share.catalog.FindSet(digest);
    if (!whole || found == nullptr) return door_.Reply(id, NoSuchSet(digest));
    internal::StoreReply reply = ReplyTo(id);
    *reply.mutable_found() = found->info;
    door_.Reply(reply);
  });
}

void Store::HasPackages(uint64_t id, const internal::HasPackages& request) {
  StoreShare& share = parts_->share;
  const std::vector<std::string> keys(request.keys().begin(), request.keys().end());
  for (const std::string& key : keys) {
    CatalogPackage* package = share.catalog.FindPackage(key);
    if (package == nullptr) continue;
    share.catalog.Touch(*package);
    share.directory->SetUsedAt(Folder::kPackages, key, package->used_at);
  }
  parts_->checker.EnsureAll(
      keys, Urgency::kWaitedFor, [this, id](const std::vector<std::string>& missing) {
        internal::StoreReply reply = ReplyTo(id);
        reply.mutable_missing()->mutable_keys()->Assign(missing.begin(), missing.end());
        door_.Reply(reply);
      });
}

void Store::AddPackage(uint64_t id, internal::AddPackage request, UniqueFd socket) {
  parts_->adder.Add(std::move(request), std::move(socket),
                    [this, id](const absl::StatusOr<internal::StoredPackage>& added) {
                      if (!added.ok()) return door_.Reply(id, added.status());
                      internal::StoreReply reply = ReplyTo(id);
                      *reply.mutable_added() = *added;
                      door_.Reply(reply);
                    });
}

void Store::MakeSet(uint64_t id, const internal::MakeSet& request) {
  const std::string digest = SetDigest(request.set().packages());
  const auto on_made = [this, id, digest, request](const absl::Status& status) {
    OnSetMade(id, digest, request, status);
  };
  parts_->sets.Ensure(digest, Urgency::kWaitedFor, [this, digest, request, on_made](bool whole) {
    if (whole) return on_made(absl::OkStatus());
    const auto& packages = request.set().packages();
    parts_->sets.Make(digest, SetKeeper::Packages(packages.begin(), packages.end()), on_made);
  });
}

void Store::OnSetMade(uint64_t id, const std::string& digest, const internal::MakeSet& request,
                      const absl::Status& status) {
  if (!status.ok()) return door_.Reply(id, status);
  CatalogSet* set = parts_->share.catalog.FindSet(digest);
  if (set == nullptr)
    return door_.Reply(id, absl::FailedPreconditionError("the set has gone meanwhile"));
  Touch(*set);
  if (!request.request_digest().empty()) Remember(request, digest);
  internal::StoreReply reply = ReplyTo(id);
  *reply.mutable_set() = set->info;
  door_.Reply(reply);
}

void Store::Remember(const internal::MakeSet& request, const std::string& digest) {
  StoreShare& share = parts_->share;
  internal::StoredResolution resolution;
  resolution.set_set_digest(digest);
  resolution.set_ends_at(absl::ToUnixSeconds(absl::Now()) + request.valid_seconds());
  const absl::Status put =
      share.directory->PutRecord(Folder::kResolutions, request.request_digest(), resolution);
  // It is resolved once more then.
  if (!put.ok())
    return spdlog::warn("event=store_resolution_lost error=\"{}\"", absl::CEscape(put.message()));
  share.catalog.PutResolution(request.request_digest(), {digest, resolution.ends_at()});
  while (const auto oldest = share.catalog.ResolutionBeyond(kMostResolutions))
    DropResolution(*oldest);
}

void Store::DropResolution(const std::string& request_digest) {
  parts_->share.catalog.DropResolution(request_digest);
  parts_->remover.RemoveUnknown(Folder::kResolutions, request_digest);
}

void Store::UseSet(uint64_t id, const std::string& digest) {
  Catalog& catalog = parts_->share.catalog;
  // So that it is not evicted while it is checked.
  catalog.Use(digest);
  parts_->sets.Ensure(digest, Urgency::kWaitedFor, [this, id, digest](bool whole) {
    CatalogSet* set = parts_->share.catalog.FindSet(digest);
    if (whole && set != nullptr) {
      Touch(*set);
      return door_.Reply(id, absl::OkStatus());
    }
    parts_->share.catalog.Release(digest);
    door_.Reply(id, NoSuchSet(digest));
  });
}

void Store::List(uint64_t id) {
  for (internal::StoreContents& page : ListPages(parts_->share.catalog, parts_->share.space)) {
    internal::StoreReply reply = ReplyTo(id);
    *reply.mutable_contents() = std::move(page);
    door_.Reply(reply);
  }
}

void Store::Prune(uint64_t id, int64_t unused_seconds) {
  int64_t cutoff = std::numeric_limits<int64_t>::max();
  const int64_t now = absl::GetCurrentTimeNanos();
  if (unused_seconds > 0) {
    cutoff = unused_seconds > now / kNanoInSecond ? 0 : now - unused_seconds * kNanoInSecond;
  }
  parts_->remover.Prune(cutoff, [this, id](const internal::StorePruned& pruned) {
    internal::StoreReply reply = ReplyTo(id);
    *reply.mutable_pruned() = pruned;
    door_.Reply(reply);
  });
}

void Store::Verify(uint64_t id) {
  parts_->verifier.Verify([this, id](const internal::StoreVerified& verified) {
    internal::StoreReply reply = ReplyTo(id);
    *reply.mutable_verified() = verified;
    door_.Reply(reply);
  });
}

}  // namespace warren
