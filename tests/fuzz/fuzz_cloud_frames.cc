// What E2B's cloud says to the backend that calls it, which is a stranger's word: envd's streams
// and messages, the lines of its code interpreter, records of sandboxes, errors. The first byte
// says which.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "supervisor/base/text.h"
#include "supervisor/e2b/base/cloud_errors.h"
#include "supervisor/e2b/base/json.h"
#include "supervisor/e2b/control/sandbox_record.h"
#include "supervisor/e2b/envd/connect_call.h"
#include "supervisor/e2b/envd/connect_frames.h"
#include "supervisor/e2b/envd/file_entries.h"
#include "supervisor/e2b/envd/process_events.h"
#include "supervisor/e2b/interpreter/cell_line.h"
#include "supervisor/e2b/interpreter/line_splitter.h"

namespace {

constexpr int64_t kMemory = int64_t{1} << 20;

void CheckWords(absl::string_view words) {
  if (!warren::IsValidUtf8(words)) std::abort();
}

void CheckEvent(warren::e2b::ProcessEvent event) {
  if (event.has_data()) {
    for (const auto& each : warren::ToOutputEvents(*event.mutable_data())) {
      if (each.output().data().empty()) std::abort();
    }
  }
  if (!event.has_end()) return;
  const auto ended =
      warren::CloudTermination(event.end(), warren::StopReason::kNone, warren::OutputCut::kNo);
  if (ended.kind() == warren::v1::Termination::KIND_UNSPECIFIED) std::abort();
}

void CheckMessage(absl::string_view json) {
  warren::e2b::ProcessEventResponse process;
  if (warren::FromEnvdJson(json, process).ok()) CheckEvent(process.event());
  warren::e2b::ListResponse list;
  if (warren::FromEnvdJson(json, list).ok()) {
    for (const auto& each : list.processes()) warren::ToListedProcess(each);
  }
  warren::e2b::StatResponse stat;
  if (warren::FromEnvdJson(json, stat).ok()) {
    const auto entry = warren::ToFileEntry(stat.entry());
    if (entry.ok() && entry->path()[0] != '/') std::abort();
  }
  warren::e2b::WatchDirResponse watch;
  if (warren::FromEnvdJson(json, watch).ok() && watch.has_filesystem())
    warren::ToFileEvent(watch.filesystem(), "/home/user");
  (void)warren::ConnectEndStatus(json);
}

// The frames of a stream that comes in pieces of `piece` bytes.
std::vector<std::string> Frames(absl::string_view bytes, size_t piece, absl::Status& status) {
  warren::MemoryBudget memory(kMemory);
  warren::CloudFrameReader reader(&memory);
  std::vector<std::string> frames;
  while (!bytes.empty() && status.ok()) {
    status = reader.Add(bytes.substr(0, piece), [&](const warren::CloudFrame& frame) {
      frames.emplace_back(frame.is_end ? "E" : "M");
      frames.back().append(frame.payload.data(), frame.payload.size());
      return absl::OkStatus();
    });
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  return frames;
}

// However it is cut, it is the same stream.
void CheckStream(absl::string_view bytes) {
  absl::Status whole_status;
  const auto whole = Frames(bytes, bytes.size() + 1, whole_status);
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{64}}) {
    absl::Status status;
    if (Frames(bytes, piece, status) != whole || status.code() != whole_status.code()) std::abort();
  }
  for (const std::string& frame : whole) CheckMessage(absl::string_view(frame).substr(1));
}

void CheckLine(absl::string_view line) {
  for (const auto style :
       {warren::v1::DISPLAY_STYLE_UNSPECIFIED, warren::v1::DISPLAY_STYLE_CODE_INTERPRETER}) {
    const auto read = warren::ReadCellLine(line, style);
    if (!read.ok()) continue;
    if (const auto* output = std::get_if<warren::CellOutput>(&*read)) CheckWords(output->text);
    if (const auto* count = std::get_if<warren::CellCount>(&*read); count && count->count < 0)
      std::abort();
    if (const auto* event = std::get_if<warren::v1::ExecutionEvent>(&*read)) {
      CheckWords(event->error().name());
      CheckWords(event->error().traceback());
      // Its texts can be sent.
      std::string sent;
      if (!event->SerializeToString(&sent)) std::abort();
    }
  }
}

std::vector<std::string> Lines(absl::string_view bytes, size_t piece) {
  warren::MemoryBudget memory(kMemory);
  warren::LineSplitter splitter(&memory);
  std::vector<std::string> lines;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const absl::Status status = splitter.Add(bytes.substr(0, piece), [&](absl::string_view line) {
      lines.emplace_back(line);
      return absl::OkStatus();
    });
    if (!status.ok()) break;
  }
  return lines;
}

void CheckLines(absl::string_view bytes) {
  const auto whole = Lines(bytes, bytes.size() + 1);
  if (Lines(bytes, 1) != whole || Lines(bytes, 7) != whole) std::abort();
  for (const std::string& line : whole) {
    if (line.empty()) std::abort();
    CheckLine(line);
  }
}

void CheckRecord(absl::string_view text) {
  const auto json = warren::ParseCloudJson(text, "a record");
  if (!json.ok()) return;
  warren::CloudSandbox sandbox("a");
  warren::ReadConnection(*json, sandbox);
  // They go into headers and into a URL.
  for (const std::string& part : {sandbox.envd_token, sandbox.traffic_token, sandbox.domain}) {
    for (const char c : part) {
      if (c <= ' ' || c > '~') std::abort();
    }
  }
  if (sandbox.domain.find_first_of("/?#@:") != std::string::npos) std::abort();
  CheckWords(warren::TenantOf(*json));
  const auto told = warren::ReadSandbox(*json, warren::CloudOptions());
  if (!told.ok()) return;
  if (!warren::IsCloudSandboxId(told->sandbox_id())) std::abort();
  std::string sent;
  if (!told->SerializeToString(&sent)) std::abort();
}

void CheckErrors(absl::string_view body) {
  for (const int status : {200, 400, 401, 404, 409, 429, 500, 507}) {
    warren::HttpAnswer answer;
    answer.head.status = status;
    answer.body = std::string(body);
    for (const absl::Status& each :
         {warren::ControlStatus(answer), warren::EnvdStatus(answer), warren::ConnectStatus(answer),
          warren::InterpreterStatus(answer)}) {
      if (each.ok() != (status == 200)) std::abort();
      CheckWords(each.message());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data + 1, data + size);
  const absl::string_view body(exact.data(), exact.size());
  switch (data[0]) {
    case 'F':
      CheckStream(body);
      break;
    case 'L':
      CheckLines(body);
      break;
    case 'R':
      CheckRecord(body);
      break;
    case 'E':
      CheckErrors(body);
      break;
    default:
      CheckMessage(body);
      break;
  }
  return 0;
}
