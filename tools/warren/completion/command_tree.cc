#include "tools/warren/completion/command_tree.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/warren/flags.h"

namespace warren {
namespace {

CompletionValue ValueOf(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return {CompletionValue::Kind::kNone, {}};
  std::string type = option.get_type_name();
  if (type == kSandboxType) return {CompletionValue::Kind::kSandbox, {}};
  if (type == "SANDBOX[:PATH]" || type == "SRC" || type == "DST") {
    return {CompletionValue::Kind::kSandboxPath, {}};
  }
  if (type == "FILE" || type == "FILE[:PATH]") return {CompletionValue::Kind::kFile, {}};
  if (type == "DIR") return {CompletionValue::Kind::kDirectory, {}};
  if (absl::StrContains(type, '|')) {
    return {CompletionValue::Kind::kChoices, absl::StrSplit(type, '|')};
  }
  return {CompletionValue::Kind::kText, {}};
}

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

void Describe(const CLI::App& app, const std::string& path, std::vector<CompletionCommand>* all) {
  CompletionCommand command;
  command.path = path;
  command.name = app.get_name();
  command.description = FirstLine(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      command.operands.push_back({ValueOf(*option), option->get_items_expected_max() > 1});
      continue;
    }
    CompletionOption described;
    for (const std::string& name : option->get_snames()) described.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) described.names.push_back("--" + name);
    described.description = FirstLine(option->get_description());
    described.value = ValueOf(*option);
    command.options.push_back(std::move(described));
  }
  std::vector<std::pair<const CLI::App*, std::string>> below;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (sub->get_group().empty()) continue;
    below.emplace_back(sub, absl::StrCat(path, path.empty() ? "" : " ", sub->get_name()));
    command.subcommands.push_back(below.back().second);
  }
  all->push_back(std::move(command));
  for (const auto& [sub, sub_path] : below) Describe(*sub, sub_path, all);
}

}  // namespace

std::vector<CompletionCommand> DescribeCommands(const CLI::App& program) {
  std::vector<CompletionCommand> all;
  Describe(program, "", &all);
  return all;
}

}  // namespace warren
