#include "runtime/plan/visible_mounts.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

using internal::MountOp;
using Mount = v1::Environment::Mount;

constexpr absl::string_view kNewRoot = "/newroot";

// Empty for what is outside of the new root.
std::string PathInside(absl::string_view target) {
  if (!absl::ConsumePrefix(&target, kNewRoot)) return "";
  return target.empty() ? "/" : std::string(target);
}

Mount Make(const MountOp& op, const char* file_system, bool read_only) {
  Mount mount;
  mount.set_path(PathInside(op.target()));
  mount.set_file_system(file_system);
  mount.set_read_only(read_only);
  return mount;
}

// Nothing for a step that mounts nothing, or hides something.
std::optional<Mount> MountOf(const MountOp& op) {
  switch (op.kind()) {
    case MountOp::OVERLAY:
      return Make(op, "overlay", !absl::StrContains(op.data(), "upperdir="));
    case MountOp::ATTACH:
      // The launcher makes both of them read-only; the other one has the type that the directory
      // has which Warren lies in.
      return Make(op, PathInside(op.target()) == "/dev" ? "tmpfs" : "", true);
    case MountOp::DEVPTS:
      return Make(op, "devpts", false);
    case MountOp::BIND:
      // Of the writable layer, as all that the plan binds.
      return Make(op, "tmpfs", false);
    case MountOp::PROC:
      return Make(op, "proc", false);
    case MountOp::READ_ONLY:
      return Make(op, "proc", true);
    default:
      return std::nullopt;
  }
}

}  // namespace

std::vector<Mount> VisibleMounts(const std::vector<MountOp>& mounts) {
  std::vector<Mount> visible;
  for (const MountOp& op : mounts) {
    std::optional<Mount> mount = MountOf(op);
    if (mount && !mount->path().empty()) visible.push_back(*std::move(mount));
  }
  std::sort(visible.begin(), visible.end(),
            [](const Mount& a, const Mount& b) { return a.path() < b.path(); });
  return visible;
}

}  // namespace warren
