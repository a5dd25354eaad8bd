// Requirements and requirements files, which clients send: what comes of them goes into a file that
// pip reads.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "runtime/packages/package_name.h"
#include "runtime/packages/requirement.h"

namespace warren {
namespace {

constexpr size_t kMostMessage = 600;

void Require(bool holds) {
  if (!holds) std::abort();
}

void RequirePlain(absl::string_view text, size_t most) {
  Require(text.size() <= most);
  for (char c : text) Require(c >= ' ' && c <= '~');
}

// Whatever was sent, pip sees a name, and options that are hashes alone.
void CheckRequirement(const Requirement& requirement) {
  Require(IsNormalizedPackageName(requirement.name));
  Require(absl::StartsWith(requirement.text, requirement.name));
  RequirePlain(requirement.text, 2 * kMaxRequirementBytes + kMaxRequirementHashes * 160);
  Require(!absl::StrContains(requirement.text, '\\'));
  Require(!absl::StrContains(requirement.text, "${"));
  bool hashed = false;
  for (absl::string_view word : absl::StrSplit(requirement.text, ' ')) {
    Require(!absl::StartsWith(word, "#"));
    if (!absl::StartsWith(word, "-")) {
      Require(!hashed);
      continue;
    }
    Require(absl::StartsWith(word, "--hash=sha"));
    hashed = true;
  }
  Require(hashed == requirement.hashed);
  const absl::string_view head =
      absl::string_view(requirement.text).substr(0, requirement.text.find_first_of("; "));
  for (char c : {':', '@', '/', '$'}) Require(!absl::StrContains(head, c));
  for (const char* end : {".whl", ".zip", ".gz", ".tar", ".tgz"}) {
    Require(!absl::EndsWithIgnoreCase(head, end));
  }
  auto again = ParseRequirement(requirement.text);
  Require(again.ok() && again->text == requirement.text && again->name == requirement.name);
}

void Check(absl::string_view input) {
  auto one = ParseRequirement(input);
  if (one.ok()) {
    CheckRequirement(*one);
  } else {
    RequirePlain(one.status().message(), kMostMessage);
  }
  auto file = ParseRequirementsFile(input);
  if (!file.ok()) {
    RequirePlain(file.status().message(), kMostMessage);
    return;
  }
  Require(file->size() <= kMaxRequirements);
  for (const Requirement& requirement : *file) CheckRequirement(requirement);
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
