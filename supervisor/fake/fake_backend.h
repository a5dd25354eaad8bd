#ifndef WARREN_SUPERVISOR_FAKE_FAKE_BACKEND_H_
#define WARREN_SUPERVISOR_FAKE_FAKE_BACKEND_H_

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "runtime/base/mutex.h"
#include "supervisor/backend/backend.h"
#include "supervisor/fake/fake_packages.h"
#include "supervisor/fake/fake_sandbox.h"

namespace warren {

// A backend in memory, for tests of doors: what a cell does is written in its code (FakeCell).
//
// Templates: "base"; "slow", whose creates wait for FinishCreates; "broken", which cannot be used.
// Limits are taken as they come. A sandbox whose lifetime is over is gone, but nothing is told.
//
// Thread-safe. It outlives its handles and operations. Lifecycle: constructor → use → destructor,
// which ends what runs and waits for its threads.
class FakeBackend final : public Backend {
 public:
  // A Reply may come from within Open, or later from another thread.
  enum class Opens { kInPlace, kLater };

  static constexpr size_t kMaxSandboxes = 1000;

  explicit FakeBackend(Opens opens = Opens::kInPlace) : opens_(opens) {}
  ~FakeBackend() override;

  // Creates of "slow" that wait.
  size_t waiting_creates();
  void FinishCreates();
  // Cancels of creates come too late from now on.
  void DeafenCreates();
  int late_cancels();
  size_t sandboxes();
  // Cells that wait for their readers.
  int paused_cells();
  // Tells who watches the network of a sandbox. NOT_FOUND.
  absl::Status TellNetwork(const std::string& sandbox_id, const v1::NetworkEvent& event);
  // Of all sandboxes.
  size_t network_watchers();
  // Its store, and what hangs.
  FakePackages& packages() { return *packages_; }
  // What health() says.
  void SetHealth(absl::Status health);
  // Deadline of the last create.
  absl::Time last_deadline();

  absl::Status health() const override;
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;
  std::unique_ptr<Operation> Prefetch(const Call& call, v1::PrefetchPackagesRequest request,
                                      std::shared_ptr<InstallSink> sink) override;
  void ListPackages(const Call& call, Reply<v1::ListStoredPackagesResponse> reply) override;
  void PrunePackages(const Call& call, const v1::PruneStoredPackagesRequest& request,
                     Reply<v1::PruneStoredPackagesResponse> reply) override;
  void VerifyPackages(const Call& call, Reply<v1::VerifyStoredPackagesResponse> reply) override;

 private:
  struct Waiting {
    std::string tenant;
    v1::CreateSandboxRequest request;
    Reply<v1::Sandbox> reply;
  };
  class CreateOperation;

  absl::StatusOr<std::shared_ptr<FakeSandbox>> Find(const std::string& sandbox_id);
  absl::StatusOr<v1::Sandbox> Make(const std::string& tenant,
                                   const v1::CreateSandboxRequest& request);
  std::vector<std::shared_ptr<FakeSandbox>> Live();
  // Ends a create that still waits.
  void CancelCreate(const std::shared_ptr<Waiting>& waiting);

  const Opens opens_;
  const std::shared_ptr<FakePackages> packages_ = std::make_shared<FakePackages>();
  mutable Mutex mu_;
  absl::Status health_ ABSL_GUARDED_BY(mu_);
  absl::Time last_deadline_ ABSL_GUARDED_BY(mu_);
  int64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  // Oldest first.
  std::deque<std::shared_ptr<FakeSandbox>> sandboxes_ ABSL_GUARDED_BY(mu_);
  std::list<std::shared_ptr<Waiting>> waiting_ ABSL_GUARDED_BY(mu_);
  bool deaf_ ABSL_GUARDED_BY(mu_) = false;
  int late_cancels_ ABSL_GUARDED_BY(mu_) = 0;
  // Of Opens::kLater.
  std::vector<std::thread> openers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_FAKE_FAKE_BACKEND_H_
