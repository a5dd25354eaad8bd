#include "supervisor/packages/package_request.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"

namespace warren {
namespace {

// Of reasons in one message.
constexpr size_t kMaxReasons = 32;

absl::Status CheckAllowed(const std::vector<Requirement>& requirements, const PackageRules& rules) {
  std::vector<std::string> reasons;
  std::set<std::string> seen;
  for (const Requirement& requirement : requirements) {
    if (!seen.insert(requirement.name).second) continue;
    PackageRules::Decision decision = rules.DecideName(requirement.name);
    if (!decision.allowed) reasons.push_back(std::move(decision.reason));
  }
  if (reasons.empty()) return absl::OkStatus();
  const size_t more = reasons.size() - std::min(reasons.size(), kMaxReasons);
  reasons.resize(reasons.size() - more);
  return absl::PermissionDeniedError(absl::StrCat(
      absl::StrJoin(reasons, "; "), more > 0 ? absl::StrCat("; and ", more, " more") : ""));
}

absl::StatusOr<std::vector<Requirement>> ParseFile(const std::string& text, const char* field) {
  absl::StatusOr<std::vector<Requirement>> lines = ParseRequirementsFile(text);
  if (lines.ok()) return lines;
  return absl::Status(lines.status().code(), absl::StrCat(field, ": ", lines.status().message()));
}

// Each part with its length before it, so that no two lists read the same.
std::string Sha256(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) absl::StrAppend(&text, part.size(), ":", part, "\n");
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace

absl::StatusOr<PackageRequest> ParsePackageRequest(const warren::v1::PackageRequirements& what,
                                                   const PackageRules& rules) {
  PackageRequest request;
  request.refresh = what.refresh();
  for (const std::string& line : what.requirements()) {
    WARREN_ASSIGN_OR_RETURN(Requirement requirement, ParseRequirement(line));
    request.requirements.push_back(std::move(requirement));
  }
  WARREN_ASSIGN_OR_RETURN(std::vector<Requirement> lines,
                          ParseFile(what.requirements_file(), "requirements_file"));
  std::move(lines.begin(), lines.end(), std::back_inserter(request.requirements));
  WARREN_ASSIGN_OR_RETURN(request.constraints,
                          ParseFile(what.constraints_file(), "constraints_file"));
  if (request.requirements.empty()) {
    return absl::InvalidArgumentError(
        "nothing is asked for: name a package in requirements or requirements_file");
  }
  if (request.requirements.size() > kMaxRequirements) {
    return absl::InvalidArgumentError(absl::StrCat(
        request.requirements.size(), " requirements; at most ", kMaxRequirements, " are allowed"));
  }
  WARREN_RETURN_IF_ERROR(CheckAllowed(request.requirements, rules));
  return request;
}

Resolvable Combine(const PackageRequest& request, const InstalledPackages& installed) {
  Resolvable what;
  std::set<std::string> named;
  std::map<std::string, std::vector<std::string>> lines;
  for (const Requirement& requirement : request.requirements) {
    named.insert(requirement.name);
    what.requirements.push_back(requirement.text);
    // Without its hashes: with one that has some, pip wants them of all others too, and what is
    // there was verified.
    lines[requirement.name].push_back(
        requirement.text.substr(0, requirement.text.find(" --hash=")));
  }
  for (const auto& [name, text] : installed.asked) {
    if (named.contains(name)) continue;
    what.requirements.push_back(text);
    what.asked[name] = text;
  }
  for (auto& [name, texts] : lines) what.asked[name] = absl::StrJoin(texts, "\n");
  for (const Requirement& constraint : request.constraints)
    what.constraints.push_back(constraint.text);
  for (const internal::StoredPackage& package : installed.set.packages()) {
    if (!named.contains(package.name()))
      what.constraints.push_back(absl::StrCat(package.name(), "==", package.version()));
  }
  for (std::vector<std::string>* list : {&what.requirements, &what.constraints}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return what;
}

std::string ResolutionDigest(const ResolutionScope& scope, const Resolvable& what) {
  return Sha256({"warren resolution 1", scope.template_id, scope.template_digest,
                 scope.python_version, scope.policy, Sha256(what.requirements),
                 Sha256(what.constraints)});
}

std::string PackageKey(const ResolvedFile& file, const std::string& python,
                       const std::string& python_version) {
  return Sha256({"warren package 1", file.sha256, file.name, file.version, python, python_version});
}

}  // namespace warren
