#include "runtime/policy/seccomp_policy.h"

#include <seccomp.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "runtime/base/status.h"
#include "runtime/policy/text_proto.h"

namespace warren {
namespace {

using google::protobuf::RepeatedPtrField;

// Numbers from here on are x32's; a policy never means them.
constexpr uint32_t kFirstX32Number = 0x40000000;
constexpr int kLastErrno = 133;

absl::Status Invalid(const config::SeccompPolicy& policy, absl::string_view list,
                     const config::SeccompRule& rule, absl::string_view what) {
  std::string call = rule.syscalls().empty() ? "(no call)" : rule.syscalls(0);
  return absl::InvalidArgumentError(
      absl::StrCat("seccomp policy ", policy.name(), ", ", list, " rule of ", call, ": ", what));
}

absl::Status CheckCondition(const config::ArgumentCondition& condition) {
  if (condition.index() > 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("argument ", condition.index(), ": a call has arguments 0 to 5"));
  }
  if (condition.comparison_case() == config::ArgumentCondition::COMPARISON_NOT_SET) {
    return absl::InvalidArgumentError("a condition needs equal or masked_equal");
  }
  if (condition.has_masked_equal()) {
    const auto& masked = condition.masked_equal();
    if (masked.mask() == 0) return absl::InvalidArgumentError("mask 0 compares nothing");
    if ((masked.value() & ~masked.mask()) != 0) {
      return absl::InvalidArgumentError("the value has bits outside the mask: it never matches");
    }
  }
  return absl::OkStatus();
}

// A deny by 64-bit equality is passed by an argument whose upper half the kernel ignores.
absl::Status CheckDenyCondition(const config::ArgumentCondition& condition) {
  if (!condition.has_masked_equal() || condition.masked_equal().mask() > UINT32_MAX) {
    return absl::InvalidArgumentError(
        "a deny must compare the low 32 bits only (the kernel truncates ints): use masked_equal "
        "with a mask of at most 0xffffffff");
  }
  return absl::OkStatus();
}

std::string ArgumentsKey(const config::SeccompRule& rule) {
  std::set<std::string> parts;
  for (const auto& condition : rule.arguments()) {
    config::ArgumentCondition bare = condition;
    bare.clear_symbol();
    parts.insert(bare.ShortDebugString());
  }
  std::string key;
  for (const std::string& part : parts) absl::StrAppend(&key, part, ";");
  return key;
}

// Collects the rules of one policy and finds those that repeat or contradict each other.
class RuleTable {
 public:
  explicit RuleTable(const config::SeccompPolicy& policy) : policy_(policy) {}

