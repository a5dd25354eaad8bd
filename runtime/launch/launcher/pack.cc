#include "runtime/launch/launcher/pack.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/plan/launch_plan.h"

namespace warren {
namespace {

static_assert(static_cast<int>(mount_op::kPrivate) == internal::MountOp::PRIVATE);
static_assert(static_cast<int>(mount_op::kAttach) == internal::MountOp::ATTACH);
static_assert(static_cast<int>(mount_op::kPivot) == internal::MountOp::PIVOT);
static_assert(static_cast<int>(mount_op::kSysctl) == internal::MountOp::SYSCTL);
static_assert(static_cast<int>(mount_op::kTextFile) == internal::MountOp::TEXT_FILE);
static_assert(static_cast<int>(mount_op::kTextFile) == internal::MountOp::Kind_MAX);

struct ResourceName {
  const char* name;
  int resource;
};
constexpr ResourceName kResources[] = {
    {"NOFILE", RLIMIT_NOFILE},   {"FSIZE", RLIMIT_FSIZE},
    {"NPROC", RLIMIT_NPROC},     {"SIGPENDING", RLIMIT_SIGPENDING},
    {"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE},
    {"NICE", RLIMIT_NICE},       {"RTPRIO", RLIMIT_RTPRIO},
    {"CORE", RLIMIT_CORE},       {"STACK", RLIMIT_STACK},
    {"CPU", RLIMIT_CPU},
};

absl::Status CopyText(const std::string& text, char* target, size_t size, absl::string_view what) {
  if (text.size() >= size || text.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " must be shorter than ", size, " bytes and without NUL"));
  }
  std::memcpy(target, text.c_str(), text.size() + 1);
  return absl::OkStatus();
}

absl::Status AddRlimit(const std::string& resource, uint64_t soft, uint64_t hard,
                       JoinRequest& request) {
  const ResourceName* known =
      std::find_if(std::begin(kResources), std::end(kResources),
                   [&](const ResourceName& name) { return name.name == resource; });
  if (known == std::end(kResources) || request.rlimit_count == kMaxRlimits) {
    return absl::InvalidArgumentError(absl::StrCat("resource limit ", resource, " is not known"));
  }
  request.rlimits[request.rlimit_count++] = {known->resource, soft, hard};
  return absl::OkStatus();
}

// Collects strings behind each other; equal offsets for equal strings are not worth the search.
class StringPacker {
 public:
  explicit StringPacker(InitSetup& setup) : setup_(setup) {}

  absl::StatusOr<uint16_t> Add(const std::string& text) {
    size_t left = kMaxSetupStrings - setup_.string_bytes;
    uint32_t offset = setup_.string_bytes;
    WARREN_RETURN_IF_ERROR(
        CopyText(text, setup_.strings + offset, std::min<size_t>(left, 256), "a mount's text"));
    setup_.string_bytes += static_cast<uint32_t>(text.size()) + 1;
    return static_cast<uint16_t>(offset);
  }

 private:
  InitSetup& setup_;
};

}  // namespace

template <typename Ops>
absl::Status PackMounts(const Ops& ops, const std::string& hostname, InitSetup& setup) {
  if (static_cast<size_t>(ops.size()) > kMaxSetupOps) {
    return absl::InvalidArgumentError(
        absl::StrCat(ops.size(), " mount steps, at most ", kMaxSetupOps));
  }
  WARREN_RETURN_IF_ERROR(
      CopyText(hostname, setup.hostname, sizeof(setup.hostname), "the host name"));
  StringPacker strings(setup);
  for (const internal::MountOp& op : ops) {
    SetupOp& packed = setup.ops[setup.op_count++];
    packed.kind = static_cast<uint8_t>(op.kind());
    packed.fd_index = static_cast<int8_t>(op.fd_index());
    packed.mode = static_cast<uint16_t>(op.mode());
    WARREN_ASSIGN_OR_RETURN(packed.target, strings.Add(op.target()));
    WARREN_ASSIGN_OR_RETURN(packed.source, strings.Add(op.source()));
    WARREN_ASSIGN_OR_RETURN(packed.data, strings.Add(op.data()));
  }
  return absl::OkStatus();
}

template absl::Status PackMounts(const std::vector<internal::MountOp>&, const std::string&,
                                 InitSetup&);
template absl::Status PackMounts(const google::protobuf::RepeatedPtrField<internal::MountOp>&,
                                 const std::string&, InitSetup&);

absl::Status PackExec(const std::vector<std::string>& arguments,
                      const std::vector<std::string>& environment, InitSetup& setup) {
  size_t offset = 0;
  for (const std::vector<std::string>* strings : {&arguments, &environment}) {
    for (const std::string& text : *strings) {
      WARREN_RETURN_IF_ERROR(CopyText(text, setup.exec_strings + offset, kMaxExecStrings - offset,
                                      "the zygote's configuration"));
      offset += text.size() + 1;
    }
  }
  setup.argument_count = static_cast<uint32_t>(arguments.size());
  setup.environment_count = static_cast<uint32_t>(environment.size());
  return absl::OkStatus();
}

absl::StatusOr<JoinRequest> PackJoin(const internal::LaunchPlan& plan, const LoadedProfile& profile,
                                     uint64_t context_id, int landlock_abi) {
  JoinRequest request;
  request.context_id = context_id;
  request.profile = profile.process;
  request.landlock_abi = landlock_abi;
  if (request.profile.uid == 0 && profile.text.name() != kRootProfile)
    return absl::InvalidArgumentError("user code runs as root in the profile \"root\" alone");
  WARREN_RETURN_IF_ERROR(CopyText(plan.working_directory(), request.working_directory,
                                  sizeof(request.working_directory), "the working directory"));
  for (const internal::Rlimit& limit : plan.rlimits()) {
    WARREN_RETURN_IF_ERROR(AddRlimit(limit.resource(), limit.soft(), limit.hard(), request));
  }
  for (const config::ProfilePolicy::Rlimit& limit : profile.text.rlimits()) {
    WARREN_RETURN_IF_ERROR(AddRlimit(limit.resource(), limit.value(), limit.value(), request));
  }
  return request;
}

absl::StatusOr<JoinRequest> PackAgent(const LoadedProfile& profile, int landlock_abi) {
  JoinRequest request;
  request.profile = profile.process;
  request.landlock_abi = landlock_abi;
  for (const config::ProfilePolicy::Rlimit& limit : profile.text.rlimits()) {
    WARREN_RETURN_IF_ERROR(AddRlimit(limit.resource(), limit.value(), limit.value(), request));
  }
  return request;
}

absl::Status PackEnvironment(const LoadedProfile& profile, AgentOrder& order) {
  for (const std::string& entry : profile.text.environment()) {
    WARREN_RETURN_IF_ERROR(CopyText(entry, order.environment + order.environment_bytes,
                                    kMaxProfileEnvironment - order.environment_bytes,
                                    "the environment of a profile"));
    order.environment_bytes += static_cast<uint32_t>(entry.size()) + 1;
  }
  return absl::OkStatus();
}

}  // namespace warren
