#include "supervisor/e2b/commands/install_report.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/packages/package_name.h"
#include "supervisor/base/text.h"
#include "supervisor/e2b/base/json.h"

namespace warren {
namespace {

constexpr size_t kMaxPlanned = 1024;
constexpr size_t kMaxVersionText = 128;
constexpr size_t kSha256Digits = 64;
constexpr size_t kMaxPipWords = 512;
constexpr size_t kMaxDenied = 32;

bool IsSha256(absl::string_view text) {
  return text.size() == kSha256Digits && std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

// Older pips say "hash": "sha256=…" alone.
std::string DigestOf(const nlohmann::json& item) {
  const nlohmann::json* download = ObjectField(item, "download_info");
  const nlohmann::json* archive =
      download == nullptr ? nullptr : ObjectField(*download, "archive_info");
  if (archive == nullptr) return "";
  if (const nlohmann::json* hashes = ObjectField(*archive, "hashes"))
    return TextField(*hashes, "sha256");
  const std::string hash = TextField(*archive, "hash");
  return std::string(absl::StripPrefix(hash, "sha256="));
}

}  // namespace

absl::StatusOr<std::vector<PlannedPackage>> ReadInstallReport(absl::string_view json) {
  auto report = ParseCloudJson(json, "pip's report");
  if (!report.ok()) return report.status();
  auto list = report->is_object() ? report->find("install") : report->end();
  if (!report->is_object() || list == report->end() || !list->is_array() ||
      list->size() > kMaxPlanned) {
    return absl::InternalError("pip's report is none; it takes pip 23 or later in the template");
  }
  std::vector<PlannedPackage> plan;
  for (const nlohmann::json& item : *list) {
    const nlohmann::json* metadata = ObjectField(item, "metadata");
    if (metadata == nullptr) return absl::InternalError("pip's report names no package");
    const std::string name = TextField(*metadata, "name");
    const std::string version = TextField(*metadata, "version", kMaxVersionText);
    if (!IsPackageName(name) || !Version::Parse(version).ok())
      return absl::InternalError("pip's report names what is no package");
    PlannedPackage planned{NormalizedPackageName(name), version, DigestOf(item)};
    if (!IsSha256(planned.sha256)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "pip would install ", planned.name, " from what has no digest, which is not done"));
    }
    plan.push_back(std::move(planned));
  }
  return plan;
}

absl::Status CheckPlan(const std::vector<PlannedPackage>& plan, const std::set<std::string>& asked,
                       const PackageRules& rules) {
  std::vector<std::string> denied;
  for (const PlannedPackage& each : plan) {
    if (denied.size() >= kMaxDenied) break;
    if (asked.count(each.name) == 0) {
      PackageRules::Decision decision = rules.DecideDependency(each.name);
      if (!decision.allowed) {
        denied.push_back(std::move(decision.reason));
        continue;
      }
    }
    auto version = Version::Parse(each.version);
    if (!version.ok() || !rules.AllowsVersion(each.name, *version))
      denied.push_back(absl::StrCat(each.name, " ", each.version, " is not allowed"));
  }
  if (denied.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrJoin(denied, "; "));
}

std::string PinnedRequirements(const std::vector<PlannedPackage>& plan) {
  std::string text;
  for (const PlannedPackage& each : plan)
    absl::StrAppend(&text, each.name, "==", each.version, " --hash=sha256:", each.sha256, "\n");
  return text;
}

absl::Status StatusOfPip(absl::string_view standard_error) {
  std::string words;
  for (absl::string_view line : absl::StrSplit(standard_error, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "ERROR:")) words = std::string(line.substr(6));
  }
  if (words.empty()) words = "it gave no reason";
  const bool unreachable = absl::StrContains(standard_error, "NewConnectionError") ||
                           absl::StrContains(standard_error, "ConnectTimeoutError") ||
                           absl::StrContains(standard_error, "NameResolutionError") ||
                           absl::StrContains(standard_error, "name resolution");
  const std::string message = absl::StrCat(
      "pip, in the sandbox: ", ToValidUtf8(absl::StripAsciiWhitespace(words), kMaxPipWords));
  if (unreachable) {
    return absl::UnavailableError(
        absl::StrCat(message,
                     "; it could not reach its index: on this backend that takes a network policy "
                     "that lets the sandbox reach it"));
  }
  return absl::FailedPreconditionError(message);
}

}  // namespace warren
