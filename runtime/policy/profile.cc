#include "runtime/policy/profile.h"

#include <linux/capability.h>
#include <linux/securebits.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "runtime/policy/text_proto.h"

namespace warren {
namespace {

using config::ProfilePolicy;

// Index is the number; the kernel's list up to 5.9, and nothing has come since.
constexpr absl::string_view kCapabilityNames[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};
static_assert(std::size(kCapabilityNames) == CAP_CHECKPOINT_RESTORE + 1);

struct Securebit {
  absl::string_view name;
  uint32_t bit;
};
constexpr Securebit kSecurebits[] = {
    {"NOROOT", SECBIT_NOROOT},
    {"NOROOT_LOCKED", SECBIT_NOROOT_LOCKED},
    {"NO_SETUID_FIXUP", SECBIT_NO_SETUID_FIXUP},
    {"NO_SETUID_FIXUP_LOCKED", SECBIT_NO_SETUID_FIXUP_LOCKED},
    // Not KEEP_CAPS itself: it would carry capabilities over a change of identity.
    {"KEEP_CAPS_LOCKED", SECBIT_KEEP_CAPS_LOCKED},
    {"NO_CAP_AMBIENT_RAISE", SECBIT_NO_CAP_AMBIENT_RAISE},
    {"NO_CAP_AMBIENT_RAISE_LOCKED", SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED},
};

constexpr uint64_t Bit(int capability) { return uint64_t{1} << capability; }

constexpr uint64_t kRootsFiles =
    Bit(CAP_CHOWN) | Bit(CAP_DAC_OVERRIDE) | Bit(CAP_FOWNER) | Bit(CAP_FSETID);
constexpr uint64_t kRoots =
    kRootsFiles | Bit(CAP_SETUID) | Bit(CAP_SETGID) | Bit(CAP_KILL) | Bit(CAP_NET_BIND_SERVICE);

enum class RootId { kNever, kAllowed };

// What each kind of process may be and have at most, whatever its text says.
struct Kind {
  absl::string_view name;
  uint64_t most_capabilities;
  RootId root_id;
  bool must_be_undumpable;
};
constexpr Kind kKinds[] = {
    {"user", 0, RootId::kNever, false},
    {"root", kRoots, RootId::kAllowed, false},
    {"agent", kRoots | Bit(CAP_SETPCAP), RootId::kAllowed, true},
    {"init", 0, RootId::kAllowed, true},
    {"zygote", Bit(CAP_SYS_ADMIN) | Bit(CAP_SYS_PTRACE), RootId::kAllowed, false},
    {"relay", 0, RootId::kNever, true},
    {"fetcher", 0, RootId::kNever, true},
    // The one id that its user namespace has, which is nobody's outside.
    {"store", 0, RootId::kAllowed, true},
};

// Ids that a sandbox has.
constexpr uint32_t kIds = 65536;

// Those of RLIMIT_* that a profile decides.
constexpr absl::string_view kRlimits[] = {"SIGPENDING", "MEMLOCK", "MSGQUEUE", "NICE",
                                          "RTPRIO",     "CORE",    "STACK"};
constexpr absl::string_view kRlimitsOfLimits[] = {"NOFILE", "FSIZE", "NPROC", "CPU"};

template <typename Range>
bool Contains(const Range& range, absl::string_view name) {
  return std::find(std::begin(range), std::end(range), name) != std::end(range);
}

absl::Status Wrong(const ProfilePolicy& profile, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("profile \"", absl::CEscape(profile.name()), "\": ", what));
}

std::string NamesOf(uint64_t capabilities) {
  std::vector<absl::string_view> names;
  for (size_t i = 0; i < std::size(kCapabilityNames); ++i) {
    if ((capabilities >> i) & 1) names.push_back(kCapabilityNames[i]);
  }
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

absl::Status CheckIds(const ProfilePolicy& profile, const Kind& kind) {
  if (!profile.has_uid() || !profile.has_gid()) return Wrong(profile, "give uid and gid");
  for (uint32_t id : {profile.uid(), profile.gid()}) {
    if (id >= kIds) return Wrong(profile, absl::StrCat(id, " is not an id of a sandbox"));
    if (id == 0 && kind.root_id == RootId::kNever) return Wrong(profile, "it is never root");
  }
  return absl::OkStatus();
}

absl::Status CheckCapabilities(const ProfilePolicy& profile, const Kind& kind) {
  uint64_t seen = 0;
  for (const std::string& name : profile.capabilities()) {
    absl::StatusOr<int> number = CapabilityNumber(name);
    if (!number.ok()) return Wrong(profile, number.status().message());
    if ((kind.most_capabilities & Bit(*number)) == 0) {
      return Wrong(profile, absl::StrCat("it may not have ", name,
                                         "; at most: ", NamesOf(kind.most_capabilities)));
    }
    if ((seen & Bit(*number)) != 0) return Wrong(profile, absl::StrCat(name, " twice"));
    seen |= Bit(*number);
  }
  return absl::OkStatus();
}

absl::Status CheckSecurebits(const ProfilePolicy& profile) {
  for (const std::string& name : profile.securebits()) {
    if (std::none_of(std::begin(kSecurebits), std::end(kSecurebits),
                     [&](const Securebit& known) { return known.name == name; })) {
      return Wrong(profile, absl::StrCat("no securebit \"", absl::CEscape(name),
                                         "\" that a profile may have"));
    }
  }
  const uint32_t bits = Securebits(profile);
  constexpr uint32_t kNoRoot = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED;
  if (profile.capabilities().empty() && (bits & kNoRoot) != kNoRoot) {
    return Wrong(profile,
                 "without capabilities it needs NOROOT and NOROOT_LOCKED: root would get "
                 "some by exec");
  }
  if (profile.capabilities().empty()) return absl::OkStatus();
  if ((bits & SECBIT_NOROOT) != 0) {
    return Wrong(profile, "NOROOT would take its capabilities at the next exec");
  }
  if ((bits & SECBIT_NO_SETUID_FIXUP) != 0) {
    return Wrong(profile, "NO_SETUID_FIXUP would leave its capabilities to the user it becomes");
  }
  return absl::OkStatus();
}

absl::Status CheckRlimits(const ProfilePolicy& profile) {
  std::set<std::string> seen;
  for (const ProfilePolicy::Rlimit& limit : profile.rlimits()) {
    const std::string& name = limit.resource();
    if (Contains(kRlimitsOfLimits, name)) {
      return Wrong(profile, absl::StrCat(name, " comes from the limits of each sandbox"));
    }
    if (!Contains(kRlimits, name)) {
      return Wrong(profile, absl::StrCat("no resource limit \"", absl::CEscape(name),
                                         "\"; there is: ", absl::StrJoin(kRlimits, ", ")));
    }
    if (!seen.insert(name).second) return Wrong(profile, absl::StrCat(name, " twice"));
  }
  return absl::OkStatus();
}

absl::Status CheckEnvironment(const ProfilePolicy& profile) {
  for (const std::string& entry : profile.environment()) {
    if (entry.find('=') == 0 || !absl::StrContains(entry, '=') || absl::StrContains(entry, '\0')) {
      return Wrong(profile, absl::StrCat("environment: \"", absl::CEscape(entry),
                                         "\" is not of the form NAME=VALUE"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> CapabilityNumber(absl::string_view name) {
  const auto* found = std::find(std::begin(kCapabilityNames), std::end(kCapabilityNames), name);
  if (found != std::end(kCapabilityNames))
    return static_cast<int>(found - std::begin(kCapabilityNames));
  return absl::InvalidArgumentError(absl::StrCat("no capability \"", absl::CEscape(name),
                                                 "\"; write capabilities(7)'s names without CAP_"));
}

uint64_t CapabilityMask(const ProfilePolicy& profile) {
  uint64_t mask = 0;
  for (const std::string& name : profile.capabilities()) {
    absl::StatusOr<int> number = CapabilityNumber(name);
    if (number.ok()) mask |= Bit(*number);
  }
  return mask;
}

uint32_t Securebits(const ProfilePolicy& profile) {
  uint32_t bits = 0;
  for (const Securebit& known : kSecurebits) {
    if (Contains(profile.securebits(), known.name)) bits |= known.bit;
  }
  return bits;
}

absl::Status ValidateProfile(const ProfilePolicy& profile, const PolicyNames& seccomp_policies) {
  const Kind* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const Kind& known) { return known.name == profile.name(); });
  if (kind == std::end(kKinds)) {
    return Wrong(profile,
                 "no kind of process is called so: user, root, agent, init, zygote, relay, fetcher "
                 "or store");
  }
  WARREN_RETURN_IF_ERROR(CheckIds(profile, *kind));
  WARREN_RETURN_IF_ERROR(CheckCapabilities(profile, *kind));
  WARREN_RETURN_IF_ERROR(CheckSecurebits(profile));
  if (!profile.no_new_privs()) return Wrong(profile, "it needs no_new_privs: true");
  if (profile.landlock() == ProfilePolicy::LANDLOCK_UNSPECIFIED) {
    return Wrong(profile, "say landlock: NONE, USER_DIRECTORIES or WHOLE_ROOT");
  }
  if (kind->must_be_undumpable && profile.dumpable()) {
    return Wrong(profile, "it must not be dumpable: nobody with its user id may look into it");
  }
  WARREN_RETURN_IF_ERROR(CheckRlimits(profile));
  WARREN_RETURN_IF_ERROR(CheckEnvironment(profile));
  if (!seccomp_policies.contains(profile.seccomp_policy())) {
    return Wrong(profile,
                 absl::StrCat("no seccomp policy \"", absl::CEscape(profile.seccomp_policy()),
                              "\"; there is: ", absl::StrJoin(seccomp_policies, ", ")));
  }
  return absl::OkStatus();
}

absl::StatusOr<ProfilePolicy> LoadProfile(const std::string& path,
                                          const PolicyNames& seccomp_policies) {
  ProfilePolicy profile;
  WARREN_RETURN_IF_ERROR(ReadTextProto(path, profile));
  if (!absl::EndsWith(path, absl::StrCat("/", profile.name(), ".textproto"))) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the profile in it is called \"",
                                                   absl::CEscape(profile.name()),
                                                   "\": name it after its file"));
  }
  absl::Status status = ValidateProfile(profile, seccomp_policies);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  return profile;
}

}  // namespace warren
