#include "tools/warren/completion/tables.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace warren {

std::string ShellQuote(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

std::string StepName(const std::string& path) { return path.substr(path.rfind(' ') + 1); }

std::vector<std::string> CommandSteps(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> steps;
  for (const CompletionCommand& command : commands) {
    for (const std::string& path : command.subcommands) {
      steps.push_back(absl::StrCat(command.path, " ", StepName(path)));
    }
  }
  return steps;
}

std::vector<std::string> ValueOptions(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> found;
  for (const CompletionCommand& command : commands) {
    for (const CompletionOption& option : command.options) {
      if (option.value.kind == CompletionValue::Kind::kNone) continue;
      for (const std::string& name : option.names) {
        found.push_back(absl::StrCat(command.path, ":", name));
      }
    }
  }
  return found;
}

std::string CasePattern(const std::vector<std::string>& words) {
  return absl::StrJoin(words, " | ", [](std::string* out, const std::string& word) {
    absl::StrAppend(out, ShellQuote(word));
  });
}

std::string CaseArm(const std::vector<std::string>& words, const std::string& body) {
  return absl::StrCat("    ", CasePattern(words), ")\n      ", body, " ;;\n");
}

std::string ValueArms(const std::vector<CompletionCommand>& commands, const ValueAction& action) {
  std::string arms;
  for (const CompletionCommand& command : commands) {
    for (const CompletionOption& option : command.options) {
      std::string body = action(option.value);
      if (body.empty()) continue;
      std::vector<std::string> words;
      for (const std::string& name : option.names) {
        words.push_back(absl::StrCat(command.path, ":", name));
      }
      absl::StrAppend(&arms, CaseArm(words, body));
    }
  }
  return arms;
}

std::string OperandArms(const std::vector<CompletionCommand>& commands, const ValueAction& action) {
  std::string arms;
  for (const CompletionCommand& command : commands) {
    for (size_t i = 0; i < command.operands.size(); ++i) {
      std::string body = action(command.operands[i].value);
      if (body.empty()) continue;
      std::string word = ShellQuote(absl::StrCat(command.path, ":", i));
      if (command.operands[i].repeated) word = absl::StrCat(ShellQuote(command.path + ":"), "*");
      absl::StrAppend(&arms, "    ", word, ")\n      ", body, " ;;\n");
    }
  }
  return arms;
}

}  // namespace warren
