#include "runtime/store/store.h"

#include <sys/epoll.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/store/package_files.h"
#include "runtime/store/set_plan.h"
#include "runtime/store/set_tree.h"
#include "runtime/store/sha256.h"
#include "spdlog/spdlog.h"

namespace warren {
namespace {

using Folder = StoreDirectory::Folder;

constexpr int kWorkers = 3;
constexpr int kReceivers = 4;

}  // namespace

Store::Parts::Parts(IoLoop& loop, std::unique_ptr<StopSignal> stop,
                    std::unique_ptr<StoreDirectory> directory, const Settings& settings)
    : share(loop, std::move(stop), std::move(directory), settings.max_bytes,
            [this] { share.loop.Post([this] { remover.ServeSpace(); }); }),
      adder(share, checker, remover, settings.pace, settings.layers_off) {
  share.workers.Start(kWorkers);
  share.receivers.Start(kReceivers);
}

Store::Parts::~Parts() {
  share.stop->Stop();
  share.space.Stop();
}

Store::Store(std::unique_ptr<IoLoop> loop, std::unique_ptr<StopSignal> stop,
             const Settings& settings, UniqueFd launcher, UniqueFd supervisor)
    : loop_(std::move(loop)),
      stop_(std::move(stop)),
      settings_(settings),
      launcher_(std::move(launcher)),
      door_(*loop_, std::move(supervisor)) {}

Store::~Store() = default;

absl::StatusOr<std::unique_ptr<Store>> Store::Prepare(const internal::StoreSetup& setup,
                                                      UniqueFd launcher, UniqueFd supervisor) {
  if (setup.max_bytes() <= 0)
    return absl::InvalidArgumentError("a package store that may hold nothing");
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<IoLoop> loop, IoLoop::Create());
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<StopSignal> stop, StopSignal::Create());
  Settings settings{setup.max_bytes(), std::max(setup.pace(), 1.0), setup.layers_off()};
  if (LayerIsOff(settings.layers_off, TestLayer::kStoreBounds))
    settings.max_bytes = std::numeric_limits<int64_t>::max();
  return std::unique_ptr<Store>(new Store(std::move(loop), std::move(stop), settings,
                                          std::move(launcher), std::move(supervisor)));
}

absl::Status Store::Run(UniqueFd directory) {
  WARREN_ASSIGN_OR_RETURN(std::unique_ptr<StoreDirectory> opened,
                          StoreDirectory::Open(std::move(directory)));
  parts_ = std::make_unique<Parts>(*loop_, std::move(stop_), std::move(opened), settings_);
  WARREN_RETURN_IF_ERROR(Load());
  WARREN_RETURN_IF_ERROR(
      door_.Start([this](internal::StoreRequest request,
                         UniqueFd socket) { OnRequest(std::move(request), std::move(socket)); },
                  [this](absl::Status status) { End(std::move(status)); }));
  if (launcher_.valid()) {
    // It says nothing more.
    WARREN_RETURN_IF_ERROR(
        loop_->Watch(launcher_.get(), EPOLLIN, [this](uint32_t) { End(absl::OkStatus()); })
            .status());
  }
  parts_->verifier.CheckNew();
  parts_->remover.Shrink();
  loop_->Run();
  parts_.reset();
  return end_;
}

void Store::End(absl::Status status) {
  if (end_.ok()) end_ = std::move(status);
  loop_->Stop();
}

absl::Status Store::Load() {
  const StoreDirectory& directory = *parts_->share.directory;
  WARREN_ASSIGN_OR_RETURN(const std::vector<std::string> left, directory.List(Folder::kTemporary));
  for (const std::string& name : left) parts_->remover.RemoveTemporary(name);
  WARREN_ASSIGN_OR_RETURN(const std::vector<std::string> keys, directory.List(Folder::kPackages));
  for (const std::string& key : keys) LoadPackage(key);
  WARREN_ASSIGN_OR_RETURN(const std::vector<std::string> sets, directory.List(Folder::kSets));
  for (const std::string& digest : sets) LoadSet(digest);
  WARREN_ASSIGN_OR_RETURN(std::vector<std::string> resolutions,
                          directory.List(Folder::kResolutions));
  // Those that came first go first.
  std::vector<std::pair<int64_t, std::string>> by_time;
  for (std::string& name : resolutions) {
    const int64_t made = directory.UsedAt(Folder::kResolutions, name).value_or(0);
    by_time.emplace_back(made, std::move(name));
  }
  std::sort(by_time.begin(), by_time.end());
  for (const auto& [made, name] : by_time) LoadResolution(name);
  spdlog::info("event=store_opened packages={} sets={} bytes={}",
               parts_->share.catalog.packages().size(), parts_->share.catalog.sets().size(),
               parts_->share.space.used());
  return absl::OkStatus();
}

void Store::LoadPackage(const std::string& key) {
  StoreShare& share = parts_->share;
  const auto read = [&]() -> absl::StatusOr<internal::PackageManifest> {
    WARREN_ASSIGN_OR_RETURN(const UniqueFd opened,
                            share.directory->OpenEntry(Folder::kPackages, key));
    return ReadManifest(opened.get(), key);
  };
  absl::StatusOr<internal::PackageManifest> manifest = read();
  if (!manifest.ok() || !IsSha256Hex(key)) {
    spdlog::warn("event=store_package_damaged key=\"{}\" error=\"{}\"", absl::CEscape(key),
                 absl::CEscape(manifest.status().message()));
    return parts_->remover.RemoveUnknown(Folder::kPackages, key);
  }
  const int64_t blocks = PackageBlocks(*manifest);
  CatalogPackage& package = share.catalog.AddPackage(std::move(*manifest->mutable_package()));
  package.blocks = blocks;
  package.used_at = share.directory->UsedAt(Folder::kPackages, key).value_or(0);
  share.space.Add(blocks);
}

void Store::LoadSet(const std::string& digest) {
  StoreShare& share = parts_->share;
  absl::StatusOr<internal::StoredSet> read = ReadSet(*share.directory, digest);
  const bool has_packages =
      read.ok() && std::all_of(read->packages().begin(), read->packages().end(),
                               [&](const internal::StoredPackage& package) {
                                 return share.catalog.FindPackage(package.key()) != nullptr;
                               });
  if (!has_packages) {
    spdlog::warn("event=store_set_damaged digest=\"{}\" error=\"{}\"", absl::CEscape(digest),
                 absl::CEscape(read.ok() ? "a package is missing" : read.status().message()));
    return parts_->remover.RemoveUnknown(Folder::kSets, digest);
  }
  CatalogSet& set = share.catalog.AddSet(*std::move(read));
  set.used_at = share.directory->UsedAt(Folder::kSets, digest).value_or(0);
  // What it takes is known when it has been checked. Its packages were used when it was.
  for (const internal::StoredPackage& info : set.info.packages()) {
    CatalogPackage* package = share.catalog.FindPackage(info.key());
    package->used_at = std::max(package->used_at, set.used_at);
  }
}

void Store::LoadResolution(const std::string& request_digest) {
  StoreShare& share = parts_->share;
  internal::StoredResolution read;
  const absl::Status status =
      share.directory->GetRecord(Folder::kResolutions, request_digest, read);
  if (!status.ok() || !IsSha256Hex(request_digest) ||
      share.catalog.FindSet(read.set_digest()) == nullptr) {
    return parts_->remover.RemoveUnknown(Folder::kResolutions, request_digest);
  }
  share.catalog.PutResolution(request_digest, {read.set_digest(), read.ends_at()});
}

}  // namespace warren
