// warren-bench: the measuring client behind tools/bench. Each subcommand prints one JSON object of
// raw figures (times in nanoseconds) on standard output, or one line on standard error.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>

#include "absl/strings/str_cat.h"
#include "tools/benchmark/client/origin.h"
#include "tools/benchmark/client/references.h"
#include "tools/benchmark/client/scenarios.h"

namespace {

using nlohmann::json;
using warren::bench::Cell;
using warren::bench::DeathPlan;
using warren::bench::FilesPlan;
using warren::bench::InstallsPlan;
using warren::bench::NetworksPlan;
using warren::bench::SessionsPlan;
using warren::bench::Target;
using Measurement = std::function<absl::StatusOr<json>()>;

struct Flags {
  Target target;
  Cell cell;
  SessionsPlan sessions;
  NetworksPlan networks;
  FilesPlan files;
  InstallsPlan installs;
  DeathPlan death;
  std::string direction = "write";
  int64_t disk_bytes = 0;
  std::string template_id = "data-science";
  int64_t memory_bytes = 0;
  std::string network;
  int count = 100;
  int warmup = 5;
  int clients = 1;
  int rounds = 1;
  double seconds = 5;
  int64_t pause_us = 0;
  int64_t bytes = int64_t{1} << 30;
  pid_t supervisor = 0;
  std::string until;
  std::vector<std::string> arguments;
};

// Registers subcommands; each sets what is to be measured.
class Commands {
 public:
  Commands(CLI::App& app, Flags& flags, Measurement& chosen)
      : app_(app), flags_(flags), chosen_(chosen) {}

  CLI::App* Add(const char* name, const char* what, Measurement measurement) {
    CLI::App* command = app_.add_subcommand(name, what);
    command->callback([this, measurement = std::move(measurement)] { chosen_ = measurement; });
    return command;
  }

  // A command that makes sandboxes and runs cells on a server.
  CLI::App* AddScenario(const char* name, const char* what, Measurement measurement) {
    CLI::App* command = Add(name, what, std::move(measurement));
    command->add_option("--address", flags_.target.address, "Server")->required();
    command->add_option("--cgroup-parent", flags_.target.cgroup_parent, "The server's own");
    command->add_option("--template", flags_.template_id, "Template");
    command->add_option("--memory-bytes", flags_.memory_bytes, "Limit other than the default");
    command->add_option("--network", flags_.network, "Preset of its network; none where not given");
    command->add_option("--code", flags_.cell.code, "The cell");
    command->add_option("--expect", flags_.cell.expect, "What its output must contain");
    return command;
  }

  CLI::App* Repeated(CLI::App* command) {
    command->add_option("--count", flags_.count, "Samples");
    command->add_option("--warmup", flags_.warmup, "Uncounted runs before");
    return command;
  }

