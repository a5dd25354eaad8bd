// The event pipe of a hostile worker: frames, however they are cut, and the events in them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/control/frame.h"
#include "runtime/control/worker_event.h"

namespace warren {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

// The fast way must see what protobuf sees.
void CheckFrame(absl::string_view frame) {
  internal::WorkerEvent event;
  absl::Status parsed = ParseWorkerEvent(frame, &event);
  auto output = ParseOutputFrame(frame);
  if (!output) return;
  Check(parsed.ok());
  Check(event.execution_id() == output->execution_id);
  Check(event.event_case() == output->stream);
  Check((event.has_stdout_data() ? event.stdout_data() : event.stderr_data()) == output->data);
}

std::vector<std::string> FramesOf(absl::string_view bytes, size_t piece, bool* failed) {
  FrameParser parser;
  std::vector<std::string> frames;
  while (!bytes.empty() && !*failed) {
    absl::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    absl::Status fed = parser.Feed(part, [&](absl::string_view frame) {
      frames.emplace_back(frame);
      return FrameParser::Next::kContinue;
    });
    Check(parser.pending() <= kFrameHeaderBytes + kMaxFrameBytes);
    *failed = !fed.ok();
  }
  return frames;
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  bool whole_failed = false;
  bool pieces_failed = false;
  auto whole = warren::FramesOf(bytes, size + 1, &whole_failed);
  auto pieces = warren::FramesOf(bytes, 3, &pieces_failed);
  warren::Check(whole == pieces && whole_failed == pieces_failed);
  for (const std::string& frame : whole) warren::CheckFrame(frame);
  warren::CheckFrame(bytes);
  return 0;
}
