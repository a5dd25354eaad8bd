#include "supervisor/local/package_list.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

bool IsWordChar(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// As PEP 508 has names, and PEP 503 writes them: runs of "-", "_" and "." are one "-", letters are
// small. Empty for what is none.
std::string NormalizedName(absl::string_view name) {
  if (name.empty() || name.size() > PackageList::kMaxName || !IsWordChar(name.front()) ||
      !IsWordChar(name.back())) {
    return "";
  }
  std::string normalized;
  for (char c : name) {
    if (IsWordChar(c)) {
      normalized += absl::ascii_tolower(static_cast<unsigned char>(c));
    } else if (c != '-' && c != '_' && c != '.') {
      return "";
    } else if (normalized.back() != '-') {
      normalized += '-';
    }
  }
  return normalized;
}

bool IsVersion(absl::string_view text) {
  return !text.empty() && text.size() <= PackageList::kMaxVersion && IsWordChar(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return IsWordChar(c) || absl::StrContains(".+!_-", absl::string_view(&c, 1));
         });
}

}  // namespace

bool PackageList::Add(absl::string_view path) {
  absl::string_view file = path.substr(path.rfind('/') + 1);
  // NAME-VERSION.dist-info, or NAME-VERSION[-py3.11].egg-info of older tools, whose names and
  // versions have no "-" either.
  if (!absl::ConsumeSuffix(&file, ".dist-info") && !absl::ConsumeSuffix(&file, ".egg-info"))
    return true;
  const size_t dash = file.find('-');
  if (dash == absl::string_view::npos) return true;
  absl::string_view version = file.substr(dash + 1);
  if (const size_t python = version.rfind("-py"); python != absl::string_view::npos)
    version = version.substr(0, python);
  std::string name = NormalizedName(file.substr(0, dash));
  if (name.empty() || !IsVersion(version)) return true;
  if (packages_.contains(name)) return true;
  if (packages_.size() >= kMaxPackages) return false;
  packages_.emplace(std::move(name), version);
  return true;
}

void PackageList::MoveTo(
    google::protobuf::RepeatedPtrField<warren::v1::Environment::Package>* packages) {
  for (auto& [name, version] : std::exchange(packages_, {})) {
    auto* package = packages->Add();
    package->set_name(name);
    package->set_version(std::move(version));
  }
}

}  // namespace warren
