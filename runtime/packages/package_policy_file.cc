// Package policies as operators write them: what is checked before a rule is made of them.
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"
#include "runtime/packages/index_url.h"
#include "runtime/packages/package_name.h"
#include "runtime/packages/package_policy.h"
#include "runtime/policy/text_proto.h"

namespace warren {
namespace {

constexpr size_t kMaxIndexName = 63;
constexpr int kMaxBuilderSeconds = 24 * 60 * 60;
// The kernel's own bound, with its NUL.
constexpr size_t kMaxPath = 4095;

absl::Status WrongField(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

bool IsIndexName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxIndexName || name.front() == '-') return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

std::string IndexName(const config::PackagePolicy& policy, int i) {
  const std::string& name = policy.indexes(i).name();
  return name.empty() ? absl::StrCat("index-", i + 1) : name;
}

bool IsAbsolutePath(absl::string_view path) {
  return absl::StartsWith(path, "/") && path.size() <= kMaxPath &&
         std::none_of(path.begin(), path.end(),
                      [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

// Empty for none.
absl::Status CheckFile(absl::string_view path, absl::string_view field) {
  if (path.empty() || IsAbsolutePath(path)) return absl::OkStatus();
  return WrongField(field, absl::StrCat(Quoted(path), " must be the absolute path of a file"));
}

// "numpy", or "acme-*": what stands before the star is how a name begins.
bool IsPattern(absl::string_view pattern) {
  if (!absl::ConsumeSuffix(&pattern, "*")) return IsPackageName(pattern);
  return !pattern.empty() && IsPackageName(absl::StrCat(pattern, "x"));
}

absl::Status CheckIndex(const config::PackageIndex& index, absl::string_view field) {
  const std::string& url = index.url();
  if (!IsAbsolutePath(url)) {
    const absl::Status valid = ValidateIndexUrl(url);
    if (!valid.ok()) return WrongField(absl::StrCat(field, ".url"), valid.message());
  } else if (!index.credentials_file().empty() || !index.ca_file().empty()) {
    return WrongField(field, "a directory has neither a credentials_file nor a ca_file");
  }
  WARREN_RETURN_IF_ERROR(
      CheckFile(index.credentials_file(), absl::StrCat(field, ".credentials_file")));
  WARREN_RETURN_IF_ERROR(CheckFile(index.ca_file(), absl::StrCat(field, ".ca_file")));
  if (!index.ca_file().empty() && absl::StartsWith(url, "http:")) {
    return WrongField(absl::StrCat(field, ".ca_file"), "an index over http shows no certificate");
  }
  for (int i = 0; i < index.packages_size(); ++i) {
    if (IsPattern(index.packages(i))) continue;
    return WrongField(absl::StrCat(field, ".packages[", i, "]"),
                      absl::StrCat(Quoted(index.packages(i)),
                                   " must be a package's name, or what names begin with and \"*\": "
                                   "\"acme-*\""));
  }
  return absl::OkStatus();
}

absl::Status CheckIndexes(const config::PackagePolicy& policy) {
  if (policy.indexes_size() > kMaxPackageIndexes) {
    return WrongField("indexes", absl::StrCat("there are ", policy.indexes_size(), "; at most ",
                                              kMaxPackageIndexes, " can be asked"));
  }
  std::set<std::string> names;
  for (int i = 0; i < policy.indexes_size(); ++i) {
    const std::string field = absl::StrCat("indexes[", i, "]");
    const std::string name = IndexName(policy, i);
    if (!IsIndexName(name)) {
      return WrongField(absl::StrCat(field, ".name"),
                        absl::StrCat(Quoted(name), " must be of a-z, 0-9 and \"-\", at most ",
                                     kMaxIndexName, " bytes, and not begin with \"-\""));
    }
    if (!names.insert(name).second) {
      return WrongField(absl::StrCat(field, ".name"),
                        absl::StrCat("another index is called ", Quoted(name), " too"));
    }
    WARREN_RETURN_IF_ERROR(CheckIndex(policy.indexes(i), field));
  }
  return absl::OkStatus();
}

absl::Status CheckBuilderTime(absl::string_view field, int seconds) {
  if (seconds >= 0 && seconds <= kMaxBuilderSeconds) return absl::OkStatus();
  return WrongField(field, absl::StrCat(seconds, " must be 0 to ", kMaxBuilderSeconds));
}

}  // namespace

absl::Status ValidatePackagePolicy(const config::PackagePolicy& policy) {
  WARREN_RETURN_IF_ERROR(PackageRules::Compile(policy).status());
  if (!config::PackagePolicy::Dependencies_IsValid(policy.dependencies())) {
    return WrongField("dependencies", "must be FOLLOW or MUST_BE_ALLOWED");
  }
  if (policy.resolution_seconds() < 0 || policy.resolution_seconds() > kMaxResolutionSeconds) {
    return WrongField("resolution_seconds", absl::StrCat(policy.resolution_seconds(),
                                                         " must be 0 to ", kMaxResolutionSeconds));
  }
  WARREN_RETURN_IF_ERROR(CheckBuilderTime("resolve_seconds", policy.resolve_seconds()));
  WARREN_RETURN_IF_ERROR(CheckBuilderTime("unpack_seconds", policy.unpack_seconds()));
  return CheckIndexes(policy);
}

absl::StatusOr<config::PackagePolicy> LoadPackagePolicy(const std::string& path) {
  config::PackagePolicy policy;
  WARREN_RETURN_IF_ERROR(ReadTextProto(path, policy));
  if (policy.name().empty()) return WrongField(path, "it has no name");
  const absl::Status valid = ValidatePackagePolicy(policy);
  if (!valid.ok()) return WrongField(path, valid.message());
  for (int i = 0; i < policy.indexes_size(); ++i) {
    policy.mutable_indexes(i)->set_name(IndexName(policy, i));
  }
  return policy;
}

std::string PackagePolicyFile(const std::string& prefix, const std::string& wanted) {
  if (absl::StrContains(wanted, '/')) return wanted;
  return absl::StrCat(prefix, "/share/warren/policies/packages/", wanted, ".textproto");
}

}  // namespace warren
