#ifndef WARREN_SUPERVISOR_MAIN_CONFIGURED_BACKENDS_H_
#define WARREN_SUPERVISOR_MAIN_CONFIGURED_BACKENDS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/loop/io_loop.h"
#include "runtime/packages/package_policy.h"
#include "supervisor/config/config_file.h"
#include "supervisor/failover/failover_backend.h"

namespace warren {

// What has to be known of the configuration before there is a backend: whether this machine is one.
class BackendPlan {
 public:
  // An empty path: this machine alone. INVALID_ARGUMENT has a line for each thing that is wrong.
  static absl::StatusOr<BackendPlan> Read(const std::string& path);
  bool has_local() const { return !local_name_.empty(); }
  const std::string& local_name() const { return local_name_; }

 private:
  std::string local_name_ = "local";
};

// The backends of the file of --config, behind one. Main thread, but for backend().
// Lifecycle: Make → Load, and again for each SIGHUP → destruction.
class ConfiguredBackends {
 public:
  struct Parts {
    // The file.
    std::string path;
    // PREFIX/share/warren has the policies.
    std::string prefix;
    // Null where the file had none at the start; outlives this.
    Backend* local = nullptr;
    // HostFacts.pace, at least 1.
    double pace = 1;
  };
  // The loop outlives it.
  static absl::StatusOr<std::unique_ptr<ConfiguredBackends>> Make(Parts parts, IoLoop& loop);

  Backend& backend() { return *failover_; }
  // Reads the file as the user who serves, and has it hold. After an error what was read before
  // goes on to hold. Backends that are as they were stay, with their connections.
  absl::Status Load();

 private:
  struct Made {
    // What it was made of, secrets included, as text that is never shown.
    std::string made_of;
    MemberSpec spec;
  };
  // One that the file has no more, as long as sandboxes live there. It is kept until a reload finds
  // that nobody else has it, so that it never goes on a thread of its own.
  struct Retired {
    std::string made_of;
    std::shared_ptr<Backend> backend;
  };
  ConfiguredBackends(Parts parts, IoLoop& loop);
  // What a backend depends on beside its entry.
  struct Needs {
    const BackendSecrets& secrets;
    // Of E2B's cloud.
    config::PackagePolicy package_policy;
  };
  absl::StatusOr<Needs> ReadNeeds(const config::Backend& backend,
                                  const BackendSecrets& secrets) const;
  // What was made of the same, and is there still: a second way to one server would list its
  // sandboxes twice. Null where there is none.
  std::shared_ptr<Backend> FindRetired(const std::string& made_of) const;
  absl::StatusOr<MemberSpec> MakeMember(const config::Backend& backend, const Needs& needs) const;
  absl::StatusOr<MemberSpec> MakeCloud(const config::Backend& backend, const Needs& needs) const;
  // After the members are in place.
  void RetireWhatIsGone(const std::map<std::string, Made>& now);

  const Parts parts_;
  // By name. They outlive what calls them.
  std::map<std::string, Made> made_;
  std::vector<Retired> retired_;
  std::unique_ptr<FailoverBackend> failover_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_CONFIGURED_BACKENDS_H_
