// libFuzzer's entry; WARREN_FUZZ_TARGET names the target.
#include "tests/launch/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::WARREN_FUZZ_TARGET(data, size);
  return 0;
}
