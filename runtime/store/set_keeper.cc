#include "runtime/store/set_keeper.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

// Of those that are missing, in a message.
constexpr size_t kMostNamed = 8;

std::vector<std::string> KeysOf(const SetKeeper::Packages& packages) {
  std::vector<std::string> keys;
  for (const internal::StoredPackage& package : packages) keys.push_back(package.key());
  return keys;
}

SetKeeper::Packages PackagesOf(const internal::StoredSet& set) {
  return SetKeeper::Packages(set.packages().begin(), set.packages().end());
}

absl::Status Missing(const SetKeeper::Packages& packages, const std::vector<std::string>& keys) {
  std::vector<std::string> names;
  for (const internal::StoredPackage& package : packages) {
    if (names.size() < kMostNamed &&
        std::find(keys.begin(), keys.end(), package.key()) != keys.end()) {
      names.push_back(absl::StrCat(package.name(), " ", package.version()));
    }
  }
  return absl::FailedPreconditionError(absl::StrCat(
      keys.size(), " of the set's packages are not in the store: ", absl::StrJoin(names, ", ")));
}

}  // namespace

void SetKeeper::Ensure(const std::string& digest, Urgency urgency, Waiter waiter) {
  CatalogSet* set = share_.catalog.FindSet(digest);
  if (set == nullptr || set->verified) {
    share_.loop.Post(
        [waiter = std::move(waiter), whole = set != nullptr]() mutable { waiter(whole); });
    return;
  }
  set->waiters.push_back(std::move(waiter));
  StartCheck(*set, urgency);
}

void SetKeeper::CheckAgain(const std::string& digest, Waiter waiter) {
  CatalogSet* set = share_.catalog.FindSet(digest);
  if (set == nullptr) {
    share_.loop.Post([waiter = std::move(waiter)]() mutable { waiter(false); });
    return;
  }
  set->waiters.push_back(std::move(waiter));
  StartCheck(*set, Urgency::kBackground);
}

void SetKeeper::StartCheck(CatalogSet& set, Urgency urgency) {
  const std::vector<std::string> keys = KeysOf(PackagesOf(set.info));
  if (set.checking) {
    if (urgency != Urgency::kWaitedFor) return;
    for (const std::string& key : keys) checker_.Hurry(key);
    share_.workers.Hurry(set.check);
    return;
  }
  set.checking = true;
  checker_.EnsureAll(keys, urgency,
                     [this, digest = set.info.digest(), serial = set.serial,
                      urgency](const std::vector<std::string>& missing) {
                       OnPackages(digest, serial, urgency, missing.empty());
                     });
}

void SetKeeper::OnPackages(const std::string& digest, uint64_t serial, Urgency urgency,
                           bool whole) {
  CatalogSet* set = share_.catalog.FindSet(digest);
  // It has gone with a package, and who waited has been told.
  if (set == nullptr || set->serial != serial) return;
  if (!whole) {
    set->checking = false;
    TellWaiters(share_.loop, std::exchange(set->waiters, {}), false);
    return;
  }
  set->check = share_.workers.Add(urgency, [this, serial, info = set->info] {
    absl::StatusOr<int64_t> blocks = CheckSetTree(*share_.directory, info, *share_.stop);
    share_.loop.Post([this, digest = info.digest(), serial, blocks = std::move(blocks)] {
      OnChecked(digest, serial, blocks);
    });
  });
}

void SetKeeper::OnChecked(const std::string& digest, uint64_t serial,
                          const absl::StatusOr<int64_t>& blocks) {
  CatalogSet* set = share_.catalog.FindSet(digest);
  if (set == nullptr || set->serial != serial || absl::IsCancelled(blocks.status())) return;
  set->checking = false;
  std::vector<Waiter> waiters = std::exchange(set->waiters, {});
  if (blocks.ok()) {
    share_.space.Add(*blocks - set->blocks);
    set->blocks = *blocks;
    set->verified = true;
    return TellWaiters(share_.loop, std::move(waiters), true);
  }
  if (absl::IsResourceExhausted(blocks.status()))
    return TellWaiters(share_.loop, std::move(waiters), false);
  spdlog::warn("event=store_set_damaged digest={} error=\"{}\"", digest,
               absl::CEscape(blocks.status().message()));
  const Packages packages = PackagesOf(set->info);
  remover_.RemoveSet(digest);
  auto told = std::make_shared<std::vector<Waiter>>(std::move(waiters));
  Make(digest, packages, [this, told](const absl::Status& status) {
    TellWaiters(share_.loop, std::move(*told), status.ok());
  });
}

