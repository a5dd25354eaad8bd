#ifndef WARREN_SUPERVISOR_LOCAL_LOCAL_BACKEND_H_
#define WARREN_SUPERVISOR_LOCAL_LOCAL_BACKEND_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/control/launcher_client.h"
#include "runtime/loop/io_loop.h"
#include "runtime/network/network_policy.h"
#include "runtime/plan/template_store.h"
#include "supervisor/backend/backend.h"
#include "supervisor/base/memory_budget.h"
#include "supervisor/local/module_index.h"
#include "supervisor/packages/package_installer.h"
#include "supervisor/pool/pool.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/file_user.h"
#include "supervisor/session/launcher_link.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_table.h"
#include "warren/config/package.pb.h"
#include "warren/config/policy.pb.h"

namespace warren {

// The backend that is this machine. It joins the launcher's link, the table of sandboxes and the
// pool.
//
// Thread-safe. Lifecycle: Make (launcher started, Hello received) → Start, with the loop running or
// about to → requests → BeginShutdown → EndExecutions → CloseLauncher → destruction after the loop
// has stopped.
class LocalBackend final : public Backend {
 public:
  struct Parts {
    // Of the backend.
    std::string name = "local";
    std::unique_ptr<LauncherClient> launcher;
    internal::HostFacts facts;
    std::map<std::string, Template> templates;
    // One of them.
    std::string default_template;
    ModuleIndex modules;
    config::LimitsPolicy limits_policy;
    NetworkPresets network_presets;
    // By the egress policy of the launcher's.
    bool network_enabled = false;
    config::PackagePolicy package_policy;
    // Why no package can be installed; empty where one can.
    std::string packages_unavailable = "this server has no package index";
    PoolOptions pool;
    // How many contexts there may be beside the first ones, in all sandboxes together.
    int further_contexts = 0;
    // Descriptors for agents and processes, in all sandboxes.
    int process_descriptors = 0;
    // Connections to ports inside, in all sandboxes.
    int port_connections = 0;
    // Bytes of waiting code, unread output and what is kept for clients that come back, of all
    // sandboxes together; 0 for a sixteenth of the host's memory.
    int64_t buffer_memory = 0;
  };

  // FAILED_PRECONDITION when a template's own limits do not fit the policy.
  static absl::StatusOr<std::unique_ptr<LocalBackend>> Make(IoLoop& loop, Parts parts);

  // `on_launcher_gone` runs on the IO thread when the launcher ends by itself.
  absl::Status Start(absl::AnyInvocable<void(absl::Status)> on_launcher_gone);

  // ---- Backend
  void OnForgotten(std::function<void(const std::string&)> on_forgotten) override {
    on_forgotten_ = std::move(on_forgotten);
  }
  absl::Status health() const override;
  // It alone.
  void ListBackends(const Call& call, const warren::v1::ListBackendsRequest& request,
                    Reply<warren::v1::ListBackendsResponse> reply) override;
  // Answers in place when the pool has one ready and it needs no network, else later on the IO
  // thread.
  std::unique_ptr<Operation> Create(const Call& call,
                                    const warren::v1::CreateSandboxRequest& request,
                                    Reply<warren::v1::Sandbox> reply) override;
  void Open(const Call& call, const std::string& sandbox_id,
            Reply<std::shared_ptr<SandboxHandle>> reply) override;
  void List(const Call& call, const warren::v1::ListSandboxesRequest& request,
            Reply<warren::v1::ListSandboxesResponse> reply) override;
  void ListTemplates(const Call& call, Reply<warren::v1::ListTemplatesResponse> reply) override;
  void GetEnvironment(const Call& call, const std::string& template_id,
                      Reply<warren::v1::Environment> reply) override;
  std::unique_ptr<Operation> Prefetch(const Call& call, warren::v1::PrefetchPackagesRequest request,
                                      std::shared_ptr<InstallSink> sink) override;
  void ListPackages(const Call& call, Reply<warren::v1::ListStoredPackagesResponse> reply) override;
  void PrunePackages(const Call& call, const warren::v1::PruneStoredPackagesRequest& request,
                     Reply<warren::v1::PruneStoredPackagesResponse> reply) override;
  void VerifyPackages(const Call& call,
                      Reply<warren::v1::VerifyStoredPackagesResponse> reply) override;

