#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tools/warren/completion/scripts.h"
#include "tools/warren/completion/tables.h"

namespace warren {
namespace {

constexpr char kZshFrame[] = R"ZSH(#compdef warren
# Completion of warren for zsh, as `warren completion zsh` prints it: to a file _warren in $fpath, or into `source`.
_warren_sandboxes() { compadd -- ${(f)"$($words[1] __sandboxes 2>/dev/null)"} }
_warren_places() { compadd -S : -- ${(f)"$($words[1] __sandboxes 2>/dev/null)"}; _files }
_warren() {
  local option= at= skip= operand=0 word i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word=${words[i]}
    if [[ -n $skip ]]; then skip=; continue; fi
    if [[ $word == -- ]]; then _files; return; fi
    case "$at $word" in
    (@STEPS@) at="${at:+$at }$word"; continue ;;
    esac
    case "$at:$word" in
    (@VALUES@) skip=1; option=$word ;;
    (*:-*) ;;
    (*) operand=$((operand + 1)) ;;
    esac
  done
  if [[ -n $skip ]]; then
    case "$at:$option" in
@VALUE_ARMS@    *) ;;
    esac
    return
  fi
  if [[ ${words[CURRENT]} == -* ]]; then
    case "$at" in
@OPTION_ARMS@    *) ;;
    esac
    _describe -o option found
    return
  fi
  case "$at" in
@COMMAND_ARMS@    *) ;;
  esac
  if ((${#found})); then _describe command found; return; fi
  case "$at:$operand" in
@OPERAND_ARMS@    *) ;;
  esac
}
compdef _warren warren
if [[ $funcstack[1] == _warren ]]; then _warren "$@"; fi
)ZSH";

std::string ZshAction(const CompletionValue& value) {
  switch (value.kind) {
    case CompletionValue::Kind::kSandbox:
      return "_warren_sandboxes";
    case CompletionValue::Kind::kSandboxPath:
      return "_warren_places";
    case CompletionValue::Kind::kFile:
      return "_files";
    case CompletionValue::Kind::kDirectory:
      return "_files -/";
    case CompletionValue::Kind::kChoices:
      return absl::StrCat("compadd -- ", absl::StrJoin(value.choices, " "));
    default:
      return "";
  }
}

// "name:description", as _describe takes it.
std::string Described(const std::string& name, const std::string& description) {
  return ShellQuote(absl::StrCat(absl::StrReplaceAll(name, {{":", "\\:"}}), ":", description));
}

std::string Found(const std::vector<std::string>& words) {
  return absl::StrCat("found=(", absl::StrJoin(words, " "), ")");
}

std::string ZshOptionArms(const std::vector<CompletionCommand>& commands) {
  std::string arms;
  for (const CompletionCommand& command : commands) {
    std::vector<std::string> words;
    for (const CompletionOption& option : command.options) {
      for (const std::string& name : option.names) {
        words.push_back(Described(name, option.description));
      }
    }
    if (!words.empty()) absl::StrAppend(&arms, CaseArm({command.path}, Found(words)));
  }
  return arms;
}

std::string ZshCommandArms(const std::vector<CompletionCommand>& commands) {
  std::string arms;
  for (const CompletionCommand& command : commands) {
    std::vector<std::string> words;
    for (const std::string& path : command.subcommands) {
      for (const CompletionCommand& sub : commands) {
        if (sub.path == path) words.push_back(Described(sub.name, sub.description));
      }
    }
    if (!words.empty()) absl::StrAppend(&arms, CaseArm({command.path}, Found(words)));
  }
  return arms;
}

}  // namespace

std::string ZshCompletion(const std::vector<CompletionCommand>& commands) {
  return absl::StrReplaceAll(kZshFrame, {{"@STEPS@", CasePattern(CommandSteps(commands))},
                                         {"@VALUES@", CasePattern(ValueOptions(commands))},
                                         {"@VALUE_ARMS@", ValueArms(commands, ZshAction)},
                                         {"@OPTION_ARMS@", ZshOptionArms(commands)},
                                         {"@COMMAND_ARMS@", ZshCommandArms(commands)},
                                         {"@OPERAND_ARMS@", OperandArms(commands, ZshAction)}});
}

}  // namespace warren
