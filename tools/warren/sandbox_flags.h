#ifndef WARREN_TOOLS_WARREN_SANDBOX_FLAGS_H_
#define WARREN_TOOLS_WARREN_SANDBOX_FLAGS_H_

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"
#include "tools/warren/flags.h"
#include "warren/v1/sandbox.pb.h"

// Options that say what a sandbox is to be like.
namespace warren {

// --memory, --cpus, --pids: limits that can be changed later too, and --output.
void AddChangeableLimits(CLI::App& command, v1::Limits* limits);
// --template, the limits that a sandbox is commonly made with, and its network.
void AddSandboxOptions(CLI::App& command, v1::CreateSandboxRequest* create);
// --network, --allow, --deny, --bandwidth and --connections. `policy` makes one where there is none
// yet, when one of them is given.
void AddNetworkOptions(CLI::App& command, const std::function<v1::NetworkPolicy*()>& policy);
// The other limits.
void AddFurtherLimits(CLI::App& command, v1::Limits* limits);
// --lifetime-from and --on-expiry.
void AddLifetimeOptions(CLI::App& command,
                        const std::function<void(v1::LifetimeFrom)>& lifetime_from,
                        const std::function<void(v1::OnExpiry)>& on_expiry);

// The sandbox of a command that makes one where none is named.
struct SandboxChoice {
  // Empty: one of its own, made as `create` says.
  std::string sandbox_id;
  v1::CreateSandboxRequest create;
};
// `named` is --sandbox, or the operand that stands for it: what describes a new one excludes it.
void AddOwnSandboxOptions(CLI::App& command, CLI::Option* named, SandboxChoice* choice);
// --sandbox.
CLI::Option* AddSandboxOption(CLI::App& command, std::string* sandbox_id);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_SANDBOX_FLAGS_H_
