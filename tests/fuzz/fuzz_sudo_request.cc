// What somebody in a sandbox sends to the server of `sudo`.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/sudo/request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using warren::sudo::DecodeRequest;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto request = DecodeRequest(bytes);
  // It has one form.
  if (request && warren::sudo::EncodeRequest(*request) != std::string(bytes)) std::abort();
  return 0;
}
