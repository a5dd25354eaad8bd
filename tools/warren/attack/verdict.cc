#include "tools/warren/attack/verdict.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "tools/warren/attack/suite.h"

namespace warren::attack {
namespace {

using Json = nlohmann::json;

std::string TextOr(const Json& object, const char* key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Verdict VerdictOf(absl::string_view id) {
  for (Verdict verdict : {Verdict::kHeld, Verdict::kBroken, Verdict::kNotOnThisHost}) {
    if (id == VerdictId(verdict)) return verdict;
  }
  return Verdict::kInconclusive;
}

Outcome ReadReport(const Json& report) {
  return {VerdictOf(TextOr(report, "verdict")), TextOr(report, "detail"),
          report.value("value", Json()).dump()};
}

// For a cell that did not report.
std::string HowItEnded(const v1::Termination& end) {
  return absl::StrCat("the cell ended with ", v1::Termination::Kind_Name(end.kind()), ": ",
                      end.message());
}

// The service or its clock ended it: that says nothing about the claim.
bool EndedFromOutside(const v1::Termination& end) {
  return end.kind() == v1::Termination::TIMED_OUT || end.kind() == v1::Termination::CANCELLED ||
         end.kind() == v1::Termination::KIND_UNSPECIFIED;
}

Outcome Inconclusive(std::string detail) { return {Verdict::kInconclusive, std::move(detail)}; }

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHeld:
      return "held";
    case Verdict::kBroken:
      return "BROKEN";
    case Verdict::kNotOnThisHost:
      return "NOT ON THIS HOST";
    case Verdict::kGranted:
      return "granted";
    default:
      return "INCONCLUSIVE";
  }
}

const char* VerdictId(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHeld:
      return "held";
    case Verdict::kBroken:
      return "broken";
    case Verdict::kNotOnThisHost:
      return "not_on_this_host";
    case Verdict::kGranted:
      return "granted";
    default:
      return "inconclusive";
  }
}

Outcome Judge(const Probe& probe, const std::string& output, const v1::Termination& end) {
  Json report = MarkedJson(output);
  if (report.is_object()) return ReadReport(report);
  std::string ended = v1::Termination::Kind_Name(end.kind());
  if (std::count(probe.ends.begin(), probe.ends.end(), ended) > 0) return {Verdict::kHeld, ""};
  // An end that the probe does not know, where it knows the right ones, is a claim that does not
  // hold.
  bool broken = !probe.ends.empty() && !EndedFromOutside(end);
  return {broken ? Verdict::kBroken : Verdict::kInconclusive, HowItEnded(end)};
}

Outcome JudgeHelper(const std::string& output, const v1::Termination& end) {
  Json report = MarkedJson(output);
  return report.is_object() ? ReadReport(report) : Inconclusive(HowItEnded(end));
}

Outcome JudgeAftermath(const std::string& output, const v1::Termination& end) {
  Json report = MarkedJson(output);
  Outcome outcome = report.is_object() ? ReadReport(report) : Inconclusive(HowItEnded(end));
  if (outcome.verdict == Verdict::kHeld) return outcome;
  outcome.detail = "neighbour: " + outcome.detail;
  // An exception of the neighbour's is a report; so is its death.
  bool broken = report.is_object() || !EndedFromOutside(end);
  outcome.verdict = broken ? Verdict::kBroken : Verdict::kInconclusive;
  return outcome;
}

Outcome WithHostCheck(const Outcome& inside, const absl::Status& host) {
  if (inside.verdict == Verdict::kBroken || inside.verdict == Verdict::kInconclusive) return inside;
  std::string message(host.message());
  switch (host.code()) {
    case absl::StatusCode::kOk:
      if (inside.verdict == Verdict::kHeld) return inside;
      return {Verdict::kHeld, absl::StrCat(inside.detail, "; proved by a look from the host"),
              inside.value};
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kDataLoss:
      return {Verdict::kBroken, message};
    case absl::StatusCode::kUnimplemented:
      if (inside.verdict == Verdict::kHeld) return inside;
      return {Verdict::kNotOnThisHost, absl::StrCat(inside.detail, "; ", message)};
    default:
      return Inconclusive(message);
  }
}

Outcome ForProfile(const Probe& probe, absl::string_view profile, const Outcome& outcome) {
  if (profile != "root" || probe.granted_to_root.empty()) return outcome;
  if (outcome.verdict == Verdict::kBroken) {
    return {Verdict::kGranted, probe.granted_to_root, outcome.value};
  }
  if (outcome.verdict == Verdict::kHeld) {
    return {Verdict::kBroken, absl::StrCat("root cannot do it: ", probe.granted_to_root)};
  }
  return outcome;
}

Outcome WithRemains(const Outcome& outcome, const absl::Status& remains) {
  if (remains.ok() || outcome.verdict == Verdict::kBroken) return outcome;
  return {Verdict::kBroken, std::string(remains.message())};
}

absl::StatusOr<MissingList> MissingList::Parse(absl::string_view text) {
  MissingList list;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    std::pair<std::string, std::string> entry = absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (entry.second.empty() || !absl::StrContains(entry.first, '/')) {
      return absl::InvalidArgumentError(
          absl::StrCat("no line of the form GROUP/NAME: TEXT: ", line));
    }
    list.reasons_.insert(std::move(entry));
  }
  return list;
}

bool MissingList::Allows(const std::string& probe, absl::string_view reason) const {
  auto [first, last] = reasons_.equal_range(probe);
  return std::any_of(first, last,
                     [&](const auto& entry) { return absl::StrContains(reason, entry.second); });
}

void Tally::Add(Verdict verdict, bool allowed) {
  ++counts_[verdict];
  if (verdict == Verdict::kNotOnThisHost && !allowed) ++not_allowed_;
}

std::string Tally::Sentence() const {
  auto count = [&](Verdict verdict) {
    auto found = counts_.find(verdict);
    return found == counts_.end() ? 0 : found->second;
  };
  const int granted = count(Verdict::kGranted);
  return absl::StrFormat(
      "%d claims held, %d broken, %d could not be found out, %d not on this host%s.",
      count(Verdict::kHeld), count(Verdict::kBroken), count(Verdict::kInconclusive),
      count(Verdict::kNotOnThisHost),
      granted > 0 ? absl::StrCat(", ", granted, " granted to root") : "");
}

int Tally::ExitCode() const {
  bool good = counts_.contains(Verdict::kHeld) && !counts_.contains(Verdict::kBroken) &&
              !counts_.contains(Verdict::kInconclusive) && not_allowed_ == 0;
  return good ? 0 : 1;
}

}  // namespace warren::attack
