#include "runtime/policy/policy_dump.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/policy/bpf_evaluator.h"

namespace warren {
namespace {

using Arguments = std::vector<uint64_t>;

// Arguments that no rule of any sensible policy names: what is left when no condition holds.
const Arguments& OtherArguments() {
  static const Arguments* const kOther = new Arguments(6, 0x4040404040404040);
  return *kOther;
}

Arguments ArgumentsThatMeet(const config::SeccompRule& rule) {
  Arguments result = OtherArguments();
  for (const auto& condition : rule.arguments()) {
    uint64_t& argument = result[condition.index()];
    if (condition.has_masked_equal()) {
      argument = (argument & ~condition.masked_equal().mask()) | condition.masked_equal().value();
    } else {
      argument = condition.equal();
    }
  }
  return result;
}

absl::StatusOr<std::string> Answer(const CompiledPolicy& compiled, uint32_t number,
                                   const Arguments& arguments) {
  seccomp_data data = {static_cast<int>(number), AUDIT_ARCH_X86_64, 0, {}};
  for (size_t i = 0; i < arguments.size(); ++i) data.args[i] = arguments[i];
  WARREN_ASSIGN_OR_RETURN(uint32_t action, EvaluateFilters(compiled.filters, data));
  return ActionName(action);
}

std::string Condition(const config::ArgumentCondition& condition) {
  std::string text = absl::StrCat("arg", condition.index());
  if (condition.has_masked_equal()) {
    absl::StrAppend(&text, " & 0x", absl::Hex(condition.masked_equal().mask()), " == 0x",
                    absl::Hex(condition.masked_equal().value()));
  } else {
    absl::StrAppend(&text, " == 0x", absl::Hex(condition.equal()));
  }
  if (!condition.symbol().empty()) absl::StrAppend(&text, " (", condition.symbol(), ")");
  return text;
}

absl::StatusOr<std::string> ConditionalRule(const CompiledPolicy& compiled, uint32_t number,
                                            const config::SeccompRule& rule) {
  std::vector<std::string> conditions;
  for (const auto& condition : rule.arguments()) conditions.push_back(Condition(condition));
  WARREN_ASSIGN_OR_RETURN(std::string answer, Answer(compiled, number, ArgumentsThatMeet(rule)));
  return absl::StrCat("  if ", absl::StrJoin(conditions, " and "), ": ", answer, "  # ",
                      rule.reason(), "\n");
}

// The paragraph of one call: its argument rules, then what holds otherwise.
absl::StatusOr<std::string> CallText(const CompiledPolicy& compiled, uint32_t number,
                                     const std::vector<const config::SeccompRule*>& rules) {
  std::string text = absl::StrCat("\n", SyscallName(number), " [", number, "]\n");
  bool has_conditions = false;
  std::string reason;
  for (const config::SeccompRule* rule : rules) {
    if (rule->arguments().empty()) {
      reason = absl::StrCat("  # ", rule->reason());
      continue;
    }
    has_conditions = true;
    WARREN_ASSIGN_OR_RETURN(std::string line, ConditionalRule(compiled, number, *rule));
    absl::StrAppend(&text, line);
  }
  WARREN_ASSIGN_OR_RETURN(std::string rest, Answer(compiled, number, OtherArguments()));
  absl::StrAppend(&text, "  ", has_conditions ? "else: " : "", rest, reason, "\n");
  return text;
}

}  // namespace

absl::StatusOr<std::string> DumpPolicy(const config::SeccompPolicy& policy,
                                       const CompiledPolicy& compiled) {
  std::map<uint32_t, std::vector<const config::SeccompRule*>> rules;
  for (const auto* list : {&policy.allow(), &policy.deny(), &policy.deny_arguments()}) {
    for (const auto& rule : *list) {
      for (const std::string& name : rule.syscalls()) {
        WARREN_ASSIGN_OR_RETURN(uint32_t number, SyscallNumber(name));
        rules[number].push_back(&rule);
      }
    }
  }
  constexpr uint32_t kUnused = 1000;
  WARREN_ASSIGN_OR_RETURN(std::string unknown, Answer(compiled, kUnused, OtherArguments()));
  std::string text = absl::StrCat("policy ", policy.name(), ": ", compiled.filters.size(),
                                  " filter(s); every call that is not listed: ", unknown, "\n");
  for (const auto& [number, of_call] : rules) {
    WARREN_ASSIGN_OR_RETURN(std::string paragraph, CallText(compiled, number, of_call));
    absl::StrAppend(&text, paragraph);
  }
  return text;
}

}  // namespace warren