  // ---- For the handles
  SandboxTable& table() { return table_; }
  const config::LimitsPolicy& limits_policy() const { return limits_policy_; }
  IoLoop& loop() { return loop_; }
  SandboxHost& host() { return host_; }
  DetachedExecutions& detached() { return detached_; }
  Pool& pool() { return pool_; }
  PackageInstaller& packages() { return *packages_; }
  // Without a sandbox.
  PackageInstaller::Target PackageTarget(const Template& from) const;
  // NOT_FOUND.
  absl::StatusOr<const Template*> FindTemplate(const std::string& id) const;
  warren::v1::Environment DescribeTemplate(const Template& from) const;
  // What a sandbox of it has in `environment` beside that, as far as no sandbox has to be asked.
  void DescribeSandboxes(const Template& from, warren::v1::Environment& environment) const;
  // What a policy that is valid comes to. INVALID_ARGUMENT: there is no such preset, or it has too
  // many rules; FAILED_PRECONDITION: it lets something out, and this server gives no sandbox a
  // network.
  absl::StatusOr<warren::v1::NetworkPolicy> ResolveNetwork(
      const warren::v1::NetworkPolicy& policy) const;
  // NOT_FOUND.
  absl::StatusOr<LeaseRef> FindLease(const std::string& id) const;
  // Who "user" or "root" is in a sandbox of this template, empty for its profile.
  // PERMISSION_DENIED: the template does not grant it.
  absl::StatusOr<FileUser> FindFileUser(const std::string& template_id,
                                        const std::string& user) const;

  // The program that runs scripts of this language, which a template has: its Python, or what PATH
  // has under the language's name.
  absl::StatusOr<std::vector<std::string>> FindInterpreter(const std::string& template_id,
                                                           const std::string& language) const;

  // ---- For who started it
  int running_cells() const { return host_.running_cells.load(); }
  // In a sandbox an execution goes on, or somebody is connected with a process, moves a file, or
  // watches a directory.
  bool in_use() const;
  // Of waiting code, unread output and the rest: for the doors' queues too.
  MemoryBudget& memory() { return memory_; }
  // No further sandbox is made.
  void BeginShutdown();
  // What still runs ends now, as killed.
  void EndExecutions();
  // What nobody has told the end of is over, too.
  void GiveUpSandboxes() { table_.OnLauncherGone(); }
  // Closes the launcher's socket; the launcher removes every sandbox and ends. False when it did
  // not within `timeout`.
  bool CloseLauncher(absl::Duration timeout);

 private:
  enum class State { kServing, kStopping, kLauncherGone };

  LocalBackend(IoLoop& loop, Parts parts, std::map<std::string, Pool::PoolTemplate> pool_templates);
  absl::Status MakePackages(PackageInstaller::Parts parts);
  // A create whose sandbox gets a network.
  class NetworkCreate;
  void OnLauncherEvent(LauncherMessage message);
  std::string PythonVersion(const Template& from) const;
  // The request with its defaults, and the limits that it comes to.
  absl::StatusOr<warren::v1::Limits> Resolve(warren::v1::CreateSandboxRequest& request) const;
  // Null: none with these limits is ready.
  std::shared_ptr<Sandbox> TakeReady(const std::string& template_id,
                                     const warren::v1::Limits& limits);
  // Of a policy that ResolveNetwork gave.
  std::unique_ptr<Operation> CreateWithNetwork(const Principal& who,
                                               warren::v1::CreateSandboxRequest request,
                                               const warren::v1::Limits& limits,
                                               warren::v1::NetworkPolicy network,
                                               Reply<warren::v1::Sandbox> reply);
  // Behind `after` in the table's order.
  void FillPage(const Principal& who, const warren::v1::ListSandboxesRequest& request,
                uint64_t after, warren::v1::ListSandboxesResponse& response) const;
  // The sandbox is `who`'s from here on.
  warren::v1::Sandbox Deliver(const Principal& who, const warren::v1::CreateSandboxRequest& request,
                              Pool::Made made, bool from_pool);

  IoLoop& loop_;
  std::atomic<State> state_{State::kServing};
  // In page tokens: those of an earlier life of this server are refused.
  const std::string instance_;
  // Files of sandboxes can have user.* attributes.
  const bool file_attributes_;
  // One listener of a sandbox's has all its ports.
  const bool socket_lookup_;
  const std::map<std::string, Template> templates_;
  const std::string default_template_;
  // Of all sandboxes; empty for "user".
  const std::string profile_;
  const ModuleIndex modules_;
  const config::LimitsPolicy limits_policy_;
  const NetworkPresets network_presets_;
  const bool network_enabled_;
  std::map<std::string, warren::v1::Limits> default_limits_;
  MemoryBudget memory_;
  DetachedExecutions detached_;
  LauncherLink link_;
  std::function<void(const std::string&)> on_forgotten_;
  // Sandboxes give back to it as they go.
  SandboxHost host_;
  SandboxTable table_;
  Pool pool_;
  // Of the package policy: what was resolved under another holds no more.
  std::string package_policy_text_;
  // Set by Make.
  std::unique_ptr<PackageInstaller> packages_;
};

// What builders get, as far as the policy allows it.
absl::StatusOr<warren::v1::Limits> BuilderLimits(const config::LimitsPolicy& policy);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_LOCAL_BACKEND_H_
