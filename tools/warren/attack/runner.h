#ifndef WARREN_TOOLS_WARREN_ATTACK_RUNNER_H_
#define WARREN_TOOLS_WARREN_ATTACK_RUNNER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/warren/attack/host_witness.h"
#include "tools/warren/attack/sandbox_command.h"
#include "tools/warren/attack/suite.h"
#include "tools/warren/attack/verdict.h"
#include "tools/warren/client.h"
#include "tools/warren/interrupts.h"
#include "tools/warren/sandbox_lease.h"

namespace warren::attack {

// Runs probes against sandboxes of a warrend on this host, each in sandboxes of its own, with an
// agent in the attacked one.
// Owner: the attack command. Thread-compatible; several may attack one warrend at once, each with
// its own witness, so that what a witness notices is the doing of the probe under way. `client` and
// `interrupts` outlive it.
class Runner {
 public:
  struct Options {
    std::string template_id;
    // The supervisor's socket, for sandboxes not to find; empty where it has none.
    std::string socket_path;
    Sources sources;
    // By which bounds grow.
    double pace = 1;
    // Of the sandboxes' code.
    std::string profile = "user";
  };
  Runner(Client& client, Interrupts& interrupts, HostWitness witness, Options options)
      : client_(client),
        interrupts_(interrupts),
        witness_(std::move(witness)),
        options_(std::move(options)),
        loading_cell_(LoadingCell(options_.sources)) {}

  // Asks a sandbox for what the suite's files say about their probes.
  absl::StatusOr<std::vector<Probe>> List();

  // Attacks one claim: plants in another sandbox, attacks, looks at the neighbour and at the host,
  // destroys, and looks whether anything is left.
  Outcome Attack(const Probe& probe);

 private:
  struct CellResult {
    grpc::Status status;
    std::string output;
    v1::Termination end;
    v1::Usage usage;
  };
  absl::StatusOr<std::unique_ptr<SandboxLease>> MakeSandbox(const v1::Limits& limits);
  CellResult RunCell(SandboxLease& sandbox, const SandboxLease::Cell& cell);
  // Runs one function of the probe's file.
  CellResult RunFunction(SandboxLease& sandbox, const Probe& probe, const std::string& function,
                         const std::string& planted, absl::Duration timeout);
  // The probe itself, in a cell or as a command.
  Outcome RunProbe(SandboxLease& sandbox, const Probe& probe, const std::string& planted,
                   v1::Usage* usage);
  // The host's number of the sandbox's agent, which is started where none runs: the parent of a
  // command that this runs.
  absl::StatusOr<int> AgentOf(SandboxLease& sandbox);
  // The same agent still runs commands.
  absl::Status CheckAgent(SandboxLease& sandbox, int agent);
  // The same of one that helps the probe; `judge` is told what it printed and how it ended.
  using HelperJudge = Outcome (*)(const std::string& output, const v1::Termination& end);
  Outcome RunHelper(SandboxLease& sandbox, const Probe& probe, const std::string& function,
                    const std::string& planted, HelperJudge judge);
  Outcome AttackSandbox(const Probe& probe, SandboxLease* neighbour, const std::string& planted);
  absl::Status CheckHost(const Probe& probe, const v1::Usage& usage, const std::string& planted,
                         SandboxLease& sandbox, int agent);
  std::string HostJson(const std::string& planted) const;

  Client& client_;
  Interrupts& interrupts_;
  HostWitness witness_;
  Options options_;
  std::string loading_cell_;
  // Marks the processes of the probe under way; a new one for each.
  std::string token_;
};

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_RUNNER_H_
