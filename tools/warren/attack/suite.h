#ifndef WARREN_TOOLS_WARREN_ATTACK_SUITE_H_
#define WARREN_TOOLS_WARREN_ATTACK_SUITE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "warren/v1/common.pb.h"
#include "warren/v1/execution.pb.h"

// The attack suite as data: the probe files, what they say about their probes, and what a run of
// one reports. The files themselves are share/warren/attacks/*.py; attack.py among them explains
// what a probe is.
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
  absl::Duration timeout;
  // 0 for the server's default.
  int64_t max_output_bytes = 0;
  std::string host_check;
  // No other probe runs meanwhile.
  bool alone = false;
};

enum class Verdict { kHeld, kBroken, kInconclusive };
const char* VerdictName(Verdict verdict);

struct Outcome {
  Verdict verdict = Verdict::kInconclusive;
  std::string detail;
  // What the function returned, as JSON.
  std::string value = "null";
};

// The files of a directory: module name → source. "attack" is among them.
using Sources = std::map<std::string, std::string>;
absl::StatusOr<Sources> LoadSources(const std::string& directory);

// Cells. They define the modules; list the probes of all groups as a line of JSON; run one
// function.
std::string LoadingCell(const Sources& sources);
std::string ListingCell(const Sources& sources);
std::string RunningCell(const std::string& group, const std::string& function,
                        const std::string& host_json);

// Reads what ListingCell prints.
absl::StatusOr<std::vector<Probe>> ParseProbes(const std::string& output);

// What a cell that ran a probe's function proves, from what it printed and how it ended. A cell
// that says nothing proves the claim only by an end that the probe names.
Outcome Judge(const Probe& probe, const std::string& output, const v1::Termination& end);

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_SUITE_H_