void SetKeeper::Make(const std::string& digest, const Packages& packages, OnMade on_made) {
  const CatalogSet* set = share_.catalog.FindSet(digest);
  // Made between the question and this.
  if (set != nullptr && set->verified) return on_made(absl::OkStatus());
  std::vector<OnMade>& waiting = making_[digest];
  waiting.push_back(std::move(on_made));
  if (waiting.size() == 1) StartMake(digest, packages);
}

void SetKeeper::StartMake(const std::string& digest, const Packages& packages) {
  // So that nobody evicts them meanwhile.
  std::vector<Pinned> pinned = Pin(packages);
  checker_.EnsureAll(KeysOf(packages), Urgency::kWaitedFor,
                     [this, digest, packages, pinned](const std::vector<std::string>& missing) {
                       if (missing.empty()) return Link(digest, packages, pinned);
                       Unpin(pinned);
                       Finish(digest, Missing(packages, missing));
                     });
}

void SetKeeper::Link(const std::string& digest, const Packages& packages,
                     std::vector<Pinned> pinned) {
  share_.workers.Add(Urgency::kWaitedFor, [this, digest, packages, pinned = std::move(pinned)] {
    absl::StatusOr<MadeSet> made = MakeSetTree(*share_.directory, packages, *share_.stop);
    share_.loop.Post([this, digest, pinned, made = std::move(made)]() mutable {
      OnLinked(digest, pinned, std::move(made));
    });
  });
}

void SetKeeper::OnLinked(const std::string& digest, const std::vector<Pinned>& pinned,
                         absl::StatusOr<MadeSet> made) {
  const bool all_there = Unpin(pinned);
  if (!made.ok()) return Finish(digest, made.status());
  if (!all_there) {
    // Of files that did not match, perhaps.
    remover_.RemoveUnknown(StoreDirectory::Folder::kSets, digest);
    return Finish(digest, absl::FailedPreconditionError("a package has gone meanwhile"));
  }
  CatalogSet& set = share_.catalog.AddSet(std::move(made->set));
  set.verified = true;
  set.blocks = made->blocks;
  share_.space.Add(made->blocks);
  share_.catalog.Touch(set);
  share_.directory->SetUsedAt(StoreDirectory::Folder::kSets, digest, set.used_at);
  // Not this one.
  ++set.pins;
  remover_.Shrink();
  --set.pins;
  Finish(digest, absl::OkStatus());
}

std::vector<SetKeeper::Pinned> SetKeeper::Pin(const Packages& packages) {
  std::vector<Pinned> pinned;
  for (const internal::StoredPackage& info : packages) {
    CatalogPackage* package = share_.catalog.FindPackage(info.key());
    if (package == nullptr) continue;
    ++package->pins;
    pinned.push_back({info.key(), package->serial});
  }
  return pinned;
}

bool SetKeeper::Unpin(const std::vector<Pinned>& pinned) {
  bool all_there = true;
  for (const Pinned& pin : pinned) {
    CatalogPackage* package = share_.catalog.FindPackage(pin.key);
    if (package != nullptr && package->serial == pin.serial) {
      --package->pins;
    } else {
      all_there = false;
    }
  }
  return all_there;
}

void SetKeeper::Finish(const std::string& digest, const absl::Status& status) {
  auto node = making_.extract(digest);
  for (const OnMade& on_made : node.mapped()) on_made(status);
}

}  // namespace warren
