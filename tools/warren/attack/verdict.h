#ifndef WARREN_TOOLS_WARREN_ATTACK_VERDICT_H_
#define WARREN_TOOLS_WARREN_ATTACK_VERDICT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/v1/common.pb.h"

// What a run of a probe proves. Pure: a verdict comes of what was seen, never of how long it took.
namespace warren::attack {

struct Probe;

enum class Verdict {
  kHeld,
  kBroken,
  // Could not be found out: a failure, for it proves nothing.
  kInconclusive,
  // What the claim is about does not exist here, and no other way shows the layer at work.
  kNotOnThisHost,
  // Root of a sandbox can do it, and is meant to.
  kGranted,
};
// For people.
const char* VerdictName(Verdict verdict);
// "held", "broken", "inconclusive", "not_on_this_host", "granted".
const char* VerdictId(Verdict verdict);

struct Outcome {
  Verdict verdict = Verdict::kInconclusive;
  std::string detail;
  // What the function returned, as JSON.
  std::string value = "null";
};

// What a cell that ran a probe's own function proves, from what it printed and how it ended. A cell
// that says nothing proves the claim only by an end that the probe names. Running into a bound
// proves nothing either way: a slow host does that too.
Outcome Judge(const Probe& probe, const std::string& output, const v1::Termination& end);

// The same of a function that helps a probe (plant, conclude): no end proves anything.
Outcome JudgeHelper(const std::string& output, const v1::Termination& end);

// The same of what a neighbour does after the attack: what it cannot do any more, the attack took
// from it.
Outcome JudgeAftermath(const std::string& output, const v1::Termination& end);

// What a look at the host adds to what the probe found. OK proves the claim in its own way;
// PERMISSION_DENIED and DATA_LOSS disprove it; UNIMPLEMENTED says that this host cannot be asked;
// all else proves nothing.
Outcome WithHostCheck(const Outcome& inside, const absl::Status& host);

// What the probe found is judged by who attacked: what root is granted it must be able to do.
Outcome ForProfile(const Probe& probe, absl::string_view profile, const Outcome& outcome);

// What is left after a sandbox's end: as above, where OK adds nothing.
Outcome WithRemains(const Outcome& outcome, const absl::Status& remains);

// Probes whose mechanism a host may lack: "group/name" → what the reason has to contain, so that
// nothing is excused for another reason.
class MissingList {
 public:
  // Lines "GROUP/NAME: TEXT"; empty ones and those that begin with # do not count.
  static absl::StatusOr<MissingList> Parse(absl::string_view text);
  bool Allows(const std::string& probe, absl::string_view reason) const;

 private:
  std::multimap<std::string, std::string> reasons_;
};

// Counts verdicts. Thread-compatible.
class Tally {
 public:
  // `allowed`: of kNotOnThisHost alone; whether that is no failure.
  void Add(Verdict verdict, bool allowed);
  // "3 claims held, 0 broken, 0 could not be found out, 1 not on this host." Before the end,
  // where there are some: ", 2 granted to root".
  std::string Sentence() const;
  // 0 when some claim held and nothing failed, else 1.
  int ExitCode() const;

 private:
  std::map<Verdict, int> counts_;
  int not_allowed_ = 0;
};

}  // namespace warren::attack

#endif  // WARREN_TOOLS_WARREN_ATTACK_VERDICT_H_
