#include "runtime/control/worker_event.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/control/json_check.h"

namespace warren {
namespace {

using internal::WorkerComm;
using internal::WorkerDisplay;
using internal::WorkerDone;
using internal::WorkerEvent;

// Keys of the wire format: field number << 3 | wire type.
constexpr char kExecutionIdKey = 1 << 3 | 0;
constexpr char kStdoutKey = WorkerEvent::kStdoutDataFieldNumber << 3 | 2;
constexpr char kStderrKey = WorkerEvent::kStderrDataFieldNumber << 3 | 2;

constexpr size_t kMaxOutputBytes = 64 << 10;
constexpr int kMaxParts = 64;
constexpr size_t kMaxMimeTypeBytes = 128;
constexpr size_t kMaxMetadataBytes = 64 << 10;
constexpr size_t kMaxIdBytes = 256;
constexpr int kMaxExpressions = 64;
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxExpressionBytes = 1 << 20;
constexpr int kMaxBuffers = 64;
constexpr size_t kMaxPromptBytes = 64 << 10;
constexpr int kMaxEntries = 4096;
constexpr size_t kMaxMatchBytes = 4 << 10;
constexpr size_t kMaxIndentBytes = 1 << 10;
constexpr size_t kMaxPathBytes = 4095;
constexpr size_t kMaxFileErrorBytes = 256;
constexpr size_t kMaxIncompleteBytes = 1 << 10;
constexpr size_t kSha256Bytes = 32;

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

absl::Status CheckSize(const char* what, size_t size, size_t limit) {
  if (size <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " of ", size, " bytes in one event; the limit is ", limit));
}

absl::Status CheckCount(const char* what, int count, int limit) {
  if (count <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(count, " ", what, " in one event; the limit is ", limit));
}

void ClearUnlessJsonObject(std::string* json) {
  if (!json->empty() && !IsJsonObject(*json)) json->clear();
}

absl::Status CheckDisplay(WorkerDisplay* display) {
  WARREN_RETURN_IF_ERROR(CheckCount("display parts", display->parts_size(), kMaxParts));
  for (const WorkerDisplay::Part& part : display->parts()) {
    WARREN_RETURN_IF_ERROR(CheckSize("MIME type", part.mime_type().size(), kMaxMimeTypeBytes));
  }
  WARREN_RETURN_IF_ERROR(CheckSize("metadata", display->metadata_json().size(), kMaxMetadataBytes));
  WARREN_RETURN_IF_ERROR(CheckSize("display_id", display->display_id().size(), kMaxIdBytes));
  if (!display->metadata_json().empty()) ClearUnlessJsonObject(display->mutable_metadata_json());
  return absl::OkStatus();
}

absl::Status CheckDone(WorkerDone* done) {
  if (done->outcome() < WorkerDone::OK || done->outcome() > WorkerDone::INTERRUPTED) {
    return absl::InvalidArgumentError("end of a cell without an outcome");
  }
  if (done->not_run() && done->outcome() == WorkerDone::OK) {
    return absl::InvalidArgumentError("a cell that did not run and ended well");
  }
  WARREN_RETURN_IF_ERROR(
      CheckCount("user_expressions", done->user_expressions_size(), kMaxExpressions));
  size_t bytes = 0;
  for (auto& value : *done->mutable_user_expressions()) {
    WARREN_RETURN_IF_ERROR(CheckSize("name", value.name().size(), kMaxNameBytes));
    bytes += value.ByteSizeLong();
    if (value.has_display()) WARREN_RETURN_IF_ERROR(CheckDisplay(value.mutable_display()));
  }
  WARREN_RETURN_IF_ERROR(CheckSize("output_files_incomplete",
                                   done->output_files_incomplete().size(), kMaxIncompleteBytes));
  return CheckSize("user_expressions", bytes, kMaxExpressionBytes);
}

absl::Status CheckOutputFile(const internal::WorkerOutputFile& file) {
  WARREN_RETURN_IF_ERROR(CheckSize("path", file.path().size(), kMaxPathBytes));
  WARREN_RETURN_IF_ERROR(CheckSize("error", file.error().size(), kMaxFileErrorBytes));
  if (file.path().empty() || file.path()[0] != '/' || file.path().find('\0') != std::string::npos)
    return absl::InvalidArgumentError("output file with a path that is none");
  if (file.size() < 0) return absl::InvalidArgumentError("output file of a negative size");
  if (file.sha256().size() != (file.error().empty() ? kSha256Bytes : 0)) {
    return absl::InvalidArgumentError(absl::StrCat("output file with a digest of ",
                                                   file.sha256().size(), " bytes",
                                                   file.error().empty() ? "" : " beside an error"));
  }
  return absl::OkStatus();
}

absl::Status CheckComm(WorkerComm* comm) {
  if (comm->kind() < WorkerComm::OPEN || comm->kind() > WorkerComm::CLOSE) {
    return absl::InvalidArgumentError("comm of no known kind");
  }
  WARREN_RETURN_IF_ERROR(CheckSize("comm_id", comm->comm_id().size(), kMaxIdBytes));
  WARREN_RETURN_IF_ERROR(CheckSize("target_name", comm->target_name().size(), kMaxIdBytes));
  WARREN_RETURN_IF_ERROR(CheckSize("metadata", comm->metadata_json().size(), kMaxMetadataBytes));
  WARREN_RETURN_IF_ERROR(CheckCount("buffers", comm->buffers_size(), kMaxBuffers));
  ClearUnlessJsonObject(comm->mutable_data_json());
  ClearUnlessJsonObject(comm->mutable_metadata_json());
  return absl::OkStatus();
}

absl::Status CheckReply(internal::WorkerCompleteReply* reply) {
  WARREN_RETURN_IF_ERROR(CheckCount("matches", reply->matches_size(), kMaxEntries));
  for (const std::string& match : reply->matches()) {
    WARREN_RETURN_IF_ERROR(CheckSize("match", match.size(), kMaxMatchBytes));
  }
  ClearUnlessJsonObject(reply->mutable_metadata_json());
  return CheckSize("metadata", reply->metadata_json().size(), kMaxMetadataBytes);
}

absl::Status CheckReply(const internal::WorkerIsCompleteReply& reply) {
  if (reply.status() < internal::WorkerIsCompleteReply::COMPLETE ||
      reply.status() > internal::WorkerIsCompleteReply::UNKNOWN) {
    return absl::InvalidArgumentError("is_complete_reply without a status");
  }
  return CheckSize("indent", reply.indent().size(), kMaxIndentBytes);
}

absl::Status CheckStart(const WorkerEvent& event) {
  if (event.execution_id() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError("start-up event that belongs to a cell");
}

absl::Status CheckEvent(WorkerEvent* event) {
  switch (event->event_case()) {
    case WorkerEvent::kReady:
    case WorkerEvent::kSetupFailed:
      return CheckStart(*event);
    case WorkerEvent::kStdoutData:
      return CheckSize("output", event->stdout_data().size(), kMaxOutputBytes);
    case WorkerEvent::kStderrData:
      return CheckSize("output", event->stderr_data().size(), kMaxOutputBytes);
    case WorkerEvent::kDisplay:
      return CheckDisplay(event->mutable_display());
    case WorkerEvent::kDone:
      return CheckDone(event->mutable_done());
    case WorkerEvent::kComm:
      return CheckComm(event->mutable_comm());
    case WorkerEvent::kInputRequest:
      return CheckSize("prompt", event->input_request().prompt().size(), kMaxPromptBytes);
    case WorkerEvent::kCompleteReply:
      return CheckReply(event->mutable_complete_reply());
    case WorkerEvent::kInspectReply:
      return CheckDisplay(event->mutable_inspect_reply()->mutable_display());
    case WorkerEvent::kIsCompleteReply:
      return CheckReply(event->is_complete_reply());
    case WorkerEvent::kHistoryReply:
      return CheckCount("history entries", event->history_reply().entries_size(), kMaxEntries);
    case WorkerEvent::kUnimplemented:
      return CheckSize("name", event->unimplemented().what().size(), kMaxNameBytes);
    case WorkerEvent::kConfigured:
      return CheckSize("step", event->configured().failed_step().size(), kMaxNameBytes);
    case WorkerEvent::kOutputFile:
      return CheckOutputFile(event->output_file());
    case WorkerEvent::kError:  // The texts are cut where they are used.
    case WorkerEvent::kInterruptMissed:
    case WorkerEvent::kClearOutput:
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
  return CheckEvent(event);
}

}  // namespace warren
