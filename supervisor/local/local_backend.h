#ifndef WARREN_SUPERVISOR_LOCAL_LOCAL_BACKEND_H_
#define WARREN_SUPERVISOR_LOCAL_LOCAL_BACKEND_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/control/launcher_client.h"
#include "runtime/plan/template_store.h"
#include "supervisor/local/module_index.h"
#include "supervisor/pool/pool.h"
#include "supervisor/session/execution.h"
#include "supervisor/session/io_loop.h"
#include "supervisor/session/launcher_link.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_table.h"
#include "warren/config/policy.pb.h"

namespace warren {

// Everything that the supervisor does for its clients, on this machine. It joins the launcher's
// link, the table of sandboxes and the pool; the API in front of it only translates.
//
// Thread-safe. Lifecycle: Create (launcher started, Hello received) → Start, with the loop running
// or about to → requests → BeginShutdown → EndExecutions → CloseLauncher → destruction after the
// loop has stopped.
class LocalBackend {
 public:
  struct Parts {
    std::unique_ptr<LauncherClient> launcher;
    internal::HostFacts facts;
    std::map<std::string, Template> templates;
    // One of them.
    std::string default_template;
    ModuleIndex modules;
    config::LimitsPolicy limits_policy;
    PoolOptions pool;
  };
  struct CreateRequest {
    // Empty for the default template.
    std::string template_id;
    warren::v1::Limits limits;
    absl::Duration lifetime;
    std::map<std::string, std::string> metadata;
  };
  using CreateCallback = absl::AnyInvocable<void(absl::StatusOr<Lease>)>;

  // FAILED_PRECONDITION when a template's own limits do not fit the policy.
  static absl::StatusOr<std::unique_ptr<LocalBackend>> Create(IoLoop& loop, Parts parts);

  // `on_launcher_gone` runs on the IO thread when the launcher ends by itself.
  absl::Status Start(absl::AnyInvocable<void(absl::Status)> on_launcher_gone);

  // Answers in place when the pool has one ready, else later on the IO thread. `still_wanted` is
  // asked before the sandbox is registered; one that is not wanted goes back into the pool.
  void CreateSandbox(CreateRequest request, absl::AnyInvocable<bool()> still_wanted,
                     CreateCallback on_created);
  // NOT_FOUND.
  absl::StatusOr<Lease> FindSandbox(const std::string& id) const;
  absl::StatusOr<Lease> SetLifetime(const std::string& id, absl::Duration lifetime);
  // What it used in its whole life.
  struct Destroyed {
    Lease lease;
    SandboxTotals totals;
  };
  absl::StatusOr<Destroyed> DestroySandbox(const std::string& id);
  std::vector<Lease> ListSandboxes() const { return table_.List(); }
  std::vector<warren::v1::PoolStatus> PoolStatus() const { return pool_.Status(); }

  const std::map<std::string, Template>& templates() const { return templates_; }
  const std::string& default_template() const { return default_template_; }
  absl::StatusOr<const Template*> FindTemplate(const std::string& id) const;
  std::string PythonVersion(const Template& from) const;

  int running_cells() const { return host_.running_cells.load(); }

  // No further sandbox is made.
  void BeginShutdown();
  // What still runs ends now, as killed.
  void EndExecutions();
  // Closes the launcher's socket; the launcher removes every sandbox and ends. False when it did
  // not within `timeout`.
  bool CloseLauncher(absl::Duration timeout);

 private:
  LocalBackend(IoLoop& loop, Parts parts, std::map<std::string, Pool::PoolTemplate> pool_templates);
  void OnLauncherEvent(const internal::LauncherReply& event);
  void Deliver(CreateRequest request, std::shared_ptr<Sandbox> sandbox,
               std::vector<warren::v1::StageTiming> stages, bool from_pool,
               absl::AnyInvocable<bool()>& still_wanted, CreateCallback& on_created);

  IoLoop& loop_;
  const std::map<std::string, Template> templates_;
  const std::string default_template_;
  const ModuleIndex modules_;
  const config::LimitsPolicy limits_policy_;
  std::map<std::string, warren::v1::Limits> default_limits_;
  LauncherLink link_;
  SandboxTable table_;
  SandboxHost host_;
  Pool pool_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_LOCAL_BACKEND_H_
