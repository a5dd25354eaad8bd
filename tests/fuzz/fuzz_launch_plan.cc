// A LaunchPlan as the launcher packs it for init and for the context, which check little more.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "google/protobuf/stubs/logging.h"
#include "runtime/launch/launcher/pack.h"

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

void Pack(const uint8_t* data, size_t size) {
  internal::LaunchPlan plan;
  if (!plan.ParseFromArray(data, static_cast<int>(size))) return;
  auto setup = std::make_unique<InitSetup>();
  if (PackMounts(plan.mounts(), plan.hostname(), *setup).ok()) CheckPacked(*setup);
  LoadedProfile profile;
  profile.text.set_name("user");
  profile.process.uid = 1000;
  auto join = PackJoin(plan, profile, 1, 0);
  if (!join.ok()) return;
  Require(join->profile.uid == 1000);
  Require(join->rlimit_count <= kMaxRlimits);
  Require(::memchr(join->working_directory, '\0', sizeof(join->working_directory)) != nullptr);
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // What does not parse is most of the input: no line for each.
  static const bool quiet = (google::protobuf::SetLogHandler(nullptr), true);
  (void)quiet;
  warren::Pack(data, size);
  return 0;
}
