#include "runtime/store/store_verifier.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

using Urgency = WorkerPool::Urgency;

constexpr int kMostRemoved = 64;

template <typename Entries>
std::vector<std::string> NamesByUse(const Entries& entries) {
  std::vector<std::pair<int64_t, std::string>> used;
  used.reserve(entries.size());
  for (const auto& [name, entry] : entries) used.emplace_back(entry->used_at, name);
  std::sort(used.rbegin(), used.rend());
  std::vector<std::string> names;
  names.reserve(used.size());
  for (auto& [used_at, name] : used) names.push_back(std::move(name));
  return names;
}

}  // namespace

StoreVerifier::StoreVerifier(StoreShare& share, PackageChecker& checker, SetKeeper& sets)
    : share_(share), checker_(checker), sets_(sets) {
  checker_.OnDamaged([this](const internal::StoredPackage& package) { OnDamaged(package); });
}

void StoreVerifier::CheckNew() {
  // A set's check begins with those of its packages.
  for (const std::string& digest : NamesByUse(share_.catalog.sets()))
    sets_.Ensure(digest, Urgency::kBackground, [](bool) {});
  for (const std::string& key : NamesByUse(share_.catalog.packages()))
    checker_.Ensure(key, Urgency::kBackground, [](bool) {});
}

void StoreVerifier::Verify(OnVerified on_verified) {
  waiting_.push_back(std::move(on_verified));
  if (running_.empty()) StartRun();
}

void StoreVerifier::StartRun() {
  running_ = std::exchange(waiting_, {});
  result_.Clear();
  const std::vector<std::string> keys = NamesByUse(share_.catalog.packages());
  left_ = keys.size();
  if (keys.empty()) return VerifySets();
  for (const std::string& key : keys) {
    checker_.CheckAgain(key, [this](bool whole) {
      if (whole) result_.set_packages(result_.packages() + 1);
      if (--left_ == 0) VerifySets();
    });
  }
}

void StoreVerifier::VerifySets() {
  const std::vector<std::string> digests = NamesByUse(share_.catalog.sets());
  left_ = digests.size();
  if (digests.empty()) return EndRun();
  for (const std::string& digest : digests) {
    sets_.CheckAgain(digest, [this](bool) {
      if (--left_ == 0) EndRun();
    });
  }
}

void StoreVerifier::EndRun() {
  for (const OnVerified& on_verified : std::exchange(running_, {})) on_verified(result_);
  if (!waiting_.empty()) StartRun();
}

void StoreVerifier::OnDamaged(const internal::StoredPackage& package) {
  if (running_.empty() || result_.removed_size() >= kMostRemoved) return;
  result_.add_removed(absl::StrCat(package.name(), " ", package.version()));
}

}  // namespace warren
