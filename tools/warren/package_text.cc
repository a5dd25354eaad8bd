#include "tools/warren/package_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

using Progress = v1::InstallPackageEvent::Progress;
using Packages = google::protobuf::RepeatedPtrField<v1::Environment::Package>;

// The contract's bound on each of its two texts.
constexpr size_t kMaxFileBytes = 256 << 10;
// Of a set, in its line.
constexpr int kPackagesShown = 4;
constexpr size_t kDigestShown = 12;

absl::Status TooLarge(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, FormatBytes(static_cast<int64_t>(kMaxFileBytes)), " are allowed"));
}

absl::StatusOr<std::string> ReadRequirementsFile(const std::string& file) {
  absl::StatusOr<std::string> text = ReadFile(file == "-" ? "/dev/stdin" : file, kMaxFileBytes);
  if (absl::IsResourceExhausted(text.status()))
    return TooLarge(absl::StrCat(Safe(file), " is too large: at most "));
  if (!text.ok()) return absl::Status(text.status().code(), Safe(text.status().message()));
  if (!IsUtf8(*text))
    return absl::InvalidArgumentError(absl::StrCat(Safe(file), " is no text in UTF-8"));
  return text;
}

std::string PackageText(const v1::Environment::Package& package) {
  return absl::StrCat(Safe(package.name()), " ", Safe(package.version()));
}

std::string Abridged(const Packages& packages) {
  const int shown = std::min(packages.size(), kPackagesShown);
  std::string text =
      absl::StrJoin(packages.begin(), packages.begin() + shown, ", ",
                    [](std::string* out, const auto& each) { out->append(PackageText(each)); });
  if (packages.size() > shown) absl::StrAppend(&text, " and ", packages.size() - shown, " more");
  return text;
}

std::string PhaseName(Progress::Phase phase) {
  return absl::AsciiStrToLower(Progress::Phase_Name(phase));
}

}  // namespace

absl::StatusOr<std::string> ReadRequirementsFiles(const std::vector<std::string>& files) {
  std::vector<std::string> texts;
  for (const std::string& file : files) {
    WARREN_ASSIGN_OR_RETURN(std::string text, ReadRequirementsFile(file));
    texts.push_back(std::move(text));
  }
  std::string all = absl::StrJoin(texts, "\n");
  if (all.size() > kMaxFileBytes) return TooLarge("the files together are too large: at most ");
  return all;
}

std::string FormatInstallProgress(const Progress& progress) {
  std::string text =
      progress.phase() == Progress::WAITING ? "waiting for a builder" : PhaseName(progress.phase());
  if (progress.total() > 0) absl::StrAppend(&text, " ", progress.done(), " of ", progress.total());
  if (!progress.text().empty()) absl::StrAppend(&text, ": ", Safe(progress.text()));
  return text;
}

std::string FormatInstalled(const v1::InstallPackageEvent::Done& done) {
  if (done.packages().empty()) return "Nothing was added: the template has all of it.\n";
  std::string text;
  for (const auto& package : done.packages()) absl::StrAppend(&text, PackageText(package), "\n");
  return absl::StrCat(text, done.packages_size(),
                      done.packages_size() == 1 ? " package" : " packages",
                      done.cached() ? ", from the store\n" : ", resolved and fetched\n");
}

nlohmann::ordered_json InstallEventObject(const v1::InstallPackageEvent& event) {
  if (event.has_progress()) {
    const Progress& progress = event.progress();
    return {{"type", "progress"},
            {"phase", PhaseName(progress.phase())},
            {"text", progress.text()},
            {"done", progress.done()},
            {"total", progress.total()}};
  }
  nlohmann::ordered_json packages = nlohmann::ordered_json::array();
  for (const auto& package : event.done().packages())
    packages.push_back({{"name", package.name()}, {"version", package.version()}});
  nlohmann::ordered_json conflicts = nlohmann::ordered_json::array();
  for (const std::string& path : event.done().conflicts()) conflicts.push_back(path);
  return {{"type", "done"},
          {"packages", packages},
          {"cached", event.done().cached()},
          {"set_digest", event.done().set_digest()},
          {"conflicts", conflicts}};
}

std::string FormatStore(const v1::ListStoredPackagesResponse& store, absl::Time now) {
  std::string text;
  if (store.packages().empty()) {
    text = "No package is stored.\n";
  } else {
    Table packages({"PACKAGE", "VERSION", "SIZE", "FILES"});
    for (const auto& stored : store.packages()) {
      packages.AddRow({Safe(stored.package().name()), Safe(stored.package().version()),
                       FormatBytes(stored.size_bytes()), absl::StrCat(stored.files())});
    }
    text = packages.Render();
  }
  if (!store.sets().empty()) {
    Table sets({"SET", "SANDBOXES", "LAST USED", "PACKAGES"});
    for (const auto& set : store.sets()) {
      const absl::Duration ago = now - ToAbslTime(set.used_at());
      sets.AddRow({Safe(set.digest().substr(0, kDigestShown)), absl::StrCat(set.uses()),
                   set.has_used_at() ? absl::StrCat(FormatSpan(ago), " ago") : "-",
                   Abridged(set.packages())});
    }
    absl::StrAppend(&text, "\n", sets.Render());
  }
  return absl::StrCat(text, "\n", FormatBytes(store.size_bytes()), " of ",
                      FormatBytes(store.max_bytes()), " are used.\n");
}

}  // namespace warren
