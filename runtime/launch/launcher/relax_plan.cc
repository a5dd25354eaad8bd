#include "runtime/launch/launcher/relax_plan.h"

#include "runtime/launch/child/test_layers.h"

namespace warren {
namespace {

bool IsProcMask(const v1::MountOp& op) {
  return op.kind() == v1::MountOp::MASK_FILE || op.kind() == v1::MountOp::MASK_DIRECTORY ||
         op.kind() == v1::MountOp::READ_ONLY;
}

}  // namespace

void RelaxPlan(uint32_t layers_off, v1::LaunchPlan& plan) {
  if (LayerIsOff(layers_off, TestLayer::kProcMasks)) {
    auto* mounts = plan.mutable_mounts();
    for (int i = mounts->size() - 1; i >= 0; --i) {
      if (IsProcMask(mounts->Get(i))) mounts->DeleteSubrange(i, 1);
    }
  }
  for (v1::MountOp& op : *plan.mutable_mounts()) {
    if (LayerIsOff(layers_off, TestLayer::kProcMasks) && op.kind() == v1::MountOp::PROC) {
      op.clear_data();
    }
    if (LayerIsOff(layers_off, TestLayer::kLayerSize) && op.target() == "/layer") {
      op.set_data("mode=0755");
    }
  }
}

}  // namespace warren
