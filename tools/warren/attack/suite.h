#ifndef WARREN_TOOLS_WARREN_ATTACK_SUITE_H_
#define WARREN_TOOLS_WARREN_ATTACK_SUITE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "warren/v1/common.pb.h"
#include "warren/v1/execution.pb.h"

// The attack suite as data: the probe files, and what they say about their probes. The files
// themselves are share/warren/attacks/*.py; attack.py among them explains what a probe is.
namespace warren::attack {

// One probe, as attack.probes_of() lists it.
struct Probe {
  std::string group;
  std::string name;
  std::string claim;
  std::vector<std::string> layers;
  // Outcomes of the cell that prove the claim.
  std::vector<std::string> ends;
  // Functions of the group's file; empty for none.
  std::string plant;
  std::string aftermath;
  std::string conclude;
  // The other sandbox is destroyed before the attacked one is made.
  bool plant_in_predecessor = false;
  v1::Limits limits;
  // After which the cell is to be ended, where that is the claim; zero where it is not.
  absl::Duration deadline;
  // What only a hang takes, at pace 1.
  absl::Duration bound;
  // 0 for the server's default.
  int64_t max_output_bytes = 0;
  std::string host_check;
  // A command of the sandbox's agent attacks, not a cell.
  bool by_command = false;
  // Profiles of the attacker; all where none is named.
  std::vector<std::string> profiles;
  // Why the profile "root" may do what the claim denies to others; empty where it may not.
  std::string granted_to_root;
  // No other probe runs meanwhile.
  bool alone = false;
};

// What a probe's own cell may take: its deadline, or its bound on a host of this pace.
absl::Duration CellTimeout(const Probe& probe, double pace);

// The files of a directory: module name → source. "attack" is among them.
using Sources = std::map<std::string, std::string>;
absl::StatusOr<Sources> LoadSources(const std::string& directory);

// Cells. They define the modules; list the probes of all groups as a line of JSON; run one
// function. The last is a program for `python3 -c` that does so by itself.
std::string LoadingCell(const Sources& sources);
std::string ListingCell(const Sources& sources);
std::string RunningCell(const std::string& group, const std::string& function,
                        const std::string& host_json);
std::string RunningProgram(const Sources& sources, const std::string& group,
                           const std::string& function, const std::string& host_json);

// Reads what ListingCell prints.
absl::StatusOr<std::vector<Probe>> ParseProbes(const std::string& output);

// The JSON after the last mark in what a cell printed; discarded where there is none.
nlohmann::json MarkedJson(const std::string& output);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_SUITE_H_
