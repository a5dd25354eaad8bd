#include "supervisor/e2b/interpreter/line_splitter.h"

#include "runtime/base/status.h"

namespace warren {

absl::Status LineSplitter::Add(absl::string_view bytes, OnLine on_line) {
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == absl::string_view::npos) return Keep(bytes);
    absl::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    std::string whole;
    if (!rest_.empty()) {
      WARREN_RETURN_IF_ERROR(Keep(line));
      whole.swap(rest_);
      line = whole;
    }
    if (!line.empty()) WARREN_RETURN_IF_ERROR(on_line(line));
    charge_.Clear();
  }
  return absl::OkStatus();
}

absl::Status LineSplitter::Keep(absl::string_view bytes) {
  if (rest_.size() + bytes.size() > kMaxLine)
    return absl::InternalError("a line of the cloud's code interpreter does not end");
  if (!charge_.TryAdd(static_cast<int64_t>(bytes.size()))) return NoRoom();
  rest_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

}  // namespace warren
