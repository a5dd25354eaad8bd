#include "tools/warren/json_renderer.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/json_lines.h"

namespace warren {
namespace {

using Json = nlohmann::ordered_json;

// The types that the API carries as UTF-8; all others are bytes.
bool IsTextType(absl::string_view mime) {
  return absl::StartsWith(mime, "text/") || absl::EndsWith(mime, "+xml") ||
         absl::EndsWith(mime, "json") || mime == "application/javascript";
}

}  // namespace

absl::Status JsonRenderer::WriteLine(const Json& object) { return out_.Write(JsonLine(object)); }

Json JsonRenderer::Begin(const char* type) const {
  return {{"type", type}, {"cell", cell_}, {"sequence", sequence_}};
}

absl::Status JsonRenderer::OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) {
  Json stages = Json::array();
  for (const v1::StageTiming& stage : sandbox.stages()) {
    stages.push_back({{"stage", stage.stage()},
                      {"seconds", absl::ToDoubleSeconds(ToDuration(stage.duration()))}});
  }
  return WriteLine({{"type", "sandbox"},
                    {"sandbox_id", sandbox.sandbox_id()},
                    {"template", sandbox.template_id()},
                    {"from_pool", sandbox.from_pool()},
                    {"create_s", absl::ToDoubleSeconds(create)},
                    {"stages", stages}});
}

absl::Status JsonRenderer::OnDetached(const v1::ExecutionEvent::Started& started) {
  return WriteLine({{"type", "detached"}, {"execution_id", started.execution_id()}});
}

absl::Status JsonRenderer::OnEvent(int cell, const v1::ExecutionEvent& event) {
  cell_ = cell;
  sequence_ = event.sequence();
  switch (event.event_case()) {
    case v1::ExecutionEvent::kOutput:
      return OnOutput(event.output());
    case v1::ExecutionEvent::kDisplay:
      return OnDisplay(event.display());
    case v1::ExecutionEvent::kComm:
      return OnComm(event.comm());
    case v1::ExecutionEvent::kFinished:
      return OnFinished(event.finished());
    default:
      return OnOther(event);
  }
}

absl::Status JsonRenderer::OnOther(const v1::ExecutionEvent& event) {
  Json object;
  if (event.has_started()) {
    object = Begin("started");
    object["execution_id"] = event.started().execution_id();
    if (!event.started().process_id().empty()) object["process_id"] = event.started().process_id();
  } else if (event.has_error()) {
    object = Begin("error");
    object["name"] = event.error().name();
    object["value"] = event.error().value();
    object["traceback"] = event.error().traceback();
    object["hint"] = event.error().hint();
  } else if (event.has_clear_output()) {
    object = Begin("clear_output");
    object["wait"] = event.clear_output().wait();
  } else if (event.has_input_request()) {
    object = Begin("input_request");
    object["prompt"] = event.input_request().prompt();
    object["password"] = event.input_request().password();
  } else if (event.has_missed()) {
    object = Begin("missed");
    object["events"] = event.missed().events();
    object["bytes"] = event.missed().bytes();
  } else if (event.has_output_file()) {
    object = Begin("output_file");
    object["path"] = event.output_file().path();
    object["size_bytes"] = event.output_file().size_bytes();
    object["sha256"] = absl::BytesToHexString(event.output_file().sha256());
    object["error"] = event.output_file().error();
  } else {
    // An event of a later contract.
    return absl::OkStatus();
  }
  return WriteLine(object);
}

absl::Status JsonRenderer::OnComm(const v1::ExecutionEvent::Comm& comm) {
  Json buffers = Json::array();
  for (const std::string& buffer : comm.buffers()) buffers.push_back(absl::Base64Escape(buffer));
  Json object = Begin("comm");
  object["kind"] = absl::AsciiStrToLower(v1::ExecutionEvent::Comm::Kind_Name(comm.kind()));
  object["comm_id"] = comm.comm_id();
  object["target_name"] = comm.target_name();
  PutBytes(object, "data_json", "data_json_base64", comm.data_json());
  PutBytes(object, "metadata_json", "metadata_json_base64", comm.metadata_json());
  object["buffers_base64"] = std::move(buffers);
  return WriteLine(object);
}

absl::Status JsonRenderer::OnOutput(const v1::ExecutionEvent::Output& output) {
  bool is_stderr = output.stream() == v1::ExecutionEvent::Output::STDERR;
  return WriteOutput(is_stderr ? "stderr" : "stdout",
                     (is_stderr ? stderr_ : stdout_).Take(output.data()));
}

absl::Status JsonRenderer::WriteOutput(const char* type, const std::string& bytes) {
  if (bytes.empty()) return absl::OkStatus();
  Json object = Begin(type);
  PutBytes(object, "text", "base64", bytes);
  return WriteLine(object);
}

absl::Status JsonRenderer::OnDisplay(const v1::ExecutionEvent::Display& display) {
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
  Json object = Begin("display");
  object["is_result"] = display.is_result();
  object["data"] = std::move(data);
  object["base64"] = std::move(base64);
  if (!display.metadata_json().empty()) {
    PutBytes(object, "metadata_json", "metadata_json_base64", display.metadata_json());
  }
  if (!display.display_id().empty()) object["display_id"] = display.display_id();
  if (display.update()) object["update"] = true;
  if (saved_.has_value()) {
    WARREN_ASSIGN_OR_RETURN(std::vector<std::string> paths, saved_->Save(display));
    object["files"] = paths;
  }
  return WriteLine(object);
}

absl::Status JsonRenderer::OnFinished(const v1::ExecutionEvent::Finished& finished) {
  // The beginning of a character that never came.
  WARREN_RETURN_IF_ERROR(WriteOutput("stdout", stdout_.Flush()));
  WARREN_RETURN_IF_ERROR(WriteOutput("stderr", stderr_.Flush()));
  Json object = Begin("finished");
  PutTermination(object, finished.termination());
  object["context_alive"] = finished.termination().context_alive();
  object["execution_count"] = finished.execution_count();
  if (!finished.output_files_incomplete().empty())
    object["output_files_incomplete"] = finished.output_files_incomplete();
  object["usage"] = UsageObject(finished.usage());
  return WriteLine(object);
}

}  // namespace warren