 private:
  CLI::App& app_;
  Flags& flags_;
  Measurement& chosen_;
};

void AddScenarios(Commands& commands, Flags& f) {
  using namespace warren::bench;
  commands.Repeated(commands.AddScenario("creates", "One create after the other", [&f] {
    return MeasureCreates(f.target, f.cell, f.count, f.warmup);
  }));
  CLI::App* cells =
      commands.Repeated(commands.AddScenario("cells", "Cells of a live context", [&f] {
        return MeasureCells(f.target, f.cell, f.count, f.warmup, f.pause_us * 1000);
      }));
  cells->add_option("--pause-us", f.pause_us, "Between two cells, in the mean");
  commands.Repeated(commands.AddScenario("page-copies", "Memory that a first cell copies", [&f] {
    return MeasurePageCopies(f.target, f.cell, f.count);
  }));
  commands.Repeated(commands.AddScenario("first-cell-costs", "Faults of first cells", [&f] {
    return MeasureFirstCellCosts(f.target, f.cell, f.count);
  }));
  commands.Repeated(commands.AddScenario("live-cell-costs", "Faults of further cells", [&f] {
    return MeasureLiveCellCosts(f.target, f.cell, f.count, f.warmup);
  }));
  commands.AddScenario("attack", "A hostile cell until standard input ends",
                       [&f] { return RunAttack(f.target, f.cell); });
  commands.Repeated(commands.AddScenario("reclaim", "What a destroy gives back, and when", [&f] {
    return MeasureReclaim(f.target, f.cell, f.count);
  }));
  CLI::App* full = commands.AddScenario("full-ends", "Full sandboxes destroyed at once", [&f] {
    return MeasureFullEnds(f.target, f.cell, f.count, f.rounds);
  });
  full->add_option("--count", f.count, "How many at once");
  full->add_option("--rounds", f.rounds, "How often");
  CLI::App* load = commands.AddScenario("load", "Create, run, destroy, many at a time", [&f] {
    return MeasureLoad(f.target, f.cell, f.clients, static_cast<int64_t>(f.seconds * 1e9));
  });
  load->add_option("--clients", f.clients, "At a time");
  load->add_option("--seconds", f.seconds, "For how long");
  CLI::App* burst = commands.AddScenario("burst", "Many creates at the same moment", [&f] {
    return MeasureBurst(f.target, f.cell, f.clients, f.rounds);
  });
  burst->add_option("--clients", f.clients, "At a time");
  burst->add_option("--rounds", f.rounds, "How often");
  CLI::App* sessions = commands.AddScenario("sessions", "Many live sessions", [&f] {
    f.sessions.first = f.cell;
    f.sessions.clients = f.clients;
    return MeasureSessions(f.target, f.sessions);
  });
  sessions->add_option("--sessions", f.sessions.count, "How many")->required();
  sessions->add_option("--clients", f.clients, "Makers at a time");
  sessions->add_option("--further-code", f.sessions.further.code, "A cell on any of them later");
  sessions->add_option("--further-expect", f.sessions.further.expect, "What it must say");
  sessions->add_option("--further-cells", f.sessions.further_cells, "How many of these");
  CLI::App* output = commands.AddScenario("output", "A flood of output", [&f] {
    return MeasureOutput(f.target, f.cell, f.bytes, f.supervisor);
  });
  output->add_option("--bytes", f.bytes, "What the cell writes");
  output->add_option("--supervisor-pid", f.supervisor, "Whose memory to watch")->required();
}

// What needs more of a sandbox than its first context.
void AddLiveScenarios(Commands& commands, Flags& f) {
  using namespace warren::bench;
  commands.Repeated(commands.AddScenario("contexts", "Further contexts of a live sandbox", [&f] {
    return MeasureContexts(f.target, f.cell, f.count, f.warmup);
  }));
  for (CLI::App* command :
       {commands.AddScenario(
            "commands", "Commands in a live sandbox",
            [&f] { return MeasureCommands(f.target, f.arguments, f.count, f.warmup); }),
        commands.AddScenario("first-commands", "The first command of a sandbox", [&f] {
          return MeasureFirstCommands(f.target, f.arguments, f.count, f.warmup);
        })}) {
    commands.Repeated(command)->add_option("arguments", f.arguments, "The program")->required();
  }
  CLI::App* pauses = commands.Repeated(commands.AddScenario(
      "pauses", "A sandbox at work paused and resumed",
      [&f] { return MeasurePauses(f.target, f.cell, f.sessions.further, f.count, f.warmup); }));
  pauses->add_option("--further-code", f.sessions.further.code, "A cell after each of them");
  pauses->add_option("--further-expect", f.sessions.further.expect, "What it must say");
  CLI::App* files = commands.Repeated(commands.AddScenario("files", "A file moved", [&f] {
    f.files.direction =
        f.direction == "read" ? FilesPlan::Direction::kRead : FilesPlan::Direction::kWrite;
    f.files.file.bytes = f.bytes;
    f.files.count = f.count;
    f.files.warmup = f.warmup;
    f.files.supervisor = f.supervisor;
    f.target.create.mutable_limits()->set_disk_bytes(f.disk_bytes);
    return MeasureFiles(f.target, f.files);
  }));
  files->add_option("--direction", f.direction, "Which way")
      ->check(CLI::IsMember({"write", "read"}));
  files->add_option("--path", f.files.file.path, "Where it is in the sandbox")->required();
  files->add_option("--bytes", f.bytes, "How large it is");
  files->add_option("--chunk", f.files.file.chunk, "Data of a message to the server")->required();
  files->add_option("--disk-bytes", f.disk_bytes, "Limit other than the default");
  files->add_option("--supervisor-pid", f.supervisor, "Whose memory to watch");
}

// What goes through the relay, to serve-origin.
void AddNetworkScenarios(Commands& commands, Flags& f) {
  using namespace warren::bench;
  commands.Repeated(
      commands.AddScenario("network-creates", "Creates without and with a network in turns",
                           [&f] { return MeasureNetworkCreates(f.target, f.count, f.warmup); }));
  commands.AddScenario("printed", "What a cell prints, in a sandbox of its own",
                       [&f] { return MeasurePrinted(f.target, f.cell); });
  CLI::App* networks = commands.AddScenario("networks", "Many sandboxes with a network", [&f] {
    f.networks.rehearsal = f.cell;
    f.networks.connect = f.sessions.further;
    f.networks.clients = f.clients;
    return MeasureNetworks(f.target, f.networks);
  });
  networks->add_option("--sandboxes", f.networks.count, "How many")->required();
  networks->add_option("--clients", f.clients, "Makers at a time");
  networks->add_option("--further-code", f.sessions.further.code, "A cell with the network");
  networks->add_option("--further-expect", f.sessions.further.expect, "What it must say");
  for (const char* process : {"supervisor", "launcher", "relay"}) {
    networks
        ->add_option(absl::StrCat("--", process, "-pid"), f.networks.processes[process],
                     "Whose memory to watch")
        ->required();
  }
  commands.Add("serve-origin", "What sandboxes connect to, until standard input ends",
               []() -> absl::StatusOr<json> {
                 absl::Status status = ServeOrigin();
                 if (!status.ok()) return status;
                 return json::object();
               });
}

// What other servers are behind.
void AddBackendScenarios(Commands& commands, Flags& f) {
  using namespace warren::bench;
  commands
      .AddScenario("at-once", "A cell in many sandboxes at the same moment",
                   [&f] { return MeasureAtOnce(f.target, f.cell, f.clients); })
      ->add_option("--clients", f.clients, "At a time");
  CLI::App* death =
      commands.AddScenario("after-death", "The first call after a backend's death",
                           [&f] { return MeasureAfterDeath(f.target, f.cell, f.death); });
  death->add_option("--backend", f.death.backend, "Its name")->required();
  death->add_option("--victim", f.death.victim, "The process of it to kill")->required();
}

// What takes an index and a store.
void AddPackageScenarios(Commands& commands, Flags& f) {
  using namespace warren::bench;
  CLI::App* installs = commands.Repeated(
      commands.AddScenario("installs", "A package installed into sandboxes that live", [&f] {
        f.installs.rehearsal = f.cell;
        f.installs.use = f.sessions.further;
        f.installs.count = f.count;
        f.installs.warmup = f.warmup;
        return MeasureInstalls(f.target, f.installs);
      }));
  installs->add_option("--requirement", f.installs.requirement, "The package")->required();
  installs->add_option("--further-code", f.sessions.further.code, "A cell that uses it");
  installs->add_option("--further-expect", f.sessions.further.expect, "What it must say");
}

void AddReferences(Commands& commands, Flags& f) {
  using namespace warren::bench;
  CLI::App* serve = commands.Add("serve-reference", "Bare gRPC until standard input ends",
                                 [&f]() -> absl::StatusOr<json> {
                                   absl::Status status = ServeReference(f.target.address);
                                   if (!status.ok()) return status;
                                   return json::object();
                                 });
  serve->add_option("--address", f.target.address, "Where to listen")->required();
  CLI::App* echo =
      commands.Repeated(commands.Add("echo", "Calls of serve-reference, back to back", [&f] {
        return MeasureEcho(f.target.address, f.count, f.warmup);
      }));
  echo->add_option("--address", f.target.address, "Where it listens")->required();
  commands.Repeated(commands.Add("pipe", "A byte to another process and back",
                                 [&f] { return MeasurePipe(f.count, f.warmup); }));
  CLI::App* spawn = commands.Repeated(commands.Add("spawn", "Starts a program anew", [&f] {
    return MeasureSpawn(f.arguments, f.until, f.count, f.warmup);
  }));
  spawn->add_option("--until", f.until, "Output that shows that its work is done");
  spawn->add_option("arguments", f.arguments, "The program")->required();
  commands
      .Repeated(commands.Add("fork-exec", "Forks and executes a program",
                             [&f] { return MeasureForkExec(f.arguments, f.count, f.warmup); }))
      ->add_option("arguments", f.arguments, "The program")
      ->required();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures a running warrend as a client, and what it is compared with.");
  app.require_subcommand(1);
  Flags flags;
  Measurement measurement;
  Commands commands(app, flags, measurement);
  AddScenarios(commands, flags);
  AddLiveScenarios(commands, flags);
  AddNetworkScenarios(commands, flags);
  AddPackageScenarios(commands, flags);
  AddBackendScenarios(commands, flags);
  AddReferences(commands, flags);
  CLI11_PARSE(app, argc, argv);

  flags.target.create.set_template_id(flags.template_id);
  if (flags.memory_bytes != 0) {
    flags.target.create.mutable_limits()->set_memory_bytes(flags.memory_bytes);
  }
  if (!flags.network.empty()) flags.target.create.mutable_network()->set_preset(flags.network);
  // A session of a long run must not end by itself.
  flags.target.create.mutable_lifetime()->set_seconds(3600);
  absl::StatusOr<json> result = measurement();
  if (!result.ok()) {
    std::fprintf(stderr, "warren-bench: %s\n", std::string(result.status().message()).c_str());
    return 1;
  }
  std::puts(result->dump().c_str());
  return 0;
}
