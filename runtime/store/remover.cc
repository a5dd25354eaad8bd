#include "runtime/store/remover.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using Folder = StoreDirectory::Folder;

}  // namespace

void Remover::RemovePackage(const std::string& key) {
  TakePackage(key, [] {});
}

void Remover::RemoveSet(const std::string& digest) {
  TakeSet(digest, [] {});
}

void Remover::RemoveUnknown(Folder folder, const std::string& name) {
  Retire(folder, name, 0, [] {});
}

void Remover::RemoveTemporary(const std::string& name) {
  share_.workers.Add(WorkerPool::Urgency::kBackground, [this, name] {
    absl::Status status = share_.directory->RemoveTemporary(name);
    share_.loop.Post(
        [this, name, status = std::move(status)] { OnRemoved(name, status, 0, [] {}); });
  });
}

void Remover::TakeSet(const std::string& digest, Done done) {
  std::unique_ptr<CatalogSet> set = share_.catalog.TakeSet(digest);
  if (set == nullptr) return done();
  TellWaiters(share_.loop, std::move(set->waiters), false);
  Retire(Folder::kSets, digest, set->blocks, std::move(done));
}

void Remover::TakePackage(const std::string& key, Done done) {
  // First, so that a process that is killed here leaves no set without its packages.
  for (const std::string& digest : share_.catalog.SetsWith(key)) RemoveSet(digest);
  std::unique_ptr<CatalogPackage> package = share_.catalog.TakePackage(key);
  if (package == nullptr) return done();
  TellWaiters(share_.loop, std::move(package->waiters), false);
  Retire(Folder::kPackages, key, package->blocks, std::move(done));
}

void Remover::TakeVictim(const Catalog::Victim& victim, Done done) {
  if (victim.kind == Catalog::Victim::Kind::kSet) return TakeSet(victim.name, std::move(done));
  TakePackage(victim.name, std::move(done));
}

void Remover::Retire(Folder folder, const std::string& name, int64_t blocks, Done done) {
  absl::StatusOr<std::string> retired = share_.directory->Retire(folder, name);
  removing_ += blocks;
  if (!retired.ok()) return OnRemoved(name, retired.status(), blocks, done);
  share_.workers.Add(WorkerPool::Urgency::kWaitedFor, [this, retired = *std::move(retired), name,
                                                       blocks, done = std::move(done)]() mutable {
    absl::Status status = share_.directory->RemoveTemporary(retired);
    share_.loop.Post([this, name, blocks, done = std::move(done), status = std::move(status)] {
      OnRemoved(name, status, blocks, done);
    });
  });
}

void Remover::OnRemoved(const std::string& name, const absl::Status& status, int64_t blocks,
                        const Done& done) {
  if (!status.ok())
    spdlog::warn("event=store_remove_failed name=\"{}\" error=\"{}\"", absl::CEscape(name),
                 absl::CEscape(status.message()));
  removing_ -= blocks;
  share_.space.Release(blocks);
  done();
  share_.loop.Post([this] { ServeSpace(); });
}

void Remover::ServeSpace() {
  share_.space.Serve([this](int64_t missing) { return Evict(missing, Goal::kAllOrNothing); });
}

void Remover::Shrink() {
  const int64_t excess = share_.space.used() - share_.space.max_bytes();
  if (excess > 0) Evict(excess, Goal::kAsMuchAsCanGo);
}

bool Remover::Evict(int64_t bytes, Goal goal) {
  int64_t coming = removing_;
  std::vector<Catalog::Victim> chosen;
  if (coming < bytes) {
    for (Catalog::Victim& victim : share_.catalog.Unused()) {
      coming += victim.blocks;
      chosen.push_back(std::move(victim));
      if (coming >= bytes) break;
    }
  }
  if (coming < bytes && goal == Goal::kAllOrNothing) return false;
  for (const Catalog::Victim& victim : chosen) {
    spdlog::info("event=store_evicted name={} bytes={}", victim.name, victim.blocks);
    TakeVictim(victim, [] {});
  }
  // What could not be moved away has been given up already, and counts no more.
  return removing_ >= bytes || !chosen.empty();
}

void Remover::Prune(int64_t cutoff, OnPruned on_pruned) {
  struct Run {
    internal::StorePruned pruned;
    size_t left = 1;
    OnPruned on_pruned;
  };
  auto run = std::make_shared<Run>();
  run->on_pruned = std::move(on_pruned);
  const Done done = [run] {
    if (--run->left == 0) run->on_pruned(run->pruned);
  };
  for (const Catalog::Victim& victim : share_.catalog.Unused()) {
    if (victim.used_at >= cutoff) continue;
    run->pruned.set_bytes(run->pruned.bytes() + victim.blocks);
    if (victim.kind == Catalog::Victim::Kind::kSet) {
      run->pruned.set_sets(run->pruned.sets() + 1);
    } else {
      run->pruned.set_packages(run->pruned.packages() + 1);
    }
    ++run->left;
    TakeVictim(victim, done);
  }
  done();
}

}  // namespace warren
