#ifndef WARREN_TOOLS_WARREN_DOCTOR_PROBE_H_
#define WARREN_TOOLS_WARREN_DOCTOR_PROBE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "warren/internal/plan.pb.h"

// What a host must offer: one probe for each requirement, in tables of plain functions. Probes
// look, try things in children of their own, and leave nothing behind. They need a process with one
// thread.
namespace warren::doctor {

enum class Verdict {
  kOk,
  // Warren runs, but slower, with less isolation in depth, or with fewer sandboxes.
  kWarn,
  // Warren cannot run.
  kLacks,
};

struct Finding {
  Verdict verdict = Verdict::kLacks;
  // What was found: "6.18.1", "unshare: Operation not permitted".
  std::string detail;
};

// Where to look. Tests point it at a tree of their own.
struct Host {
  // Put before /proc, /sys, /usr and the store's path. Empty on a real host.
  std::string root;
  std::string template_store = "/var/lib/warren/templates";
  // What DetectHostFacts found.
  absl::StatusOr<internal::HostFacts> facts = absl::UnknownError("not looked for");
};

struct Probe {
  std::string name;
  // What must hold, and what for.
  std::string claim;
  // What to do where it does not.
  std::string remedy;
  // Null where somebody else has found it out.
  Finding (*run)(const Host& host);
};

std::vector<Probe> KernelProbes();
std::vector<Probe> NamespaceProbes();
std::vector<Probe> CgroupProbes();
std::vector<Probe> SystemProbes();

// All of them, in the order in which they are listed.
std::vector<Probe> AllProbes();

inline Finding Ok(std::string detail) { return {Verdict::kOk, std::move(detail)}; }
inline Finding Warn(std::string detail) { return {Verdict::kWarn, std::move(detail)}; }
inline Finding Lacks(std::string detail) { return {Verdict::kLacks, std::move(detail)}; }

}  // namespace warren::doctor

#endif  // WARREN_TOOLS_WARREN_DOCTOR_PROBE_H_
