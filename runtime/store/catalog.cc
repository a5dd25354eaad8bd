#include "runtime/store/catalog.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "absl/time/clock.h"

namespace warren {

CatalogPackage& Catalog::AddPackage(internal::StoredPackage info) {
  std::unique_ptr<CatalogPackage>& package = packages_[info.key()];
  package = std::make_unique<CatalogPackage>();
  package->serial = ++last_serial_;
  package->info = std::move(info);
  return *package;
}

CatalogSet& Catalog::AddSet(internal::StoredSet info) {
  std::unique_ptr<CatalogSet>& set = sets_[info.digest()];
  set = std::make_unique<CatalogSet>();
  set->serial = ++last_serial_;
  set->info = std::move(info);
  return *set;
}

CatalogPackage* Catalog::FindPackage(const std::string& key) const {
  const auto found = packages_.find(key);
  return found == packages_.end() ? nullptr : found->second.get();
}

CatalogSet* Catalog::FindSet(const std::string& digest) const {
  const auto found = sets_.find(digest);
  return found == sets_.end() ? nullptr : found->second.get();
}

std::unique_ptr<CatalogPackage> Catalog::TakePackage(const std::string& key) {
  auto node = packages_.extract(key);
  return node.empty() ? nullptr : std::move(node.mapped());
}

std::unique_ptr<CatalogSet> Catalog::TakeSet(const std::string& digest) {
  auto node = sets_.extract(digest);
  return node.empty() ? nullptr : std::move(node.mapped());
}

std::vector<std::string> Catalog::SetsWith(const std::string& key) const {
  std::vector<std::string> digests;
  for (const auto& [digest, set] : sets_) {
    const auto& packages = set->info.packages();
    if (std::any_of(packages.begin(), packages.end(),
                    [&](const internal::StoredPackage& package) { return package.key() == key; })) {
      digests.push_back(digest);
    }
  }
  return digests;
}

bool Catalog::Release(const std::string& digest) {
  const auto found = uses_.find(digest);
  if (found == uses_.end()) return false;
  if (--found->second == 0) uses_.erase(found);
  return true;
}

int Catalog::Uses(const std::string& digest) const {
  const auto found = uses_.find(digest);
  return found == uses_.end() ? 0 : found->second;
}

void Catalog::Touch(CatalogEntry& entry) {
  last_used_ = std::max(last_used_ + 1, absl::GetCurrentTimeNanos());
  entry.used_at = last_used_;
}

void Catalog::Touch(CatalogSet& set) {
  Touch(static_cast<CatalogEntry&>(set));
  for (const internal::StoredPackage& package : set.info.packages()) {
    if (CatalogPackage* found = FindPackage(package.key())) found->used_at = set.used_at;
  }
}

std::vector<Catalog::Victim> Catalog::Unused() const {
  std::vector<Victim> victims;
  std::unordered_set<std::string> kept;
  for (const auto& [digest, set] : sets_) {
    if (Uses(digest) == 0 && set->pins == 0) {
      victims.push_back({Victim::Kind::kSet, digest, set->blocks, set->used_at});
      continue;
    }
    for (const internal::StoredPackage& package : set->info.packages()) kept.insert(package.key());
  }
  for (const auto& [key, package] : packages_) {
    if (package->pins == 0 && !kept.contains(key))
      victims.push_back({Victim::Kind::kPackage, key, package->blocks, package->used_at});
  }
  std::sort(victims.begin(), victims.end(), [](const Victim& a, const Victim& b) {
    return std::tie(a.used_at, a.kind, a.name) < std::tie(b.used_at, b.kind, b.name);
  });
  return victims;
}

void Catalog::PutResolution(const std::string& request_digest, Resolution resolution) {
  DropResolution(request_digest);
  resolution.serial = ++last_serial_;
  resolution_order_[resolution.serial] = request_digest;
  resolutions_[request_digest] = std::move(resolution);
}

const Catalog::Resolution* Catalog::FindResolution(const std::string& request_digest) const {
  const auto found = resolutions_.find(request_digest);
  return found == resolutions_.end() ? nullptr : &found->second;
}

void Catalog::DropResolution(const std::string& request_digest) {
  const auto found = resolutions_.find(request_digest);
  if (found == resolutions_.end()) return;
  resolution_order_.erase(found->second.serial);
  resolutions_.erase(found);
}

std::optional<std::string> Catalog::ResolutionBeyond(size_t most) const {
  if (resolutions_.size() <= most) return std::nullopt;
  return resolution_order_.begin()->second;
}

}  // namespace warren
