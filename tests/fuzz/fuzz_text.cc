// Texts of a hostile worker on their way into protobuf strings, and the cgroup files' parsers.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "google/protobuf/message_lite.h"
#include "supervisor/base/text.h"
#include "supervisor/session/sandbox_stats.h"
#include "warren/v1/execution.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (size_t limit : {size_t{0}, size_t{1}, size_t{5}, size, 3 * size + 3}) {
    const std::string text = warren::ToValidUtf8(bytes, limit);
    if (text.size() > limit || !warren::IsValidUtf8(text)) std::abort();
    if (warren::IsValidUtf8(bytes) && limit >= size && text != bytes) std::abort();
    // What protobuf takes for UTF-8 is the judge.
    warren::v1::ExecutionEvent::Error error;
    error.set_value(text);
    warren::v1::ExecutionEvent::Error parsed;
    if (!parsed.ParseFromString(error.SerializeAsString())) std::abort();
  }
  (void)warren::IsMimeType(bytes);
  // Whatever a missing module is called, its name is harmless.
  for (char c : warren::MissingModule("ModuleNotFoundError", bytes)) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '_') std::abort();
  }
  (void)warren::ParseField(bytes, "oom_kill");
  (void)warren::ParseNumber(bytes);
  return 0;
}
