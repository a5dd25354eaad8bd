#ifndef WARREN_RUNTIME_LAUNCH_CHILD_SETUP_H_
#define WARREN_RUNTIME_LAUNCH_CHILD_SETUP_H_

#include <cstdint>

// What the launcher, the anchor, init and the context worker hand to each other: plain structs of
// fixed size, so that the code after a fork parses nothing and allocates nothing. All of them are
// built together; kSetupVersion guards against a mixed installation.
namespace warren {

inline constexpr uint32_t kSetupMagic = 0x4e525257;  // "WRRN"
inline constexpr uint32_t kSetupVersion = 6;

// Fds at fixed places in every process that warren-init's code runs in.
inline constexpr int kControlFd = 3;

// ---- Launcher → anchor
// ----------------------------------------------------------------------------------------------

enum class CloneKind : uint32_t {
  // In the anchor's own user and pid namespaces.
  kZygote = 1,
  // In a pid namespace of its own and a user namespace that maps 0 to `first_id` of the template
  // user namespace.
  kSandbox = 2,
  // In the anchor's own namespaces too, from where it joins a sandbox; not the anchor's program.
  kAgent = 3,
  // A fork in the anchor's own namespaces that works in those of a sandbox (helper_setup.h).
  kHelper = 4,
};
// Comes with the fds of the cgroup.procs files that the new process writes itself into, but for
// kHelper; of kAgent, first with the memfd of its program.
struct CloneRequest {
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  CloneKind kind = CloneKind::kSandbox;
  uint32_t first_id = 0;
  uint32_t id_count = 0;
};
// With OK it carries two fds: the pidfd of the new init, and the launcher's end of its control
// socket.
struct CloneReply {
  int32_t error = 0;
  // As the anchor sees it.
  int32_t pid = 0;
  // Name of the step that failed.
  char step[24] = {};
};

// ---- Anchor → launcher, on a pipe of its own
// ----------------------------------------------------------------------------------------------

// A child of the anchor's, or an orphan of its pid namespace, has ended or was stopped. Sent before
// it is reaped, so that its pid is nobody else's until then.
struct ExitReport {
  // As the anchor sees it: as a zygote sees those that it forks.
  int32_t pid = 0;
  // As wait(2) has it.
  int32_t wait_status = 0;
};

// ---- What a process becomes
// ----------------------------------------------------------------------------------------------

enum class LandlockRule : uint32_t {
  kNone = 0,
  // Writes below the user's own directories.
  kUserDirectories = 1,
  // Writes wherever mounts and owners allow them, but for device nodes.
  kWholeRoot = 2,
};

inline constexpr uint32_t kProfileNoNewPrivileges = 1u << 0;
inline constexpr uint32_t kProfileDumpable = 1u << 1;

// What a profile (policies/profiles) is to the code that carries it out (confine.h).
struct ProcessProfile {
  uint32_t uid = 0;
  uint32_t gid = 0;
  // Permitted, effective and bounding set, by capability number; the other sets are empty.
  uint64_t capabilities = 0;
  // As prctl(PR_SET_SECUREBITS) takes them.
  uint32_t securebits = 0;
  LandlockRule landlock = LandlockRule::kNone;
  // kProfile*
  uint32_t flags = 0;
  uint32_t reserved = 0;
};

// ---- Launcher → init
// ------------------------------------------------------------------------------------------------

enum class SetupMode : uint32_t { kSandbox = 1, kZygote = 2 };

// Kinds of steps, as internal::MountOp::Kind numbers them.
namespace mount_op {
enum Kind : uint8_t {
  kPrivate = 1,
  kTmpfs,
  kDirectory,
  kAttach,
  kOverlay,
  kBind,
  kProc,
  kDevpts,
  kMaskFile,
  kMaskDirectory,
  kReadOnly,
  kPivot,
  kSysctl,
  kTextFile,
};
}  // namespace mount_op

// One step; mirrors internal::MountOp. Strings are offsets into InitSetup::strings.
struct SetupOp {
  uint8_t kind;
  int8_t fd_index;
  uint16_t mode;
  uint16_t target;
  uint16_t source;
  uint16_t data;
};

inline constexpr uint32_t kMaxSetupOps = 96;
inline constexpr uint32_t kMaxSetupStrings = 8192;
// Bound on `exec_strings`.
inline constexpr uint32_t kMaxExecStrings = 2048;

// Comes with the detached mounts that the ops name by fd_index, then one memfd with the seccomp
// policy for init itself (or for the zygote), and one more fd: in kZygote mode the memfd with the
// policies of its contexts behind each other, in kSandbox mode the write end of the pipe that its
// first context waits on (JoinRequest).
struct InitSetup {
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  SetupMode mode = SetupMode::kSandbox;
  uint32_t op_count = 0;
  uint32_t string_bytes = 0;
  uint32_t mount_fd_count = 0;
  // TestLayer bits; read by test builds only.
  uint32_t layers_off = 0;
  // Of init itself, or of the zygote.
  ProcessProfile profile;
  char hostname[64] = {};
  SetupOp ops[kMaxSetupOps] = {};
  char strings[kMaxSetupStrings] = {};
  // kZygote: NUL-separated argv and environment; the program is argv[0].
  uint32_t argument_count = 0;
  uint32_t environment_count = 0;
  char exec_strings[kMaxExecStrings] = {};
};

enum class SetupStage : int32_t {
  kNone = 0,
  kMessage,
  kUnshare,
  kPrivate,
  kTmpfs,
  kDirectory,
  kAttach,
  kOverlay,
  kBind,
  kProc,
  kDevpts,
  kMask,
  kReadOnly,
  kSysctl,
  kPivot,
  kHostname,
  kLoopback,
  kCgroup,
  kNamespaces,
  kDescriptors,
  kRlimit,
  kWorkingDirectory,
  kSession,
  kCapabilities,
  kIdentity,
  kNoNewPrivileges,
  kLandlock,
  kSeccomp,
  kVerify,
  kExec,
  kAddress,
  kRoute,
  kNamesSocket,
  kListener,
  kTextFile,
  kConnect,
  kAttachPackages,
};
// "mount overlay" and the like, for messages; never null.
const char* SetupStageName(SetupStage stage);

// Where a step failed; stage kNone is success.
struct SetupResult {
  SetupStage stage = SetupStage::kNone;
  int32_t error = 0;
  // Index of the failed op, -1 outside of them.
  int32_t op_index = -1;

