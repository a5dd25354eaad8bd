#ifndef WARREN_TOOLS_WARREN_DOCTOR_REPORT_H_
#define WARREN_TOOLS_WARREN_DOCTOR_REPORT_H_

#include <string>
#include <vector>

#include "runtime/linux/pace.h"
#include "tools/warren/doctor/probe.h"

namespace warren::doctor {

struct Result {
  Probe probe;
  Finding finding;
};

// Runs the probes, one after the other.
std::vector<Result> Examine(const std::vector<Probe>& probes, const Host& host);

// True when nothing that Warren needs is missing.
bool CanRun(const std::vector<Result>& results);

// For people: a line for each probe, its remedy below where something is wrong, and a sentence at
// the end.
std::string ReportText(const std::vector<Result>& results);

// {"can_run": bool, "probes": [{name, claim, verdict: "ok" | "warn" | "lacks", detail, remedy}]} on
// one line.
std::string ReportJson(const std::vector<Result>& results);

// {"pace": number, "fork_ms": number, "reference_fork_ms": number} on one line.
std::string PaceJson(const PaceSample& sample);

}  // namespace warren::doctor

#endif  // WARREN_TOOLS_WARREN_DOCTOR_REPORT_H_
