// Versions, specifiers and names of files, which indexes send, and the URLs that lead to them. The
// input is lines; each is each of these, and each two of the first are compared.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "runtime/packages/distribution_file.h"
#include "runtime/packages/index_url.h"
#include "runtime/packages/package_name.h"
#include "runtime/packages/version.h"
#include "runtime/packages/version_specifier.h"

namespace warren {
namespace {

constexpr size_t kMostLines = 12;
constexpr size_t kMostMessage = 900;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequirePlain(absl::string_view text) {
  Require(text.size() <= kMostMessage);
  for (char c : text) Require(c >= ' ' && c <= '~');
}

bool Fits(const std::string& specifier, const Version& version) {
  return VersionSpecifier::Parse(specifier).value().Fits(version);
}

void CheckVersion(const Version& version) {
  const std::string text = version.Text();
  // Written out, it may be longer than what it was read from: "1-1" is "1.post1".
  if (text.size() <= kMaxVersionBytes) {
    const Version again = Version::Parse(text).value();
    Require(again == version && again.Text() == text);
    Require(Fits("==" + text, version) && !Fits("!=" + text, version) &&
            Fits("===" + text, version));
  }
  Require(version <= version && !(version < version));
}

void CheckPair(const Version& a, const Version& b) {
  Require((a <=> b) == (0 <=> (b <=> a)));
  const std::string text = b.Text();
  if (text.size() > kMaxVersionBytes || text.find('+') != std::string::npos) return;
  // ">" and "<" leave out more than is equal, ">=" and "<=" nothing.
  if (Fits("<" + text, a)) Require(a < b && Fits("<=" + text, a));
  if (Fits(">" + text, a)) Require(a > b && Fits(">=" + text, a));
  Require(Fits(">=" + text, a) || Fits("<=" + text, a));
  Require(Fits("==" + text, a) == (Fits(">=" + text, a) && Fits("<=" + text, a)));
}

void CheckSpecifier(absl::string_view text, const std::vector<Version>& versions) {
  auto specifier = VersionSpecifier::Parse(text);
  if (!specifier.ok()) {
    RequirePlain(specifier.status().message());
    return;
  }
  for (const Version& version : versions) {
    Require(specifier->Fits(version) || !specifier->empty());
  }
}

void CheckFile(absl::string_view text) {
  auto wheel = ParseWheelName(text);
  if (!wheel.ok()) {
    RequirePlain(wheel.status().message());
  } else {
    Require(IsNormalizedPackageName(wheel->name) && text.find('/') == absl::string_view::npos);
    Require(ParseDistributionFile(text, wheel->name).ok());
    CheckVersion(wheel->version);
  }
  auto file = ParseDistributionFile(text, "a");
  if (!file.ok()) {
    RequirePlain(file.status().message());
  } else {
    Require(file->name == "a" && text.find('/') == absl::string_view::npos);
    CheckVersion(file->version);
  }
}

void CheckName(absl::string_view text) {
  const std::string normal = NormalizedPackageName(text);
  Require(NormalizedPackageName(normal) == normal);
  if (IsPackageName(text)) Require(IsNormalizedPackageName(normal));
}

void Check(absl::string_view input) {
  std::vector<absl::string_view> lines = absl::StrSplit(input, '\n');
  if (lines.size() > kMostLines) lines.resize(kMostLines);
  std::vector<Version> versions;
  for (absl::string_view line : lines) {
    auto version = Version::Parse(line);
    if (version.ok()) {
      versions.push_back(*std::move(version));
    } else {
      RequirePlain(version.status().message());
    }
  }
  for (const Version& a : versions) {
    CheckVersion(a);
    for (const Version& b : versions) CheckPair(a, b);
  }
  for (absl::string_view line : lines) {
    CheckSpecifier(line, versions);
    CheckFile(line);
    CheckName(line);
    RequirePlain(ValidateIndexUrl(line).message());
    // Boost.URL is given any host and any path.
    (void)ValidateIndexUrl(absl::StrCat("https://", line));
    (void)ValidateIndexUrl(absl::StrCat("https://a.test/", line));
  }
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
