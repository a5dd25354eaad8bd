#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <utility>

#include "runtime/base/status.h"
#include "runtime/base/unique_fd.h"
#include "runtime/policy/policy_blob.h"
#include "runtime/policy/seccomp_policy.h"

namespace warren {
namespace {

struct ReleaseContext {
  void operator()(void* context) const { seccomp_release(context); }
};
// What seccomp_init returns: a filter under construction.
using FilterContext = std::unique_ptr<void, ReleaseContext>;

absl::Status LibraryError(int negative_errno, absl::string_view what) {
  return absl::ErrnoToStatus(-negative_errno, absl::StrCat("libseccomp: ", what));
}

absl::StatusOr<FilterContext> NewFilter(uint32_t default_action) {
  if (seccomp_arch_native() != SCMP_ARCH_X86_64) {
    return absl::FailedPreconditionError(
        "seccomp policies are written for x86-64; this host is another architecture");
  }
  FilterContext filter(seccomp_init(default_action));
  if (filter == nullptr) return absl::InternalError("libseccomp: seccomp_init failed");
  // Calls through the ia32 and x32 entries have other numbers: none of the rules fits them.
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (error != 0) return LibraryError(error, "set the action for other architectures");
  // A binary tree over the call numbers instead of a chain of some 250 comparisons.
  error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  if (error != 0) return LibraryError(error, "choose the binary tree");
  return filter;
}

absl::Status AddCall(const FilterContext& filter, uint32_t action, uint32_t number,
                     const config::SeccompRule& rule) {
  std::vector<scmp_arg_cmp> arguments;
  for (const auto& condition : rule.arguments()) {
    if (condition.has_masked_equal()) {
      arguments.push_back({condition.index(), SCMP_CMP_MASKED_EQ, condition.masked_equal().mask(),
                           condition.masked_equal().value()});
    } else {
      arguments.push_back({condition.index(), SCMP_CMP_EQ, condition.equal(), 0});
    }
  }
  int error = seccomp_rule_add_exact_array(filter.get(), action, static_cast<int>(number),
                                           static_cast<unsigned>(arguments.size()),
                                           arguments.empty() ? nullptr : arguments.data());
  if (error != 0) return LibraryError(error, absl::StrCat("add a rule for ", SyscallName(number)));
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> DenyAction(const config::SeccompRule& rule) {
  WARREN_ASSIGN_OR_RETURN(uint16_t error,
                          ErrnoValue(rule.error().empty() ? "EPERM" : rule.error()));
  return SCMP_ACT_ERRNO(error);
}

absl::Status AddRule(const FilterContext& filter, uint32_t action,
                     const config::SeccompRule& rule) {
  for (const std::string& name : rule.syscalls()) {
    WARREN_ASSIGN_OR_RETURN(uint32_t number, SyscallNumber(name));
    WARREN_RETURN_IF_ERROR(AddCall(filter, action, number, rule));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<sock_filter>> Export(const FilterContext& filter) {
  // libseccomp 2.5.4 writes to a file only.
  UniqueFd file(::memfd_create("warren-seccomp", MFD_CLOEXEC));
  if (!file.valid()) return Errno("memfd_create for a compiled filter");
  int error = seccomp_export_bpf(filter.get(), file.get());
  if (error != 0) return LibraryError(error, "export the filter");
  off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size <= 0 || static_cast<size_t>(size) % sizeof(sock_filter) != 0) {
    return absl::InternalError(absl::StrCat("libseccomp: exported ", size, " bytes of filter"));
  }
  std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
  if (program.size() > BPF_MAXINSNS) {
    return absl::InvalidArgumentError(absl::StrCat("the filter has ", program.size(),
                                                   " instructions, the kernel takes ", BPF_MAXINSNS,
                                                   ": use fewer rules"));
  }
  ssize_t n = ::pread(file.get(), program.data(), static_cast<size_t>(size), 0);
  if (n < 0) return Errno("read a compiled filter back");
  if (n != size) return absl::InternalError("a compiled filter was cut short");
  return program;
}

// What the policy says about seccomp(2) itself.
struct SeccompCall {
  bool allowed = false;
  uint32_t refusal = SCMP_ACT_ERRNO(ENOSYS);
};

absl::StatusOr<SeccompCall> FindSeccompCall(const config::SeccompPolicy& policy) {
  SeccompCall result;
  auto names_it = [](const config::SeccompRule& rule) {
    for (const std::string& name : rule.syscalls()) {
      if (name == "seccomp") return true;
    }
    return false;
  };
  for (const auto& rule : policy.allow()) {
    if (names_it(rule)) result.allowed = true;
  }
  for (const auto& rule : policy.deny()) {
    if (names_it(rule)) {
      WARREN_ASSIGN_OR_RETURN(result.refusal, DenyAction(rule));
    }
  }
  return result;
}

absl::StatusOr<std::vector<sock_filter>> CompileAllowList(const config::SeccompPolicy& policy) {
  constexpr uint32_t kDefault = SCMP_ACT_ERRNO(ENOSYS);
  WARREN_ASSIGN_OR_RETURN(FilterContext filter, NewFilter(kDefault));
  for (const auto& rule : policy.allow()) {
    WARREN_RETURN_IF_ERROR(AddRule(filter, SCMP_ACT_ALLOW, rule));
  }
  for (const auto& rule : policy.deny()) {
    WARREN_ASSIGN_OR_RETURN(uint32_t action, DenyAction(rule));
    // libseccomp refuses a rule that says what the default says.
    if (action == kDefault) continue;
    config::SeccompRule first = rule;
    if (!policy.deny_arguments().empty()) {
      first.clear_syscalls();
      for (const std::string& name : rule.syscalls()) {
        if (name != "seccomp") first.add_syscalls(name);
      }
    }
    WARREN_RETURN_IF_ERROR(AddRule(filter, action, first));
  }
  if (!policy.deny_arguments().empty()) {
    WARREN_ASSIGN_OR_RETURN(SeccompCall call, FindSeccompCall(policy));
    if (!call.allowed) {
      WARREN_RETURN_IF_ERROR(AddCall(filter, SCMP_ACT_ALLOW, __NR_seccomp, config::SeccompRule()));
    }
  }
  return Export(filter);
}

absl::StatusOr<std::vector<sock_filter>> CompileArgumentDenyList(
    const config::SeccompPolicy& policy) {
  WARREN_ASSIGN_OR_RETURN(FilterContext filter, NewFilter(SCMP_ACT_ALLOW));
  for (const auto& rule : policy.deny_arguments()) {
    WARREN_ASSIGN_OR_RETURN(uint32_t action, DenyAction(rule));
    WARREN_RETURN_IF_ERROR(AddRule(filter, action, rule));
  }
  WARREN_ASSIGN_OR_RETURN(SeccompCall call, FindSeccompCall(policy));
  if (!call.allowed) {
    WARREN_RETURN_IF_ERROR(AddCall(filter, call.refusal, __NR_seccomp, config::SeccompRule()));
  }
  return Export(filter);
}

void Append(std::string* blob, const void* data, size_t size) {
  blob->append(static_cast<const char*>(data), size);
}

}  // namespace

absl::StatusOr<CompiledPolicy> CompileSeccompPolicy(const config::SeccompPolicy& policy) {
  WARREN_RETURN_IF_ERROR(ValidateSeccompPolicy(policy));
  CompiledPolicy result;
  result.name = policy.name();
  WARREN_ASSIGN_OR_RETURN(auto allow_list, CompileAllowList(policy));
  result.filters.push_back(std::move(allow_list));
  if (!policy.deny_arguments().empty()) {
    WARREN_ASSIGN_OR_RETURN(auto deny_list, CompileArgumentDenyList(policy));
    result.filters.push_back(std::move(deny_list));
  }
  return result;
}

std::string SerializePolicy(const CompiledPolicy& policy) {
  warren_policy_blob_header header = {WARREN_POLICY_BLOB_MAGIC, WARREN_POLICY_BLOB_VERSION,
                                      static_cast<uint16_t>(policy.filters.size()), sizeof(header)};
  for (const auto& filter : policy.filters) {
    header.size += sizeof(warren_policy_blob_filter) + filter.size() * sizeof(sock_filter);
  }
  std::string blob;
  Append(&blob, &header, sizeof(header));
  for (const auto& filter : policy.filters) {
    warren_policy_blob_filter entry = {static_cast<uint32_t>(filter.size()), 0};
    Append(&blob, &entry, sizeof(entry));
    Append(&blob, filter.data(), filter.size() * sizeof(sock_filter));
  }
  return blob;
}

}  // namespace warren
