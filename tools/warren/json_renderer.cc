#include "tools/warren/json_renderer.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

using Json = nlohmann::ordered_json;

// The types that the API carries as UTF-8; all others are bytes.
bool IsTextType(absl::string_view mime) {
  return absl::StartsWith(mime, "text/") || absl::EndsWith(mime, "+xml") ||
         absl::EndsWith(mime, "json") || mime == "application/javascript";
}

double Seconds(const google::protobuf::Duration& duration) {
  return absl::ToDoubleSeconds(ToDuration(duration));
}

Json UsageObject(const v1::Usage& usage) {
  return {{"wall_s", Seconds(usage.wall())},
          {"cpu_user_s", Seconds(usage.cpu_user())},
          {"cpu_system_s", Seconds(usage.cpu_system())},
          {"peak_memory_bytes", usage.peak_memory_bytes()},
          {"peak_pids", usage.peak_pids()},
          {"output_bytes", usage.output_bytes()}};
}

}  // namespace

absl::Status JsonRenderer::WriteLine(const Json& object) {
  // ASCII only: a terminal that shows it obeys nothing. DEL is the one control character that JSON
  // lets through.
  std::string line = object.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  return out_.Write(absl::StrCat(absl::StrReplaceAll(line, {{"\x7f", "\\u007f"}}), "\n"));
}

absl::Status JsonRenderer::OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) {
  Json stages = Json::array();
  for (const v1::StageTiming& stage : sandbox.stages()) {
    stages.push_back({{"stage", stage.stage()}, {"seconds", Seconds(stage.duration())}});
  }
  return WriteLine({{"type", "sandbox"},
                    {"sandbox_id", sandbox.sandbox_id()},
                    {"template", sandbox.template_id()},
                    {"from_pool", sandbox.from_pool()},
                    {"create_s", absl::ToDoubleSeconds(create)},
                    {"stages", stages}});
}

absl::Status JsonRenderer::OnEvent(int cell, const v1::ExecutionEvent& event) {
  switch (event.event_case()) {
    case v1::ExecutionEvent::kStarted:
      return WriteLine(
          {{"type", "started"}, {"cell", cell}, {"execution_id", event.started().execution_id()}});
    case v1::ExecutionEvent::kOutput:
      return OnOutput(cell, event.output());
    case v1::ExecutionEvent::kDisplay:
      return OnDisplay(cell, event.display());
    case v1::ExecutionEvent::kError:
      return WriteLine({{"type", "error"},
                        {"cell", cell},
                        {"name", event.error().name()},
                        {"value", event.error().value()},
                        {"traceback", event.error().traceback()},
                        {"hint", event.error().hint()}});
    case v1::ExecutionEvent::kFinished:
      return OnFinished(cell, event.finished());
    default:
      return absl::OkStatus();
  }
}

absl::Status JsonRenderer::OnOutput(int cell, const v1::ExecutionEvent::Output& output) {
  bool is_stderr = output.stream() == v1::ExecutionEvent::Output::STDERR;
  return WriteOutput(cell, is_stderr ? "stderr" : "stdout",
                     (is_stderr ? stderr_ : stdout_).Take(output.data()));
}

absl::Status JsonRenderer::WriteOutput(int cell, const char* type, const std::string& bytes) {
  if (bytes.empty()) return absl::OkStatus();
  Json object = {{"type", type}, {"cell", cell}, {"text", bytes}};
  if (!IsUtf8(bytes)) object["base64"] = absl::Base64Escape(bytes);
  return WriteLine(object);
}

absl::Status JsonRenderer::OnDisplay(int cell, const v1::ExecutionEvent::Display& display) {
  Json data = Json::object();
  Json base64 = Json::array();
  for (const auto& [mime, bytes] : display.data()) {
    if (IsTextType(mime) && IsUtf8(bytes)) {
      data[mime] = bytes;
    } else {
      data[mime] = absl::Base64Escape(bytes);
      base64.push_back(mime);
    }
  }
  Json object = {{"type", "display"},
                 {"cell", cell},
                 {"is_result", display.is_result()},
                 {"data", std::move(data)},
                 {"base64", std::move(base64)}};
  if (saved_.has_value()) {
    WARREN_ASSIGN_OR_RETURN(std::vector<std::string> paths, saved_->Save(display));
    object["files"] = paths;
  }
  return WriteLine(object);
}

absl::Status JsonRenderer::OnFinished(int cell, const v1::ExecutionEvent::Finished& finished) {
  // The beginning of a character that never came.
  WARREN_RETURN_IF_ERROR(WriteOutput(cell, "stdout", stdout_.Flush()));
  WARREN_RETURN_IF_ERROR(WriteOutput(cell, "stderr", stderr_.Flush()));
  const v1::Termination& end = finished.termination();
  return WriteLine({{"type", "finished"},
                    {"cell", cell},
                    {"outcome", absl::AsciiStrToLower(v1::Termination::Kind_Name(end.kind()))},
                    {"exit_code", end.exit_code()},
                    {"signal", end.signal()},
                    {"message", end.message()},
                    {"context_alive", end.context_alive()},
                    {"execution_count", finished.execution_count()},
                    {"usage", UsageObject(finished.usage())}});
}

}  // namespace warren
