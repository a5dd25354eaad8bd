#include "supervisor/config/config_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "supervisor/config/config_check.h"
#include "supervisor/config/config_section.h"

namespace warren {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

// Quotes stay as they are: the parser puts some around what it repeats.
std::string Printable(absl::string_view text) {
  std::string printable;
  for (char c : text) {
    const std::string one(1, c);
    absl::StrAppend(&printable, c == '"' || c == '\'' ? one : absl::CHexEscape(one));
  }
  return printable;
}

// What the parser cannot take. It repeats what stands there.
class SyntaxProblems : public google::protobuf::io::ErrorCollector {
 public:
  explicit SyntaxProblems(ConfigProblems* problems) : problems_(problems) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    std::string text = Printable(message);
    if (absl::EndsWith(text, ".")) text.pop_back();
    // A line of -1 is that of no place.
    problems_->push_back({std::max(line, 0) + 1, std::max(column, 0) + 1, std::move(text), ""});
  }

 private:
  ConfigProblems* problems_;
};

void Sort(ConfigProblems& problems) {
  std::stable_sort(problems.begin(), problems.end(),
                   [](const ConfigProblem& a, const ConfigProblem& b) {
                     return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                   });
}

}  // namespace

CheckedConfiguration CheckConfigurationText(const std::string& text, SecretFiles secrets) {
  CheckedConfiguration checked;
  config::Configuration& configuration = checked.loaded.configuration;
  SyntaxProblems syntax(&checked.problems);
  google::protobuf::TextFormat::ParseInfoTree tree;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&syntax);
  parser.WriteLocationsTo(&tree);
  if (!parser.ParseFromString(text, &configuration)) return checked;
  const ConfigSection file(configuration.GetDescriptor(), &tree, &checked.problems);
  CheckConfiguration(configuration, file);
  for (int i = 0; i < configuration.backends_size(); ++i) {
    const config::Backend& backend = configuration.backends(i);
    const ConfigSection section = file.Nested(config::Configuration::kBackendsFieldNumber, i);
    checked.loaded.secrets[backend.name()] =
        secrets == SecretFiles::kRead ? ReadBackendSecrets(backend, section) : BackendSecrets{};
  }
  FillDefaults(configuration);
  Sort(checked.problems);
  return checked;
}

absl::StatusOr<CheckedConfiguration> CheckConfigurationFile(const std::string& path,
                                                            SecretFiles secrets) {
  WARREN_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxFileBytes));
  return CheckConfigurationText(text, secrets);
}

absl::StatusOr<LoadedConfiguration> LoadConfiguration(const std::string& path) {
  WARREN_ASSIGN_OR_RETURN(CheckedConfiguration checked,
                          CheckConfigurationFile(path, SecretFiles::kRead));
  if (!checked.problems.empty()) return ProblemsStatus(path, checked.problems);
  return std::move(checked.loaded);
}

}  // namespace warren
