#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "tools/warren/completion/scripts.h"
#include "tools/warren/completion/tables.h"

namespace warren {
namespace {

constexpr char kFishFrame[] =
    R"FISH(# Completion of warren for fish, as `warren completion fish` prints it.
# True when the words so far are the command $argv[1], and, where $argv[2] says so, so many operands of it.
function __warren_at
    set -l steps @STEPS@
    set -l values @VALUES@
    set -l at ''
    set -l skip ''
    set -l operand 0
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip ''
        else if test "$word" = --
            return 1
        else if contains -- "$at $word" $steps
            set at (string trim -- "$at $word")
        else if contains -- "$at:$word" $values
            set skip 1
        else if not string match -q -- '-*' "$word"
            set operand (math $operand + 1)
        end
    end
    test "$at" = "$argv[1]"; or return 1
    test -z "$argv[2]"; or test "$operand" -eq "$argv[2]"; or test "$argv[2]" = any
end
function __warren_sandboxes
    set -l words (commandline -opc)
    eval $words[1] __sandboxes 2>/dev/null
end
complete -c warren -f
@COMPLETIONS@)FISH";

std::string FishQuote(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
}

std::string FishWords(const std::vector<std::string>& words) {
  return absl::StrJoin(words, " ", [](std::string* out, const std::string& word) {
    absl::StrAppend(out, FishQuote(word));
  });
}

// What follows `complete`'s own condition: where a value comes from.
std::string FishSource(const CompletionValue& value) {
  switch (value.kind) {
    case CompletionValue::Kind::kSandbox:
      return " -x -a '(__warren_sandboxes)'";
    case CompletionValue::Kind::kSandboxPath:
      return " -F -a '(__warren_sandboxes | string replace -r \\'$\\' :)'";
    case CompletionValue::Kind::kFile:
    case CompletionValue::Kind::kDirectory:
      return " -r -F";
    case CompletionValue::Kind::kChoices:
      return absl::StrCat(" -x -a ", FishQuote(absl::StrJoin(value.choices, " ")));
    case CompletionValue::Kind::kText:
      return " -x";
    default:
      return "";
  }
}

std::string FishCondition(const std::string& path, const std::string& operand) {
  std::string test = absl::StrCat("__warren_at ", FishQuote(path));
  if (!operand.empty()) absl::StrAppend(&test, " ", operand);
  return absl::StrCat("complete -c warren -n ", FishQuote(test));
}

std::string FishOption(const std::string& path, const CompletionOption& option) {
  std::string line = FishCondition(path, "");
  for (absl::string_view name : option.names) {
    if (absl::ConsumePrefix(&name, "--")) {
      absl::StrAppend(&line, " -l ", name);
    } else {
      absl::StrAppend(&line, " -s ", absl::StripPrefix(name, "-"));
    }
  }
  return absl::StrCat(line, FishSource(option.value), " -d ", FishQuote(option.description), "\n");
}

std::string FishCommand(const CompletionCommand& command,
                        const std::vector<CompletionCommand>& commands) {
  std::string lines;
  for (const CompletionCommand& sub : commands) {
    for (const std::string& path : command.subcommands) {
      if (sub.path != path) continue;
      absl::StrAppend(&lines, FishCondition(command.path, ""), " -a ", sub.name, " -d ",
                      FishQuote(sub.description), "\n");
    }
  }
  for (const CompletionOption& option : command.options) {
    absl::StrAppend(&lines, FishOption(command.path, option));
  }
  for (size_t i = 0; i < command.operands.size(); ++i) {
    const CompletionOperand& operand = command.operands[i];
    if (operand.value.kind == CompletionValue::Kind::kText) continue;
    std::string place = operand.repeated ? "any" : absl::StrCat(i);
    absl::StrAppend(&lines, FishCondition(command.path, place), FishSource(operand.value), "\n");
  }
  return lines;
}

}  // namespace

std::string FishCompletion(const std::vector<CompletionCommand>& commands) {
  std::string completions;
  for (const CompletionCommand& command : commands) {
    absl::StrAppend(&completions, FishCommand(command, commands));
  }
  return absl::StrReplaceAll(kFishFrame, {{"@STEPS@", FishWords(CommandSteps(commands))},
                                          {"@VALUES@", FishWords(ValueOptions(commands))},
                                          {"@COMPLETIONS@", completions}});
}

}  // namespace warren
