#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tools/warren/completion/scripts.h"
#include "tools/warren/completion/tables.h"

namespace warren {
namespace {

// readline takes words apart at "=" and ":": what follows them belongs to the word before.
constexpr char kBashFrame[] =
    R"BASH(# Completion of warren for bash, as `warren completion bash` prints it.
_warren_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
_warren_sandboxes() { _warren_words "$("${COMP_WORDS[0]}" __sandboxes 2>/dev/null)"; }
_warren_files() { mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames; }
_warren_directories() { mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames; }
_warren_places() {
  local ids
  ids=$("${COMP_WORDS[0]}" __sandboxes 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "$ids" -S : -- "$cur"; compgen -f -- "$cur")
  compopt -o nospace
}
_warren() {
  local cur=${COMP_WORDS[COMP_CWORD]} option= at= skip= operand=0 word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word == [=:] ]]; then skip=1; continue; fi
    if [[ -n $skip ]]; then skip=; continue; fi
    if [[ $word == -- ]]; then _warren_files; return; fi
    case "$at $word" in
    @STEPS@) at="${at:+$at }$word"; continue ;;
    esac
    case "$at:$word" in
    @VALUES@) skip=1; option=$word ;;
    *:-*) ;;
    *) operand=$((operand + 1)) ;;
    esac
  done
  if [[ $cur == [=:] ]]; then skip=1; cur=; fi
  if [[ -n $skip ]]; then
    case "$at:$option" in
@VALUE_ARMS@    *) ;;
    esac
    return
  fi
  if [[ $cur == -* ]]; then
    case "$at" in
@OPTION_ARMS@    *) ;;
    esac
    return
  fi
  case "$at" in
@COMMAND_ARMS@    *) ;;
  esac
  case "$at:$operand" in
@OPERAND_ARMS@    *) ;;
  esac
}
complete -F _warren warren
)BASH";

std::string BashAction(const CompletionValue& value) {
  switch (value.kind) {
    case CompletionValue::Kind::kSandbox:
      return "_warren_sandboxes";
    case CompletionValue::Kind::kSandboxPath:
      return "_warren_places";
    case CompletionValue::Kind::kFile:
      return "_warren_files";
    case CompletionValue::Kind::kDirectory:
      return "_warren_directories";
    case CompletionValue::Kind::kChoices:
      return absl::StrCat("_warren_words ", ShellQuote(absl::StrJoin(value.choices, " ")));
    default:
      return "";
  }
}

std::string Words(const std::vector<std::string>& words) {
  return absl::StrCat("_warren_words ", ShellQuote(absl::StrJoin(words, " ")));
}

std::string BashOptionArms(const std::vector<CompletionCommand>& commands) {
  std::string arms;
  for (const CompletionCommand& command : commands) {
    std::vector<std::string> names;
    for (const CompletionOption& option : command.options) {
      names.insert(names.end(), option.names.begin(), option.names.end());
    }
    if (!names.empty()) absl::StrAppend(&arms, CaseArm({command.path}, Words(names)));
  }
  return arms;
}

std::string BashCommandArms(const std::vector<CompletionCommand>& commands) {
  std::string arms;
  for (const CompletionCommand& command : commands) {
    std::vector<std::string> names;
    for (const std::string& path : command.subcommands) names.push_back(StepName(path));
    if (!names.empty()) absl::StrAppend(&arms, CaseArm({command.path}, Words(names)));
  }
  return arms;
}

}  // namespace

std::string BashCompletion(const std::vector<CompletionCommand>& commands) {
  return absl::StrReplaceAll(kBashFrame, {{"@STEPS@", CasePattern(CommandSteps(commands))},
                                          {"@VALUES@", CasePattern(ValueOptions(commands))},
                                          {"@VALUE_ARMS@", ValueArms(commands, BashAction)},
                                          {"@OPTION_ARMS@", BashOptionArms(commands)},
                                          {"@COMMAND_ARMS@", BashCommandArms(commands)},
                                          {"@OPERAND_ARMS@", OperandArms(commands, BashAction)}});
}

}  // namespace warren
