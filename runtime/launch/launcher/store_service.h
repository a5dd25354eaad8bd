#ifndef WARREN_RUNTIME_LAUNCH_LAUNCHER_STORE_SERVICE_H_
#define WARREN_RUNTIME_LAUNCH_LAUNCHER_STORE_SERVICE_H_

#include <cstdint>
#include <utility>

#include "runtime/launch/launcher/package_store.h"
#include "runtime/launch/launcher/service.h"

namespace warren {

// What every store of a launcher's is.
struct StoreSource {
  ServiceSource service;
  PackageStore directory;
  // StoreSetup.max_bytes
  int64_t max_bytes = 0;
};

// The package store (store.proto): root of nothing but its directory, whose files are the host
// root's. It is told one thing.
class StoreService : public Service {
 public:
  explicit StoreService(StoreSource source) : source_(std::move(source)) {}

  const PackageStore& directory() const { return source_.directory; }

  const ServiceSource& source() const override { return source_.service; }
  const char* effect_of_end() const override { return "what adds packages fails"; }
  absl::Status SetUp(const LaunchResources& resources, ServiceProcess& process) override;
  bool HasUntold() const override { return false; }
  absl::Status TellNext(ServiceProcess& process) override;

 private:
  const StoreSource source_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_LAUNCHER_STORE_SERVICE_H_
