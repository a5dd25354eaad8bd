#include "runtime/store/package_checker.h"

#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "runtime/store/package_files.h"
#include "spdlog/spdlog.h"

namespace warren {

void PackageChecker::Ensure(const std::string& key, Urgency urgency, Waiter waiter) {
  CatalogPackage* package = share_.catalog.FindPackage(key);
  if (package == nullptr || package->verified) {
    share_.loop.Post(
        [waiter = std::move(waiter), whole = package != nullptr]() mutable { waiter(whole); });
    return;
  }
  package->waiters.push_back(std::move(waiter));
  Start(*package, urgency);
}

void PackageChecker::EnsureAll(const std::vector<std::string>& keys, Urgency urgency,
                               OnMissing on_missing) {
  struct Run {
    std::vector<std::string> keys;
    std::vector<bool> whole;
    size_t left = 0;
    OnMissing on_missing;
  };
  auto run = std::make_shared<Run>();
  run->keys = keys;
  run->whole.resize(keys.size());
  run->left = keys.size();
  run->on_missing = std::move(on_missing);
  if (keys.empty()) return share_.loop.Post([run] { run->on_missing({}); });
  for (size_t i = 0; i < keys.size(); ++i) {
    Ensure(keys[i], urgency, [run, i](bool whole) {
      run->whole[i] = whole;
      if (--run->left > 0) return;
      std::vector<std::string> missing;
      for (size_t k = 0; k < run->keys.size(); ++k) {
        if (!run->whole[k]) missing.push_back(run->keys[k]);
      }
      run->on_missing(missing);
    });
  }
}

void PackageChecker::CheckAgain(const std::string& key, Waiter waiter) {
  CatalogPackage* package = share_.catalog.FindPackage(key);
  if (package == nullptr) {
    share_.loop.Post([waiter = std::move(waiter)]() mutable { waiter(false); });
    return;
  }
  package->waiters.push_back(std::move(waiter));
  Start(*package, Urgency::kBackground);
}

void PackageChecker::Hurry(const std::string& key) {
  const CatalogPackage* package = share_.catalog.FindPackage(key);
  if (package != nullptr && package->checking) share_.workers.Hurry(package->check);
}

void PackageChecker::Start(CatalogPackage& package, Urgency urgency) {
  if (package.checking) {
    if (urgency == Urgency::kWaitedFor) share_.workers.Hurry(package.check);
    return;
  }
  package.checking = true;
  const std::string& key = package.info.key();
  package.check = share_.workers.Add(urgency, [this, key, serial = package.serial] {
    absl::Status status = CheckPackage(*share_.directory, key, *share_.stop);
    share_.loop.Post(
        [this, key, serial, status = std::move(status)] { OnChecked(key, serial, status); });
  });
}

void PackageChecker::OnChecked(const std::string& key, uint64_t serial,
                               const absl::Status& status) {
  CatalogPackage* package = share_.catalog.FindPackage(key);
  // Who waited for one that has gone has been told.
  if (package == nullptr || package->serial != serial) return;
  package->checking = false;
  if (status.ok() || absl::IsResourceExhausted(status)) {
    // Out of descriptors or memory, which says nothing of the package.
    package->verified = status.ok();
    TellWaiters(share_.loop, std::exchange(package->waiters, {}), package->verified);
    return;
  }
  if (absl::IsCancelled(status)) return;
  const internal::StoredPackage info = package->info;
  spdlog::warn("event=store_package_damaged key={} name={} version={} error=\"{}\"", key,
               info.name(), info.version(), absl::CEscape(status.message()));
  remover_.RemovePackage(key);
  if (on_damaged_) on_damaged_(info);
}

}  // namespace warren