  absl::Status Add(absl::string_view list, const config::SeccompRule& rule) {
    if (rule.reason().empty()) return Invalid(policy_, list, rule, "say the reason");
    if (rule.syscalls().empty()) return Invalid(policy_, list, rule, "name at least one call");
    if (list == "allow" && !rule.error().empty()) {
      return Invalid(policy_, list, rule, "an allow rule has no error");
    }
    if (!rule.error().empty()) {
      auto error = ErrnoValue(rule.error());
      if (!error.ok()) return Invalid(policy_, list, rule, error.status().message());
    }
    std::set<uint32_t> indices;
    for (const auto& condition : rule.arguments()) {
      absl::Status status = CheckCondition(condition);
      if (status.ok() && list == "deny_arguments") status = CheckDenyCondition(condition);
      if (!status.ok()) return Invalid(policy_, list, rule, status.message());
      if (!indices.insert(condition.index()).second) {
        return Invalid(policy_, list, rule, "two conditions on one argument; libseccomp takes one");
      }
    }
    for (const std::string& name : rule.syscalls()) {
      auto number = SyscallNumber(name);
      if (!number.ok()) return Invalid(policy_, list, rule, number.status().message());
      WARREN_RETURN_IF_ERROR(list == "deny_arguments" ? AddArgumentDeny(rule, name, *number)
                                                      : AddFirst(list, rule, name, *number));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddFirst(absl::string_view list, const config::SeccompRule& rule,
                        const std::string& name, uint32_t number) {
    if (list == "deny" && !rule.arguments().empty()) {
      return Invalid(policy_, list, rule,
                     "conditions belong into deny_arguments: allow and deny by argument in one "
                     "filter misfire in libseccomp");
    }
    auto [entry, is_new] = first_.try_emplace(number);
    Entry& known = entry->second;
    if (!is_new && (known.list != list || known.unconditional || rule.arguments().empty())) {
      return Invalid(policy_, list, rule,
                     absl::StrCat(name, " is already in ", known.list,
                                  ": keep one rule, or argument rules only"));
    }
    known.list = std::string(list);
    known.unconditional = rule.arguments().empty();
    if (!known.arguments.insert(ArgumentsKey(rule)).second) {
      return Invalid(policy_, list, rule, absl::StrCat("the same conditions twice for ", name));
    }
    return absl::OkStatus();
  }

  absl::Status AddArgumentDeny(const config::SeccompRule& rule, const std::string& name,
                               uint32_t number) {
    if (rule.arguments().empty()) {
      return Invalid(policy_, "deny_arguments", rule, "without conditions it belongs into deny");
    }
    auto allowed = first_.find(number);
    if (allowed == first_.end() || allowed->second.list != "allow") {
      return Invalid(policy_, "deny_arguments", rule,
                     absl::StrCat("no rule allows ", name, ": there is nothing to deny"));
    }
    if (!denied_[number].insert(ArgumentsKey(rule)).second) {
      return Invalid(policy_, "deny_arguments", rule,
                     absl::StrCat("the same conditions twice for ", name));
    }
    return absl::OkStatus();
  }

  struct Entry {
    std::string list;
    bool unconditional = false;
    std::set<std::string> arguments;
  };
  const config::SeccompPolicy& policy_;
  std::map<uint32_t, Entry> first_;
  std::map<uint32_t, std::set<std::string>> denied_;
};

// Takes the calls that `names` lists out of `rules`; rules that are left without a call go too.
void RemoveCalls(const std::set<std::string>& names, RepeatedPtrField<config::SeccompRule>* rules) {
  RepeatedPtrField<config::SeccompRule> kept;
  for (const config::SeccompRule& rule : *rules) {
    config::SeccompRule left = rule;
    left.clear_syscalls();
    for (const std::string& name : rule.syscalls()) {
      if (!names.contains(name)) left.add_syscalls(name);
    }
    if (!left.syscalls().empty()) *kept.Add() = std::move(left);
  }
  rules->Swap(&kept);
}

config::SeccompPolicy Extend(config::SeccompPolicy base, const config::SeccompPolicy& policy) {
  std::set<std::string> allowed;
  std::set<std::string> allowed_outright;
  for (const auto& rule : policy.allow()) {
    for (const std::string& name : rule.syscalls()) {
      allowed.insert(name);
      if (rule.arguments().empty()) allowed_outright.insert(name);
    }
  }
  RemoveCalls(allowed, base.mutable_deny());
  RemoveCalls(allowed_outright, base.mutable_allow());
  base.clear_description();  // MergeFrom overwrites scalars that are set only.
  base.MergeFrom(policy);
  base.clear_extends();
  return base;
}

}  // namespace

absl::StatusOr<uint32_t> SyscallNumber(absl::string_view name) {
  if (absl::StartsWith(name, "#")) {
    uint32_t number = 0;
    if (!absl::SimpleAtoi(name.substr(1), &number) || number >= kFirstX32Number) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no system call number"));
    }
    std::string known = SyscallName(number);
    if (!absl::StartsWith(known, "#")) {
      return absl::InvalidArgumentError(absl::StrCat("write ", known, " instead of ", name));
    }
    return number;
  }
  int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, std::string(name).c_str());
  // Names of other architectures resolve to negative pseudo numbers.
  if (number < 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", name, "\" is no x86-64 system call that libseccomp knows; newer ones go by #NUMBER"));
  }
  return static_cast<uint32_t>(number);
}

std::string SyscallName(uint32_t number) {
  char* name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, static_cast<int>(number));
  if (name == nullptr) return absl::StrCat("#", number);
  std::string result = name;
  std::free(name);
  return result;
}

absl::StatusOr<uint16_t> ErrnoValue(absl::string_view name) {
  for (int value = 1; value <= kLastErrno; ++value) {
    const char* known = ::strerrorname_np(value);
    if (known != nullptr && name == known) return static_cast<uint16_t>(value);
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no errno"));
}

absl::Status ValidateSeccompPolicy(const config::SeccompPolicy& policy) {
  if (policy.name().empty()) return absl::InvalidArgumentError("a seccomp policy needs a name");
  if (!policy.extends().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("seccomp policy ", policy.name(), " still extends ", policy.extends(),
                     ": load it from its file, which merges the two"));
  }
  if (policy.allow().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("seccomp policy ", policy.name(), " allows nothing"));
  }
  RuleTable table(policy);
  for (const auto& rule : policy.allow()) WARREN_RETURN_IF_ERROR(table.Add("allow", rule));
  for (const auto& rule : policy.deny()) WARREN_RETURN_IF_ERROR(table.Add("deny", rule));
  // Last: it asks what is allowed.
  for (const auto& rule : policy.deny_arguments()) {
    WARREN_RETURN_IF_ERROR(table.Add("deny_arguments", rule));
  }
  return absl::OkStatus();
}

absl::StatusOr<config::SeccompPolicy> LoadSeccompPolicy(const std::string& path) {
  config::SeccompPolicy policy;
  WARREN_RETURN_IF_ERROR(ReadTextProto(path, policy));
  if (!policy.extends().empty()) {
    size_t slash = path.rfind('/');
    std::string directory = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    if (absl::StrContains(policy.extends(), "/")) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": extends takes the name of a policy beside it, not a path"));
    }
    config::SeccompPolicy base;
    WARREN_RETURN_IF_ERROR(
        ReadTextProto(absl::StrCat(directory, policy.extends(), ".textproto"), base));
    if (!base.extends().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": extends ", policy.extends(),
                                                     ", which extends another: one level only"));
    }
    policy = Extend(std::move(base), policy);
  }
  WARREN_RETURN_IF_ERROR(ValidateSeccompPolicy(policy));
  return policy;
}

}  // namespace warren
