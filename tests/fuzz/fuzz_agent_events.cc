// The event pipe of a hostile agent: frames, however they are cut, and the events in them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/control/agent_event.h"
#include "runtime/control/agent_stream.h"
#include "runtime/control/frame.h"

namespace warren {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckFile(const internal::FileFacts& file) {
  Check(file.path().size() <= kMaxAgentPath && file.symlink_target().size() <= kMaxAgentPath);
  Check(file.path().find('\0') == std::string::npos);
  Check(file.owner().size() <= 256 && file.group().size() <= 256);
  Check(file.attributes().size() <= 256);
}

void CheckPromises(const internal::AgentEvent& event) {
  Check(event.event_case() != internal::AgentEvent::EVENT_NOT_SET);
  if (event.has_started()) Check(event.started().pid() > 0);
  if (event.has_failed()) {
    Check(event.failed().step() != internal::CommandFailed::STEP_UNSPECIFIED);
    Check(event.failed().error() >= 0 && event.failed().error() <= 4095);
    Check(event.failed().detail().size() <= 256);
  }
  if (event.has_data()) {
    Check(event.data().data().size() <= kMaxStreamData);
    Check(event.data().last() || !event.data().data().empty());
  }
  if (event.has_entry()) CheckFile(event.entry().file());
  if (event.has_credit()) Check(event.credit().bytes() > 0);
  if (event.has_watch_event()) Check(event.watch_event().path().size() <= kMaxAgentPath);
  if (event.has_end()) {
    Check(event.end().outcome() != internal::StreamEnd::OUTCOME_UNSPECIFIED);
    Check(event.end().sha256().empty() || event.end().sha256().size() == 32);
    CheckFile(event.end().file());
  }
}

std::vector<std::string> FramesOf(absl::string_view bytes, size_t piece, bool* failed) {
  FrameParser parser(kMaxAgentEventBytes);
  std::vector<std::string> frames;
  while (!bytes.empty() && !*failed) {
    absl::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    absl::Status fed = parser.Feed(part, [&](absl::string_view frame) {
      Check(frame.size() <= kMaxAgentEventBytes);
      frames.emplace_back(frame);
      return FrameParser::Next::kContinue;
    });
    Check(parser.pending() <= kFrameHeaderBytes + kMaxAgentEventBytes);
    *failed = !fed.ok();
  }
  return frames;
}

void CheckFrame(absl::string_view frame) {
  internal::AgentEvent event;
  if (ParseAgentEvent(frame, &event).ok()) CheckPromises(event);
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
