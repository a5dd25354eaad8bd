#ifndef WARREN_TOOLS_WARREN_CHOSEN_SANDBOX_H_
#define WARREN_TOOLS_WARREN_CHOSEN_SANDBOX_H_

#include <memory>
#include <string>

#include "tools/warren/sandbox_flags.h"
#include "tools/warren/sandbox_lease.h"

namespace warren {

// Where a command runs: in the sandbox that its line names, or in one of its own.
// Owner: a command. Thread-compatible. Lifecycle: Choose → Release; the destructor releases what
// Release has not.
class ChosenSandbox {
 public:
  // `client` outlives it. Whether a named sandbox exists is told by the first call that uses it.
  static grpc::Status Choose(Client& client, const SandboxChoice& choice,
                             std::unique_ptr<ChosenSandbox>* chosen);

  const std::string& id() const {
    return lease_ == nullptr ? named_ : lease_->sandbox().sandbox_id();
  }
  // The one of its own, else null.
  const v1::Sandbox* created() const { return lease_ == nullptr ? nullptr : &lease_->sandbox(); }

  // Destroys the one of its own; says so where that fails.
  void Release();

 private:
  ChosenSandbox(Client& client, std::string named) : client_(client), named_(std::move(named)) {}

  Client& client_;
  std::string named_;
  std::unique_ptr<SandboxLease> lease_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_CHOSEN_SANDBOX_H_
