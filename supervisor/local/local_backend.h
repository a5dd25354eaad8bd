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
#include "supervisor/backend/backend.h"
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
class LocalBackend final : public Backend {
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
  // FAILED_PRECONDITION when a template's own limits do not fit the policy.
  static absl::StatusOr<std::unique_ptr<LocalBackend>> Create(IoLoop& loop, Parts parts);

  // `on_launcher_gone` runs on the IO thread when the launcher ends by itself.
  absl::Status Start(absl::AnyInvocable<void(absl::Status)> on_launcher_gone);

  // Of the launcher.
  absl::Status health() const override { return absl::OkStatus(); }
  std::unique_ptr<Operation> Create(const Call& call, const v1::CreateSandboxRequest& request,
                                    Reply<v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const v1::ListSandboxesRequest& request,
            Reply<v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<v1::Environment> reply) override;

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
  class Handle;
  struct Creation;
  void Deliver(const std::shared_ptr<Creation>& creation, std::shared_ptr<Sandbox> sandbox,
               std::vector<v1::StageTiming> stages, bool from_pool);
  absl::StatusOr<const Template*> FindTemplate(const std::string& id) const;
  std::string PythonVersion(const Template& from) const;
  absl::StatusOr<Lease> FindSandbox(const std::string& id) const;

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
