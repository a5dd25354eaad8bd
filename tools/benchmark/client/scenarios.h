#ifndef WARREN_TOOLS_BENCHMARK_CLIENT_SCENARIOS_H_
#define WARREN_TOOLS_BENCHMARK_CLIENT_SCENARIOS_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "tools/benchmark/client/file_client.h"
#include "tools/benchmark/client/session_client.h"

// What is measured of a running server, one function a scenario. Each connects by itself, checks
// the results of what it runs, leaves no sandbox, and returns raw figures: arrays of nanoseconds by
// the names given here. One scenario at a time; the functions start and join their own threads.
namespace warren::bench {

struct Target {
  std::string address;
  v1::CreateSandboxRequest create;
  // The server's --cgroup-parent, for scenarios that look at the host.
  std::string cgroup_parent;
};

// Limits so small that an attack reaches every one of them.
void SetSmallLimits(Target& target);

// One sandbox after the other from full pools: "create", "first_cell" (from the begin of the create
// to the end of the cell; absent without code), "cell", "destroy", "from_pool",
// "stages" as pairs of name and times.
absl::StatusOr<nlohmann::json> MeasureCreates(const Target& target, const Cell& cell, int count,
                                              int warmup);

// Two sandboxes in turns, one without a network and one with that of the target: "without" and
// "with", each as MeasureCreates says it without a cell.
absl::StatusOr<nlohmann::json> MeasureNetworkCreates(const Target& target, int count, int warmup);

// Makes `count` sandboxes without a network, each with the cell `rehearsal`, then gives each of
// them the network of the target and runs `connect` in it: "open" until the network was there, and
// the memory at the "start", with all of them "without" and "with" one: as MeasureSessions has it,
// "slab_bytes", "tcp_bytes", and in "process_bytes" the proportional set of each process named.
struct NetworksPlan {
  int count = 0;
  int clients = 0;
  Cell rehearsal;
  Cell connect;
  std::map<std::string, pid_t> processes;
};
absl::StatusOr<nlohmann::json> MeasureNetworks(const Target& target, const NetworksPlan& plan);

// The cell in a sandbox of its own, for what it measures itself: "printed".
absl::StatusOr<nlohmann::json> MeasurePrinted(const Target& target, const Cell& cell);

// In a sandbox of its own each time, from a full pool, whose context has run `rehearsal`: installs
// a package, then runs the cell `use` in that context. "install" until Done, "usable" from its
// begin to the end of the cell, "cell", "create", "destroy", "from_pool", "phases" as pairs of name
// and times, and "cached": how many found all of it in the store.
struct InstallsPlan {
  std::string requirement;
  Cell rehearsal;
  Cell use;
  int count = 0;
  int warmup = 0;
};
absl::StatusOr<nlohmann::json> MeasureInstalls(const Target& target, const InstallsPlan& plan);

// Cells of one live context, one after the other or, as somebody who thinks in between sends them,
// after pauses of half to one and a half times `pause_ns`: "cell".
absl::StatusOr<nlohmann::json> MeasureCells(const Target& target, const Cell& cell, int count,
                                            int warmup, int64_t pause_ns);

// Page copies of a context's first cell and of the same cell again: "first_cell", "second_cell",
// for each of "fork", "first" and "second" what they did to the worker's memory, and what the
// sandbox's cgroup was charged for when ready and after the first cell.
absl::StatusOr<nlohmann::json> MeasurePageCopies(const Target& target, const Cell& cell, int count);

// What a cell costs its worker, from where it stands ready to the cell's Finished: "minor_faults",
// "major_faults", "voluntary_switches", "involuntary_switches". Of the first cell of a sandbox each
// time, from the answered create; or of further cells of one live context. Nothing is timed.
absl::StatusOr<nlohmann::json> MeasureFirstCellCosts(const Target& target, const Cell& cell,
                                                     int count);
absl::StatusOr<nlohmann::json> MeasureLiveCellCosts(const Target& target, const Cell& cell,
                                                    int count, int warmup);

// Runs a hostile cell again and again in sandboxes with small limits, until standard input ends;
// prints "ready" when the first is at work. "rounds", "ends": how often in which way one ended. A
// cell that ends as if it were harmless is an error.
absl::StatusOr<nlohmann::json> RunAttack(const Target& target, const Cell& cell);

// `clients` threads create, run a cell and destroy without a pause: "completed", "elapsed",
// "cycle", "create", "first_cell".
absl::StatusOr<nlohmann::json> MeasureLoad(const Target& target, const Cell& cell, int clients,
                                           int64_t duration_ns);

// `clients` creates at the same moment, each with a first cell, from full pools: for each round
// "last" (until all are done), for each client "create", "cell", "first_cell". Then a round that is
// not timed, in which the host is asked whether what was handed out is ready: "readiness".
absl::StatusOr<nlohmann::json> MeasureBurst(const Target& target, const Cell& cell, int clients,
                                            int rounds);

// A sandbox for each of `clients`, made before; then the cell in all of them at the same moment:
// "cell" of each, "last" until all are done, "failed", "first_error".
absl::StatusOr<nlohmann::json> MeasureAtOnce(const Target& target, const Cell& cell, int clients);

// Kills a process, of a server that is the backend `backend` of the target's, and sends a create
// and a cell at once: "create", "first_cell" from the begin of the create, and the name of the
// "backend" that made it. Before that creates are sent until the dying one has made a sandbox.
struct DeathPlan {
  std::string backend;
  pid_t victim = 0;
};
absl::StatusOr<nlohmann::json> MeasureAfterDeath(const Target& target, const Cell& cell,
                                                 const DeathPlan& plan);

// Makes `count` sessions, each with a cell in which "{session}" stands for its number, then runs
// `further_cells` in random ones: "memory" over the number of sessions, "further_cell", "release",
// and "processes": how many all sessions have then.
struct SessionsPlan {
  int count = 0;
  int clients = 0;
  Cell first;
  Cell further;
  int further_cells = 0;
};
absl::StatusOr<nlohmann::json> MeasureSessions(const Target& target, const SessionsPlan& plan);

// Destroys after a cell: "acknowledged", and from there until "processes", "cgroups", "mounts" and
// "memory" of the sandbox are back, and "all" of them. Times that end at kReclaimPatienceNs mean
// "not seen by then".
inline constexpr int64_t kReclaimPatienceNs = 3'000'000'000;
absl::StatusOr<nlohmann::json> MeasureReclaim(const Target& target, const Cell& cell, int count);

// Makes `sandboxes` with small limits, fills each with the cell, and destroys them all at once; so
// `rounds` times. From the first destroy sent until of all of them the "processes", "cgroups",
// "mounts" and "memory" are back, and "all" of that; "acknowledged" is when the last destroy was
// answered. "memory_bytes", "process_count": what they held together. Within kFullEndPatienceNs.
inline constexpr int64_t kFullEndPatienceNs = 120'000'000'000;
absl::StatusOr<nlohmann::json> MeasureFullEnds(const Target& target, const Cell& cell,
                                               int sandboxes, int rounds);

// A cell's output of `bytes`: "bytes", "elapsed" (from Started to Finished), and the growth of the
// supervisor's peak resident set.
absl::StatusOr<nlohmann::json> MeasureOutput(const Target& target, const Cell& cell, int64_t bytes,
                                             pid_t supervisor);

// A further context in a sandbox whose first one has run the cell: "ready" until CreateContext is
// answered, "cell" for the cell in it, "delete". Each from idle.
absl::StatusOr<nlohmann::json> MeasureContexts(const Target& target, const Cell& cell, int count,
                                               int warmup);

// A program in a sandbox that has run others, one after the other: "command", from StartProcess to
// Exited.
absl::StatusOr<nlohmann::json> MeasureCommands(const Target& target,
                                               const std::vector<std::string>& arguments, int count,
                                               int warmup);
// The same as the first thing that a sandbox from a full pool is asked for: "command", and
// "create", "destroy", "from_pool".
absl::StatusOr<nlohmann::json> MeasureFirstCommands(const Target& target,
                                                    const std::vector<std::string>& arguments,
                                                    int count, int warmup);

// A sandbox with a process at work, as `busy` leaves it: "pause", and some milliseconds later
// "resume"; after each of them `still` must find the process.
absl::StatusOr<nlohmann::json> MeasurePauses(const Target& target, const Cell& busy,
                                             const Cell& still, int count, int warmup);

// A file written, or read, again and again in one sandbox: "transfer", "bytes", "chunk" (data of
// the largest message read), and of a supervisor that is named its resident set before and at its
// peak. What is read is what was written: all of it is compared once, both ends of each message
// always.
struct FilesPlan {
  enum class Direction { kWrite, kRead };
  Direction direction = Direction::kWrite;
  TestFile file;
  int count = 0;
  int warmup = 0;
  // 0 for none.
  pid_t supervisor = 0;
};
absl::StatusOr<nlohmann::json> MeasureFiles(const Target& target, const FilesPlan& plan);

}  // namespace warren::bench

#endif  // WARREN_TOOLS_BENCHMARK_CLIENT_SCENARIOS_H_
