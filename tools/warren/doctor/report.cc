#include "tools/warren/doctor/report.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace warren::doctor {
namespace {

const char* Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk:
      return "OK";
    case Verdict::kWarn:
      return "WARN";
    default:
      return "LACKS";
  }
}

long Count(const std::vector<Result>& results, Verdict verdict) {
  return std::count_if(results.begin(), results.end(),
                       [&](const Result& r) { return r.finding.verdict == verdict; });
}

std::string Conclusion(const std::vector<Result>& results) {
  long lacks = Count(results, Verdict::kLacks);
  long warnings = Count(results, Verdict::kWarn);
  if (lacks > 0) {
    return absl::StrFormat("Warren cannot run here: %d of %d requirements are not met.\n", lacks,
                           results.size());
  }
  return absl::StrFormat("Warren can run here: %d requirements checked, %d with a warning.\n",
                         results.size(), warnings);
}

}  // namespace

std::vector<Probe> AllProbes() {
  std::vector<Probe> all;
  for (auto group : {SystemProbes, KernelProbes, NamespaceProbes, CgroupProbes}) {
    std::vector<Probe> probes = group();
    all.insert(all.end(), probes.begin(), probes.end());
  }
  return all;
}

std::vector<Result> Examine(const std::vector<Probe>& probes, const Host& host) {
  std::vector<Result> results;
  results.reserve(probes.size());
  for (const Probe& probe : probes) results.push_back({probe, probe.run(host)});
  return results;
}

bool CanRun(const std::vector<Result>& results) { return Count(results, Verdict::kLacks) == 0; }

std::string ReportText(const std::vector<Result>& results) {
  std::string text;
  for (const Result& result : results) {
    absl::StrAppendFormat(&text, "%-5s  %-16s  %s: %s\n", Name(result.finding.verdict),
                          result.probe.name, result.probe.claim, result.finding.detail);
    if (result.finding.verdict != Verdict::kOk) {
      absl::StrAppend(&text, "       -> ", result.probe.remedy, "\n");
    }
  }
  return absl::StrCat(text, "\n", Conclusion(results));
}

std::string ReportJson(const std::vector<Result>& results) {
  using Json = nlohmann::ordered_json;
  Json probes = Json::array();
  for (const Result& result : results) {
    probes.push_back({{"name", result.probe.name},
                      {"claim", result.probe.claim},
                      {"verdict", absl::AsciiStrToLower(Name(result.finding.verdict))},
                      {"detail", result.finding.detail},
                      {"remedy", result.probe.remedy}});
  }
  Json report = {{"can_run", CanRun(results)}, {"probes", std::move(probes)}};
  return absl::StrCat(report.dump(-1, ' ', true, Json::error_handler_t::replace), "\n");
}

std::string PaceJson(const PaceSample& sample) {
  nlohmann::ordered_json pace = {{"pace", sample.factor},
                                 {"fork_ms", absl::ToDoubleMilliseconds(sample.fork)},
                                 {"reference_fork_ms", absl::ToDoubleMilliseconds(kReferenceFork)}};
  return absl::StrCat(pace.dump(), "\n");
}

}  // namespace warren::doctor
