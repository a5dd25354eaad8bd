// The file of backends, as an operator may write it: any text is either fine, or has problems with
// places that are in it. Files that it names are not looked at.
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "supervisor/config/config_check.h"
#include "supervisor/config/config_file.h"

namespace warren {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// One line for a terminal: of names in a circle the arrows are more than ASCII.
void RequireOneLine(const std::string& text) {
  Require(!text.empty());
  for (unsigned char c : text) Require(!absl::ascii_iscntrl(c));
}

void CheckProblems(const std::string& text, const ConfigProblems& problems) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  const ConfigProblem* before = nullptr;
  for (const ConfigProblem& problem : problems) {
    Require(problem.line >= 1 && problem.line <= lines && problem.column >= 1);
    RequireOneLine(ProblemText("f", problem));
    Require(before == nullptr || before->line <= problem.line);
    before = &problem;
  }
}

// What a server counts on.
void CheckServed(const config::Configuration& configuration) {
  Require(configuration.backends_size() >= 1 && configuration.backends_size() <= kMaxBackends);
  Require(!configuration.default_backend().empty());
  for (const config::Backend& backend : configuration.backends()) {
    Require(!backend.name().empty() && backend.kind_case() != config::Backend::KIND_NOT_SET);
    Require(backend.has_circuit() != backend.has_failover());
    if (backend.has_failover()) Require(backend.failover().backends_size() >= 2);
    if (!backend.has_e2b()) continue;
    Require(backend.e2b().has_key() && !backend.e2b().default_template().empty());
    Require(backend.e2b().stream_connections() >= 1 && backend.e2b().stream_connections() <= 1000);
  }
  for (const config::Route& route : configuration.routes()) {
    int sum = 0;
    for (const config::Share& share : route.to()) sum += share.percent();
    Require(sum == 100);
  }
}

void Check(const std::string& text) {
  const CheckedConfiguration checked = CheckConfigurationText(text, SecretFiles::kLeave);
  CheckProblems(text, checked.problems);
  if (!checked.problems.empty()) return;
  CheckServed(checked.loaded.configuration);
  // With its defaults written out it says the same.
  std::string written;
  Require(google::protobuf::TextFormat::PrintToString(checked.loaded.configuration, &written));
  const CheckedConfiguration again = CheckConfigurationText(written, SecretFiles::kLeave);
  Require(again.problems.empty());
  Require(again.loaded.configuration.SerializeAsString() ==
          checked.loaded.configuration.SerializeAsString());
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::Check(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
