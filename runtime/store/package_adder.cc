#include "runtime/store/package_adder.h"

#include <limits>
#include <utility>

#include "runtime/launch/child/test_layers.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

constexpr int64_t kUsualBytes = int64_t{8} << 30;
constexpr int64_t kUsualFiles = 200'000;
constexpr int kUsualPatienceSeconds = 60;

}  // namespace

ReceiveBounds PackageAdder::BoundsOf(const internal::AddPackage& request) const {
  const int seconds =
      request.patience_seconds() > 0 ? request.patience_seconds() : kUsualPatienceSeconds;
  ReceiveBounds bounds;
  bounds.limits.max_bytes = request.max_bytes() > 0 ? request.max_bytes() : kUsualBytes;
  bounds.limits.max_files = request.max_files() > 0 ? request.max_files() : kUsualFiles;
  bounds.limits.layers_off = layers_off_;
  if (LayerIsOff(layers_off_, TestLayer::kStoreBounds))
    bounds.limits.max_bytes = std::numeric_limits<int64_t>::max();
  bounds.patience = absl::Seconds(seconds) * pace_;
  return bounds;
}

void PackageAdder::Add(internal::AddPackage request, UniqueFd socket, OnAdded on_added) {
  Ask({std::move(request), std::move(socket), std::move(on_added)});
}

void PackageAdder::Touch(CatalogPackage& package) {
  share_.catalog.Touch(package);
  share_.directory->SetUsedAt(StoreDirectory::Folder::kPackages, package.info.key(),
                              package.used_at);
}

void PackageAdder::Ask(Asked asked) {
  const std::string key = asked.request.package().key();
  const auto receiving = receiving_.find(key);
  if (receiving != receiving_.end()) return receiving->second.push_back(std::move(asked));
  if (share_.catalog.FindPackage(key) == nullptr) return Start(std::move(asked));
  checker_.Ensure(key, WorkerPool::Urgency::kWaitedFor,
                  [this, key, asked = std::move(asked)](bool whole) mutable {
                    CatalogPackage* package = share_.catalog.FindPackage(key);
                    if (whole && package != nullptr) {
                      Touch(*package);
                      return asked.on_added(package->info);
                    }
                    // It is removed, or cannot be read just now.
                    if (package == nullptr) return Ask(std::move(asked));
                    asked.on_added(absl::UnavailableError("the package cannot be checked now"));
                  });
}

void PackageAdder::Start(Asked asked) {
  const std::string key = asked.request.package().key();
  receiving_[key];
  const ReceiveBounds bounds = BoundsOf(asked.request);
  share_.receivers.Add(WorkerPool::Urgency::kWaitedFor,
                       [this, key, asked = std::move(asked), bounds]() mutable {
                         absl::StatusOr<ReceivedPackage> received =
                             ReceivePackage(*share_.directory, asked.request.package(),
                                            asked.socket.get(), bounds, share_.space, *share_.stop);
                         asked.socket.reset();
                         share_.loop.Post([this, key, on_added = std::move(asked.on_added),
                                           received = std::move(received)]() mutable {
                           OnReceived(key, on_added, std::move(received));
                         });
                       });
}

void PackageAdder::OnReceived(const std::string& key, const OnAdded& on_added,
                              absl::StatusOr<ReceivedPackage> received) {
  std::deque<Asked> waiting = std::move(receiving_.extract(key).mapped());
  if (received.ok()) {
    CatalogPackage& package = share_.catalog.AddPackage(std::move(received->package));
    package.verified = true;
    package.blocks = received->blocks;
    Touch(package);
    spdlog::info("event=store_package_added key={} name={} version={} files={} bytes={}", key,
                 package.info.name(), package.info.version(), package.info.files(),
                 package.info.size());
    on_added(package.info);
  } else {
    on_added(received.status());
  }
  // What it has given back may be enough for somebody; and the next may do better.
  remover_.ServeSpace();
  for (Asked& asked : waiting) Ask(std::move(asked));
}

}  // namespace warren
