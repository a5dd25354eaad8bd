#include "tools/warren/process/process_renderer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {

absl::Status TextProcessRenderer::OnSandbox(const v1::Sandbox&) { return absl::OkStatus(); }

absl::Status TextProcessRenderer::OnDetached(const v1::ProcessEvent::Started& started) {
  return out_.Write(absl::StrCat(Safe(started.process_id()), "\n"));
}

absl::Status TextProcessRenderer::OnEvent(const v1::ProcessEvent& event) {
  switch (event.event_case()) {
    case v1::ProcessEvent::kOutput:
      return OnOutput(event.output());
    case v1::ProcessEvent::kExited:
      return OnExited(event.exited().termination());
    case v1::ProcessEvent::kMissed:
      // \r: our terminal may be in raw mode.
      return err_.Write(absl::StrCat("warren: ", FormatBytes(event.missed().bytes()),
                                     " of output before this are no longer kept\r\n"));
    default:
      return absl::OkStatus();
  }
}

absl::Status TextProcessRenderer::OnOutput(const v1::ProcessEvent::Output& output) {
  switch (output.stream()) {
    case v1::ProcessEvent::Output::TERMINAL:
      return out_.Write(output.data());
    case v1::ProcessEvent::Output::STDERR:
      return err_.WriteForeign(output.data());
    default:
      return out_.WriteForeign(output.data());
  }
}

absl::Status TextProcessRenderer::OnExited(const v1::Termination& end) {
  // A code of its own says all, as it does in a shell.
  if (end.kind() == v1::Termination::EXITED) return absl::OkStatus();
  WARREN_RETURN_IF_ERROR(err_.FinishLine());
  std::string message = Safe(end.message());
  return err_.Write(absl::StrCat("warren: ", DescribeTermination(end.kind()),
                                 message.empty() ? "" : ": ", message, "\n"));
}

JsonProcessRenderer::Stream& JsonProcessRenderer::StreamOf(
    v1::ProcessEvent::Output::Stream stream) {
  switch (stream) {
    case v1::ProcessEvent::Output::STDERR:
      return streams_[1];
    case v1::ProcessEvent::Output::TERMINAL:
      return streams_[2];
    default:
      return streams_[0];
  }
}

absl::Status JsonProcessRenderer::OnSandbox(const v1::Sandbox& sandbox) {
  return WriteLine({{"type", "sandbox"},
                    {"sandbox_id", sandbox.sandbox_id()},
                    {"template", sandbox.template_id()}});
}

absl::Status JsonProcessRenderer::OnDetached(const v1::ProcessEvent::Started& started) {
  return WriteLine(
      {{"type", "detached"}, {"process_id", started.process_id()}, {"pid", started.pid()}});
}

absl::Status JsonProcessRenderer::OnEvent(const v1::ProcessEvent& event) {
  switch (event.event_case()) {
    case v1::ProcessEvent::kStarted:
      return WriteLine({{"type", "started"},
                        {"process_id", event.started().process_id()},
                        {"pid", event.started().pid()}});
    case v1::ProcessEvent::kOutput: {
      Stream& stream = StreamOf(event.output().stream());
      return WriteOutput(stream.type, stream.splitter.Take(event.output().data()));
    }
    case v1::ProcessEvent::kMissed:
      return WriteLine({{"type", "missed"},
                        {"events", event.missed().events()},
                        {"bytes", event.missed().bytes()}});
    case v1::ProcessEvent::kExited:
      return OnExited(event.exited());
    default:
      return absl::OkStatus();
  }
}

absl::Status JsonProcessRenderer::OnExited(const v1::ProcessEvent::Exited& exited) {
  // The beginning of a character that never came.
  for (Stream& stream : streams_) {
    WARREN_RETURN_IF_ERROR(WriteOutput(stream.type, stream.splitter.Flush()));
  }
  nlohmann::ordered_json object = {{"type", "exited"}};
  PutTermination(object, exited.termination());
  object["usage"] = UsageObject(exited.usage());
  return WriteLine(object);
}

absl::Status JsonProcessRenderer::WriteOutput(const char* type, const std::string& bytes) {
  if (bytes.empty()) return absl::OkStatus();
  nlohmann::ordered_json object = {{"type", type}};
  PutBytes(object, "text", "base64", bytes);
  return WriteLine(object);
}

absl::Status JsonProcessRenderer::WriteLine(const nlohmann::ordered_json& object) {
  return out_.Write(JsonLine(object));
}

}  // namespace warren
