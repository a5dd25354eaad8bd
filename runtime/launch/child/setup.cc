#include "runtime/launch/child/setup.h"

namespace warren {

const char* SetupStageName(SetupStage stage) {
  switch (stage) {
    case SetupStage::kNone:
      return "none";
    case SetupStage::kMessage:
      return "read the set-up message";
    case SetupStage::kUnshare:
      return "make namespaces";
    case SetupStage::kPrivate:
      return "make mounts private";
    case SetupStage::kTmpfs:
      return "mount tmpfs";
    case SetupStage::kDirectory:
      return "make directory";
    case SetupStage::kAttach:
      return "attach the template";
    case SetupStage::kOverlay:
      return "mount overlay";
    case SetupStage::kBind:
      return "bind mount";
    case SetupStage::kProc:
      return "mount proc";
    case SetupStage::kDevpts:
      return "mount devpts";
    case SetupStage::kMask:
      return "mask a path";
    case SetupStage::kReadOnly:
      return "make a path read-only";
    case SetupStage::kSysctl:
      return "write a control file";
    case SetupStage::kPivot:
      return "pivot_root";
    case SetupStage::kHostname:
      return "sethostname";
    case SetupStage::kLoopback:
      return "bring up loopback";
    case SetupStage::kCgroup:
      return "enter the cgroup";
    case SetupStage::kNamespaces:
      return "join namespaces";
    case SetupStage::kDescriptors:
      return "arrange descriptors";
    case SetupStage::kRlimit:
      return "set resource limits";
    case SetupStage::kWorkingDirectory:
      return "change directory";
    case SetupStage::kSession:
      return "start a session";
    case SetupStage::kCapabilities:
      return "drop capabilities";
    case SetupStage::kIdentity:
      return "change identity";
    case SetupStage::kNoNewPrivileges:
      return "set no_new_privs";
    case SetupStage::kLandlock:
      return "restrict by Landlock";
    case SetupStage::kSeccomp:
      return "install the seccomp filter";
    case SetupStage::kVerify:
      return "verify the confinement";
    case SetupStage::kExec:
      return "execute";
    case SetupStage::kAddress:
      return "add the network's address";
    case SetupStage::kRoute:
      return "add the network's route";
    case SetupStage::kNamesSocket:
      return "make the socket for names";
    case SetupStage::kListener:
      return "listen for connections";
    case SetupStage::kTextFile:
      return "make file";
    case SetupStage::kConnect:
      return "connect";
    case SetupStage::kAttachPackages:
      return "attach the packages";
  }
  return "unknown";
}

}  // namespace warren
