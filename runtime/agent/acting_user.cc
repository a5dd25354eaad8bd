#include "runtime/agent/acting_user.h"

#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace warren {
namespace {

// Neither call says whether it worked, so each is asked again: -1 changes nothing.
bool BecomeGroup(uint32_t gid) {
  ::setfsgid(gid);
  return static_cast<uint32_t>(::setfsgid(static_cast<gid_t>(-1))) == gid;
}

bool BecomeUser(uint32_t uid) {
  ::setfsuid(uid);
  const bool done = static_cast<uint32_t>(::setfsuid(static_cast<uid_t>(-1))) == uid;
  // The change makes it as dumpable as fs.suid_dumpable says.
  return ::prctl(PR_SET_DUMPABLE, 0) == 0 && done;
}

}  // namespace

ActingUser::ActingUser(uint32_t uid, uint32_t gid)
    : own_uid_(::geteuid()), own_gid_(::getegid()), ok_(BecomeGroup(gid) && BecomeUser(uid)) {}

ActingUser::~ActingUser() {
  // The user first: with root's comes back what changing the group takes.
  const bool user = BecomeUser(own_uid_);
  if (!BecomeGroup(own_gid_) || !user) ::_exit(1);
  // Back from a CurrentDirectory: the user may not have been let into it.
  if (::chdir("/") != 0) ::_exit(1);
}

}  // namespace warren
