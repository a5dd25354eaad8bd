// The event pipe of a hostile worker: frames, however they are cut, and the events in them.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "runtime/control/frame.h"
#include "runtime/control/json_check.h"
#include "runtime/control/worker_event.h"
#include "supervisor/session/public_events.h"

namespace warren {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void CheckJson(absl::string_view json) { Check(json.empty() || IsJsonObject(json)); }

void CheckDisplay(const internal::WorkerDisplay& display) {
  Check(display.parts_size() <= 64 && display.metadata_json().size() <= 64 << 10 &&
        display.display_id().size() <= 256);
  CheckJson(display.metadata_json());
  warren::v1::ExecutionEvent::Display out;
  FillDisplay(display, &out);
  // A string that is not UTF-8 does not parse.
  Check(warren::v1::ExecutionEvent::Display().ParseFromString(out.SerializeAsString()));
}

void CheckPromises(const internal::WorkerEvent& event) {
  if (event.has_display()) CheckDisplay(event.display());
  for (const auto& value : event.done().user_expressions()) {
    Check(value.name().size() <= 128);
    if (value.has_display()) CheckDisplay(value.display());
  }
  if (event.has_done()) {
    warren::v1::ExecutionEvent::Finished out;
    Expressions asked;
    asked["n"] = "";
    FillExpressionValues(event.done(), asked, out.mutable_user_expressions());
    Check(out.user_expressions_size() <= 1 && out.ByteSizeLong() <= kMaxFrameBytes);
    Check(warren::v1::ExecutionEvent::Finished().ParseFromString(out.SerializeAsString()));
  }
  if (event.has_output_file()) {
    const auto& file = event.output_file();
    Check(file.path().size() <= 4095 && file.path()[0] == '/' && file.size() >= 0);
    Check(file.sha256().size() == (file.error().empty() ? 32 : 0));
    warren::v1::ExecutionEvent::OutputFile out;
    FillOutputFile(file, &out);
    Check(warren::v1::ExecutionEvent::OutputFile().ParseFromString(out.SerializeAsString()));
  }
  if (event.has_comm()) {
    CheckJson(event.comm().data_json());
    CheckJson(event.comm().metadata_json());
    warren::v1::ExecutionEvent::Comm out;
    FillComm(event.comm(), &out);
    Check(warren::v1::ExecutionEvent::Comm().ParseFromString(out.SerializeAsString()));
  }
}

// The fast way must see what protobuf sees.
void CheckFrame(absl::string_view frame) {
  internal::WorkerEvent event;
  absl::Status parsed = ParseWorkerEvent(frame, &event);
  if (parsed.ok()) CheckPromises(event);
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

// Held after each frame and fed with nothing, as between cells.
std::vector<std::string> FramesHeld(absl::string_view bytes, bool* failed) {
  FrameParser parser;
  std::vector<std::string> frames;
  auto feed = [&](absl::string_view part) {
    absl::Status fed = parser.Feed(part, [&](absl::string_view frame) {
      frames.emplace_back(frame);
      return FrameParser::Next::kHold;
    });
    *failed = !fed.ok();
  };
  feed(bytes);
  while (parser.holding() && !*failed) feed({});
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
  bool held_failed = false;
  warren::Check(whole == warren::FramesHeld(bytes, &held_failed) && whole_failed == held_failed);
  for (const std::string& frame : whole) warren::CheckFrame(frame);
  warren::CheckFrame(bytes);
  return 0;
}
