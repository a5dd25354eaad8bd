#include "runtime/packages/package_policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"
#include "runtime/packages/package_name.h"

namespace warren {
namespace {

constexpr absl::string_view kEveryPackage = "*";
// What a slip of the fingers makes of a name.
constexpr size_t kMostEdits = 2;

struct Rule {
  // Normalized, or "*".
  std::string name;
  VersionSpecifier versions;
};

absl::StatusOr<Rule> ParseRule(absl::string_view requirement) {
  const absl::string_view text = absl::StripAsciiWhitespace(requirement);
  if (text == kEveryPackage) return Rule{std::string(kEveryPackage), {}};
  const size_t end = std::min(text.find_first_of(" \t=!<>~"), text.size());
  const absl::string_view name = text.substr(0, end);
  if (!IsPackageName(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        Quoted(requirement), " must be a package's name, with versions or without, or \"*\""));
  }
  WARREN_ASSIGN_OR_RETURN(VersionSpecifier versions, VersionSpecifier::Parse(text.substr(end)));
  return Rule{NormalizedPackageName(name), std::move(versions)};
}

bool AnyFits(const std::vector<VersionSpecifier>& specifiers, const Version& version) {
  return std::any_of(specifiers.begin(), specifiers.end(),
                     [&](const VersionSpecifier& specifier) { return specifier.Fits(version); });
}

// All versions of it.
bool AnyIsEmpty(const std::vector<VersionSpecifier>& specifiers) {
  return std::any_of(specifiers.begin(), specifiers.end(),
                     [](const VersionSpecifier& specifier) { return specifier.empty(); });
}

// How many characters must be put in, taken out or changed to make one name of the other
// (Levenshtein's distance); kMostEdits + 1 for more than that. Of names of at most kMaxPackageName.
size_t Edits(absl::string_view a, absl::string_view b) {
  const size_t lengths = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (lengths > kMostEdits || b.size() > kMaxPackageName) return kMostEdits + 1;
  // From the first i characters of `a` to the first j of `b`.
  std::array<size_t, kMaxPackageName + 1> row;
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    size_t least = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
      least = std::min(least, row[j]);
    }
    if (least > kMostEdits) return kMostEdits + 1;
  }
  return row[b.size()];
}

PackageRules::Decision Denied(absl::string_view reason) { return {false, std::string(reason)}; }

}  // namespace

absl::StatusOr<PackageRules> PackageRules::Compile(const config::PackagePolicy& policy) {
  PackageRules rules;
  rules.dependencies_follow_ = policy.dependencies() != config::PackagePolicy::MUST_BE_ALLOWED;
  const auto add = [&rules](const auto& list, absl::string_view field,
                            std::vector<VersionSpecifier> Entries::*to, bool& all) {
    for (int i = 0; i < list.size(); ++i) {
      absl::StatusOr<Rule> rule = ParseRule(list[i].requirement());
      if (!rule.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, "[", i, "].requirement: ", rule.status().message()));
      }
      if (rule->name == kEveryPackage) {
        all = true;
      } else {
        (rules.entries_[rule->name].*to).push_back(std::move(rule->versions));
      }
    }
    return absl::OkStatus();
  };
  WARREN_RETURN_IF_ERROR(add(policy.allow(), "allow", &Entries::allow, rules.allows_all_));
  WARREN_RETURN_IF_ERROR(add(policy.deny(), "deny", &Entries::deny, rules.denies_all_));
  return rules;
}

const PackageRules::Entries* PackageRules::Find(absl::string_view name) const {
  const auto at = entries_.find(std::string(name));
  return at == entries_.end() ? nullptr : &at->second;
}

bool PackageRules::IsDenied(const Entries* entries) const {
  return denies_all_ || (entries != nullptr && AnyIsEmpty(entries->deny));
}

bool PackageRules::IsAllowed(const Entries* entries) const {
  return allows_all_ || (entries != nullptr && !entries->allow.empty());
}

PackageRules::Decision PackageRules::DecideName(absl::string_view name) const {
  const Entries* entries = Find(name);
  if (IsDenied(entries)) {
    return Denied(absl::StrCat(Quoted(name), " is denied on this server, as a dependency too; ",
                               "its operator can change that (policies/packages)"));
  }
  if (IsAllowed(entries)) return {true, ""};
  const std::string missing =
      absl::StrCat(Quoted(name), " is not among the packages that this server allows");
  const std::string nearest = NearestAllowed(name);
  if (!nearest.empty()) {
    return Denied(absl::StrCat(missing, ": did you mean ", Quoted(nearest), "?"));
  }
  return Denied(absl::StrCat(missing, "; its operator can allow it (policies/packages)"));
}

PackageRules::Decision PackageRules::DecideDependency(absl::string_view name) const {
  const Entries* entries = Find(name);
  if (IsDenied(entries)) return DecideName(name);
  if (dependencies_follow_ || IsAllowed(entries)) return {true, ""};
  return Denied(absl::StrCat(Quoted(name), " is needed, but is not among the packages that this ",
                             "server allows, and it allows no others as dependencies; its ",
                             "operator can allow it (policies/packages)"));
}

bool PackageRules::AllowsVersion(absl::string_view name, const Version& version) const {
  const Entries* entries = Find(name);
  if (IsDenied(entries)) return false;
  if (entries != nullptr && AnyFits(entries->deny, version)) return false;
  if (entries != nullptr && !entries->allow.empty()) return AnyFits(entries->allow, version);
  return allows_all_ || dependencies_follow_;
}

std::string PackageRules::NearestAllowed(absl::string_view name) const {
  std::string nearest;
  // A name of three letters is two away from too many others.
  size_t best = std::min(kMostEdits, name.empty() ? 0 : (name.size() - 1) / 2) + 1;
  for (const auto& [allowed, entries] : entries_) {
    if (entries.allow.empty() || IsDenied(&entries)) continue;
    const size_t edits = Edits(name, allowed);
    // The first of the alphabet among those that are as near.
    if (edits > best || (edits == best && (nearest.empty() || allowed > nearest))) continue;
    best = edits;
    nearest = allowed;
  }
  return nearest;
}

bool FitsPackagePattern(absl::string_view pattern, absl::string_view name) {
  const bool begins = absl::ConsumeSuffix(&pattern, "*");
  const std::string wanted = NormalizedPackageName(pattern);
  return begins ? absl::StartsWith(name, wanted) : name == wanted;
}

}  // namespace warren
