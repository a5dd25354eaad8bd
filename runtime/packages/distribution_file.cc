#include "runtime/packages/distribution_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"
#include "runtime/packages/package_name.h"

namespace warren {
namespace {

constexpr absl::string_view kWheel = ".whl";
constexpr absl::string_view kSources[] = {".tar.gz", ".zip"};
// What a file system takes.
constexpr size_t kMaxFileName = 255;

absl::Status WrongFileName(absl::string_view filename, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(filename), " is no ", what));
}

// "py2.py3", "manylinux_2_17_x86_64"
bool IsTag(absl::string_view tag) {
  return !tag.empty() && std::all_of(tag.begin(), tag.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
  });
}

bool IsBuildNumber(absl::string_view build) {
  return IsTag(build) && absl::ascii_isdigit(static_cast<unsigned char>(build.front()));
}

// "numpy-2.1.0": where the name ends is known by the name alone.
absl::StatusOr<Version> SourceVersion(absl::string_view stem, absl::string_view name) {
  for (size_t dash = stem.find('-'); dash != absl::string_view::npos;
       dash = stem.find('-', dash + 1)) {
    const absl::string_view before = stem.substr(0, dash);
    if (IsPackageName(before) && NormalizedPackageName(before) == name) {
      return Version::Parse(stem.substr(dash + 1));
    }
  }
  return absl::InvalidArgumentError("another package's");
}

}  // namespace

absl::StatusOr<DistributionFile> ParseWheelName(absl::string_view filename) {
  const absl::Status wrong = WrongFileName(filename, "wheel: NAME-VERSION-PYTHON-ABI-PLATFORM.whl");
  absl::string_view stem = filename;
  if (filename.size() > kMaxFileName || !absl::ConsumeSuffix(&stem, kWheel)) return wrong;
  const std::vector<absl::string_view> parts = absl::StrSplit(stem, '-');
  if (parts.size() != 5 && parts.size() != 6) return wrong;
  if (!IsPackageName(parts[0]) || !std::all_of(parts.end() - 3, parts.end(), IsTag)) return wrong;
  if (parts.size() == 6 && !IsBuildNumber(parts[2])) return wrong;
  // A '-' in a version is written so, as pip reads it.
  absl::StatusOr<Version> version = Version::Parse(absl::StrReplaceAll(parts[1], {{"_", "-"}}));
  if (!version.ok()) return wrong;
  return DistributionFile{DistributionFile::Kind::kWheel, NormalizedPackageName(parts[0]),
                          *std::move(version)};
}

absl::StatusOr<DistributionFile> ParseDistributionFile(absl::string_view filename,
                                                       absl::string_view name) {
  const std::string normal = NormalizedPackageName(name);
  const absl::Status wrong =
      WrongFileName(filename, absl::StrCat("wheel and no source distribution of ", Quoted(normal)));
  if (filename.size() > kMaxFileName) return wrong;
  if (absl::EndsWith(filename, kWheel)) {
    WARREN_ASSIGN_OR_RETURN(DistributionFile file, ParseWheelName(filename));
    if (file.name != normal) return wrong;
    return file;
  }
  for (absl::string_view extension : kSources) {
    absl::string_view stem = filename;
    if (!absl::ConsumeSuffix(&stem, extension)) continue;
    absl::StatusOr<Version> version = SourceVersion(stem, normal);
    if (!version.ok()) return wrong;
    return DistributionFile{DistributionFile::Kind::kSource, normal, *std::move(version)};
  }
  return wrong;
}

}  // namespace warren
