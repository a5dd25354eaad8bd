#ifndef WARREN_SUPERVISOR_E2B_E2B_BACKEND_H_
#define WARREN_SUPERVISOR_E2B_E2B_BACKEND_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "runtime/base/mutex.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/backend/backend.h"
#include "supervisor/e2b/control/control_client.h"
#include "supervisor/e2b/control/usage_meter.h"

namespace warren {

// E2B's cloud, or what speaks its protocol, as a backend. Everything happens on one thread of its
// own. What the cloud cannot do is UNIMPLEMENTED, and GetEnvironment lists it (features.h).
//
// A sandbox keeps the cloud's id. Whose it is stands in its metadata, so that tenants and lifetimes
// are known after a restart. Where the connection to a cell breaks, it is not run again, and told
// as UNAVAILABLE.
//
// Thread-safe. Handles and operations may outlive it; what they are asked then is UNAVAILABLE.
class E2bBackend final : public Backend {
 public:
  // INVALID_ARGUMENT: TLS files, or a budget's file, that cannot be used. Nobody is asked anything
  // before the first call, but for the sandboxes that run, where they are counted.
  static absl::StatusOr<std::unique_ptr<E2bBackend>> Make(CloudOptions options,
                                                          config::Budget budget);
  ~E2bBackend() override;

  // OK: whether it can be reached, only a call or a probe can tell.
  absl::Status health() const override { return absl::OkStatus(); }
  void Probe(const Call& call, Reply<ProbeAnswer> reply) override;
  void OnForgotten(std::function<void(const std::string&)> on_forgotten) override;
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;

  // Another one has taken its place: it goes on for what has begun, keeps no sandbox ready, and
  // leaves the budget's file alone. Save before the other one is made.
  void Retire();
  // Writes the budget's file.
  void Save();

  // This month's sandbox time.
  UsageMeter& meter() { return meter_; }
  const CloudOptions& options() const { return cloud_->options(); }

 private:
  E2bBackend(CloudOptions options, const config::Budget& budget, std::unique_ptr<IoLoop> loop);
  // Writes the meter's file, and warns where it is time, now and then.
  void Count();
  void RemoveWarm();

  UsageMeter meter_;
  const std::unique_ptr<IoLoop> loop_;
  const std::shared_ptr<Cloud> cloud_;
  const std::shared_ptr<ControlClient> control_;
  std::atomic<bool> retired_{false};
  std::thread thread_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_E2B_BACKEND_H_
