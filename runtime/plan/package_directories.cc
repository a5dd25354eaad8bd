#include "runtime/plan/package_directories.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/plan/launch_plan.h"

namespace warren {
namespace {

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return absl::ascii_isdigit(c); });
}

}  // namespace

std::vector<std::string> PackageDirectories(absl::string_view prefix, absl::string_view version) {
  const std::string library = absl::StrCat(prefix, "/lib/", version);
  return {absl::StrCat(prefix, "/local/lib/", version, "/dist-packages"),
          absl::StrCat(library, "/site-packages"), absl::StrCat(library, "/dist-packages"),
          absl::StrCat(prefix, "/lib/python3/dist-packages")};
}

std::vector<std::string> SandboxPackageDirectories(absl::string_view python,
                                                   absl::string_view version) {
  const std::vector<absl::string_view> numbers = absl::StrSplit(version, '.');
  const size_t programs = python.rfind("/bin/");
  if (numbers.size() < 2 || !IsNumber(numbers[0]) || !IsNumber(numbers[1]) ||
      programs == absl::string_view::npos) {
    return {};
  }
  const std::string versioned = absl::StrCat("python", numbers[0], ".", numbers[1]);
  std::vector<std::string> directories = {
      absl::StrCat("/home/user/.local/lib/", versioned, "/site-packages"), kPackagesDirectory};
  for (std::string& directory : PackageDirectories(python.substr(0, programs), versioned))
    directories.push_back(std::move(directory));
  return directories;
}

}  // namespace warren
