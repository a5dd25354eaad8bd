#include "tests/launch/fuzz_targets.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "runtime/launch/launcher/pack.h"
#include "runtime/launch/launcher/zygote_process.h"

namespace warren {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckPacked(const InitSetup& setup) {
  Require(setup.op_count <= kMaxSetupOps);
  Require(setup.string_bytes <= kMaxSetupStrings);
  Require(::memchr(setup.hostname, '\0', sizeof(setup.hostname)) != nullptr);
  Require(setup.op_count == 0 || setup.strings[setup.string_bytes - 1] == '\0');
  for (uint32_t i = 0; i < setup.op_count; ++i) {
    const SetupOp& op = setup.ops[i];
    Require(op.target < setup.string_bytes && op.source < setup.string_bytes &&
            op.data < setup.string_bytes);
  }
}

}  // namespace

void FuzzZygoteMessage(const uint8_t* data, size_t size) {
  // The first byte says how many descriptors come along.
  if (size == 0) return;
  Message message;
  for (int i = 0; i < data[0] % 4; ++i) message.fds.emplace_back(::dup(STDIN_FILENO));
  size_t sent = message.fds.size();
  message.data.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto event = ZygoteProcess::Parse(std::move(message), "base");
  if (!event.ok()) {
    Require(!event.status().message().empty());
    return;
  }
  Require(event->text.size() + sizeof(ZygoteMessage) == size - 1);
  bool forked = event->message.kind == ZygoteMessageKind::kForked;
  Require(forked == event->pidfd.valid());
  Require(!forked || sent == 1);
}

void FuzzLaunchPlan(const uint8_t* data, size_t size) {
  v1::LaunchPlan plan;
  if (!plan.ParseFromArray(data, static_cast<int>(size))) return;
  auto setup = std::make_unique<InitSetup>();
  if (PackMounts(plan.mounts(), plan.hostname(), *setup).ok()) CheckPacked(*setup);
  auto join = PackJoin(plan, 1, 0);
  if (!join.ok()) return;
  Require(join->uid != 0 && join->gid != 0);
  Require(join->rlimit_count <= kMaxRlimits);
  Require(::memchr(join->working_directory, '\0', sizeof(join->working_directory)) != nullptr);
}

}  // namespace warren
