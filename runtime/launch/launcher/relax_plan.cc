#include "runtime/launch/launcher/relax_plan.h"

#include "runtime/launch/child/test_layers.h"

namespace warren {
namespace {

bool IsProcMask(const internal::MountOp& op) {
  return op.kind() == internal::MountOp::MASK_FILE ||
         op.kind() == internal::MountOp::MASK_DIRECTORY ||
         op.kind() == internal::MountOp::READ_ONLY;
}

}  // namespace

void RelaxPlan(uint32_t layers_off, internal::LaunchPlan& plan) {
  if (LayerIsOff(layers_off, TestLayer::kProcMasks)) {
    auto* mounts = plan.mutable_mounts();
    for (int i = mounts->size() - 1; i >= 0; --i) {
      if (IsProcMask(mounts->Get(i))) mounts->DeleteSubrange(i, 1);
    }
  }
  for (internal::MountOp& op : *plan.mutable_mounts()) {
    if (LayerIsOff(layers_off, TestLayer::kProcMasks) && op.kind() == internal::MountOp::PROC) {
      op.clear_data();
    }
    if (LayerIsOff(layers_off, TestLayer::kLayerSize) && op.target() == "/layer") {
      op.set_data("mode=0755");
    }
  }
}

}  // namespace warren
