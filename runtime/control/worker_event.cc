#include "runtime/control/worker_event.h"

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

using internal::WorkerDisplay;
using internal::WorkerEvent;

// Keys of the wire format: field number << 3 | wire type.
constexpr char kExecutionIdKey = 1 << 3 | 0;
constexpr char kStdoutKey = WorkerEvent::kStdoutDataFieldNumber << 3 | 2;
constexpr char kStderrKey = WorkerEvent::kStderrDataFieldNumber << 3 | 2;

constexpr size_t kMaxOutputBytes = 64 << 10;
constexpr int kMaxParts = 64;
constexpr size_t kMaxMimeTypeBytes = 128;

// Takes a varint of at most 10 bytes off the front.
std::optional<uint64_t> TakeVarint(absl::string_view* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes->size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>((*bytes)[i]);
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes->remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

absl::Status CheckOutput(absl::string_view data) {
  if (data.size() <= kMaxOutputBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "output of ", data.size(), " bytes in one event; the limit is ", kMaxOutputBytes));
}

absl::Status CheckDisplay(const WorkerDisplay& display) {
  if (display.parts_size() > kMaxParts) {
    return absl::InvalidArgumentError(absl::StrCat("display of ", display.parts_size(), " parts"));
  }
  for (const WorkerDisplay::Part& part : display.parts()) {
    if (part.mime_type().size() > kMaxMimeTypeBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("MIME type of ", part.mime_type().size(), " bytes"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckEvent(const WorkerEvent& event) {
  switch (event.event_case()) {
    case WorkerEvent::kReady:
    case WorkerEvent::kSetupFailed:
      if (event.execution_id() != 0) {
        return absl::InvalidArgumentError("start-up event that belongs to a cell");
      }
      return absl::OkStatus();
    case WorkerEvent::kStdoutData:
      return CheckOutput(event.stdout_data());
    case WorkerEvent::kStderrData:
      return CheckOutput(event.stderr_data());
    case WorkerEvent::kDisplay:
      return CheckDisplay(event.display());
    case WorkerEvent::kError:
      return absl::OkStatus();  // The texts are cut where they are used.
    case WorkerEvent::kDone:
      if (event.done().outcome() < 1 || event.done().outcome() > 3) {
        return absl::InvalidArgumentError("end of a cell without an outcome");
      }
      return absl::OkStatus();
    case WorkerEvent::kInterruptMissed:
      return absl::OkStatus();
    case WorkerEvent::EVENT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("event of no known kind");
}

}  // namespace

std::optional<OutputFrame> ParseOutputFrame(absl::string_view frame) {
  OutputFrame result;
  if (!frame.empty() && frame[0] == kExecutionIdKey) {
    frame.remove_prefix(1);
    auto id = TakeVarint(&frame);
    if (!id) return std::nullopt;
    result.execution_id = *id;
  }
  if (frame.empty() || (frame[0] != kStdoutKey && frame[0] != kStderrKey)) return std::nullopt;
  result.stream = frame[0] == kStdoutKey ? WorkerEvent::kStdoutData : WorkerEvent::kStderrData;
  frame.remove_prefix(1);
  auto length = TakeVarint(&frame);
  if (!length || *length != frame.size() || frame.size() > kMaxOutputBytes) return std::nullopt;
  result.data = frame;
  return result;
}

absl::Status ParseWorkerEvent(absl::string_view frame, WorkerEvent* event) {
  if (!event->ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
    return absl::InvalidArgumentError("event that does not parse");
  }
  return CheckEvent(*event);
}

}  // namespace warren