  bool ok() const { return stage == SetupStage::kNone; }
};

// ---- Launcher → zygote → context
// ------------------------------------------------------------------------------------

inline constexpr uint32_t kZygoteFork = 1;
inline constexpr uint32_t kMaxRlimits = 16;
// Profiles that a template can grant.
inline constexpr uint32_t kMaxContextPolicies = 8;

// Starts with the header that zygote.py reads ('<IIQ'); the rest passes through it unread. Comes
// with the fds: init's pidfd, requests (read end), events, stdout, stderr (write ends), the pipe on
// which init says that its namespaces are ready (read end), then the files to enter the cgroup by.
struct JoinRequest {
  uint32_t kind = kZygoteFork;
  uint32_t reserved = 0;
  uint64_t context_id = 0;
  uint32_t magic = kSetupMagic;
  uint32_t version = kSetupVersion;
  ProcessProfile profile;
  // Which of the policies that its zygote has mapped.
  uint32_t policy_index = 0;
  uint32_t rlimit_count = 0;
  struct {
    int32_t resource;
    uint64_t soft;
    uint64_t hard;
  } rlimits[kMaxRlimits] = {};
  char working_directory[128] = {};
  int32_t landlock_abi = 0;
  // TestLayer bits; read by test builds only.
  uint32_t layers_off = 0;
};
inline constexpr uint32_t kJoinFixedFds = 6;

enum class ZygoteMessageKind : uint32_t { kReady = 1, kForked = 2, kExited = 3, kFailed = 4 };
// Zygote → launcher ('<IIQii'), followed by text.
struct ZygoteMessage {
  ZygoteMessageKind kind;
  uint32_t reserved;
  uint64_t context_id;
  int32_t pid;
  int32_t status;
};
static_assert(sizeof(ZygoteMessage) == 24);

}  // namespace warren

#endif  // WARREN_RUNTIME_LAUNCH_CHILD_SETUP_H_
