#include "runtime/launch/init/helper.h"

#include <errno.h>
#include <sched.h>

#include "runtime/launch/child/confine.h"
#include "runtime/launch/child/helper_setup.h"
#include "runtime/launch/init/messages.h"
#include "runtime/launch/init/network.h"
#include "runtime/launch/init/packages.h"

namespace warren::child {
namespace {

// What comes with a HelperSetup.
struct HelperFds {
  int init_pidfd = -1;
  // Of kMountPackages.
  int packages = -1;
};

bool IsValid(const HelperSetup& setup, size_t fd_count) {
  if (setup.magic != kSetupMagic || setup.version != kSetupVersion) return false;
  switch (setup.task) {
    case HelperTask::kOpenNetwork:
      return fd_count == 1 && setup.port_count <= kMaxNetworkPorts;
    case HelperTask::kConnect:
      return fd_count == 1 && setup.port_count == 1;
    case HelperTask::kMountPackages:
      return fd_count == 2;
  }
  return false;
}

SetupResult ReceiveSetup(int control, HelperSetup& setup, HelperFds& fds) {
  int received[2] = {-1, -1};
  size_t count = 2;
  const ssize_t size = ReceiveWithFds(control, &setup, sizeof(setup), received, &count);
  if (size != sizeof(setup)) return Fail(SetupStage::kMessage, size < 0 ? errno : ENODATA);
  if (!IsValid(setup, count)) return Fail(SetupStage::kMessage, EPROTO);
  fds = {received[0], received[1]};
  return {};
}

// With the user namespace comes what it takes to change the others.
SetupResult Join(int init_pidfd, int namespaces) {
  if (::setns(init_pidfd, CLONE_NEWUSER | namespaces) == 0) return {};
  return Fail(SetupStage::kNamespaces, errno);
}

SetupResult Work(const HelperSetup& setup, const HelperFds& fds, Sockets& sockets) {
  // The sandbox's mount namespace comes last, when there is something to attach there.
  const bool packages = setup.task == HelperTask::kMountPackages;
  SetupResult result = Join(fds.init_pidfd, packages ? 0 : CLONE_NEWNET);
  if (!result.ok()) return result;
  switch (setup.task) {
    case HelperTask::kOpenNetwork:
      return OpenNetwork(setup, sockets);
    case HelperTask::kConnect:
      return ConnectToPort(setup, sockets);
    case HelperTask::kMountPackages:
      return MountPackages(setup, fds.packages, fds.init_pidfd);
  }
  return Fail(SetupStage::kMessage, EPROTO);
}

}  // namespace

int RunHelper(int control) {
  HelperSetup setup;
  HelperFds fds;
  Sockets sockets;
  HelperReport report;
  report.result = ReceiveSetup(control, setup, fds);
  if (report.result.ok()) report.result = Work(setup, fds, sockets);
  const size_t sent = report.result.ok() ? sockets.count : 0;
  return SendWithFds(control, &report, sizeof(report), sockets.fds, sent) ? 0 : 1;
}

}  // namespace warren::child
