#include "tools/warren/text_renderer.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/status.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

// What to print of a display: its plain text, else which representations it has.
std::string PlainText(const v1::ExecutionEvent::Display& display) {
  auto plain = display.data().find("text/plain");
  if (plain != display.data().end()) return plain->second;
  std::vector<std::string> parts;
  for (const auto& [mime, data] : display.data()) {
    parts.push_back(absl::StrCat(mime, ", ", FormatBytes(static_cast<int64_t>(data.size()))));
  }
  return absl::StrCat("<", absl::StrJoin(parts, "; "), ">");
}

std::string UsageLine(absl::string_view subject, const v1::Usage& usage) {
  return absl::StrCat("warren: ", subject, ": wall ", FormatSpan(ToDuration(usage.wall())),
                      ", CPU ", FormatSpan(ToDuration(usage.cpu_user())), " user + ",
                      FormatSpan(ToDuration(usage.cpu_system())), " system, peak memory ",
                      FormatBytes(usage.peak_memory_bytes()), ", peak pids ", usage.peak_pids(),
                      ", output ", FormatBytes(usage.output_bytes()), "\n");
}

}  // namespace

absl::Status TextRenderer::OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) {
  if (usage_ == UsageLines::kHide) return absl::OkStatus();
  std::string line =
      absl::StrCat("warren: sandbox ", EscapeForTerminal(sandbox.sandbox_id(), WhiteSpace::kEscape),
                   sandbox.from_pool() ? ", from the pool" : ", made on demand", ", ready after ",
                   FormatSpan(create));
  const char* separator = ": ";
  for (const v1::StageTiming& stage : sandbox.stages()) {
    absl::StrAppend(&line, separator, EscapeForTerminal(stage.stage(), WhiteSpace::kEscape), " ",
                    FormatSpan(ToDuration(stage.duration())));
    separator = ", ";
  }
  return err_.Write(absl::StrCat(line, "\n"));
}

absl::Status TextRenderer::OnEvent(int cell, const v1::ExecutionEvent& event) {
  switch (event.event_case()) {
    case v1::ExecutionEvent::kOutput: {
      const auto& output = event.output();
      bool is_stderr = output.stream() == v1::ExecutionEvent::Output::STDERR;
      return (is_stderr ? err_ : out_).WriteForeign(output.data());
    }
    case v1::ExecutionEvent::kDisplay:
      return OnDisplay(event.display());
    case v1::ExecutionEvent::kError:
      return OnError(event.error());
    case v1::ExecutionEvent::kFinished:
      return OnFinished(cell, event.finished());
    case v1::ExecutionEvent::kStarted:
      is_script_ = !event.started().process_id().empty();
      return absl::OkStatus();
    case v1::ExecutionEvent::kOutputFile:
      return OnOutputFile(event.output_file());
    case v1::ExecutionEvent::kMissed:
      WARREN_RETURN_IF_ERROR(err_.FinishLine());
      return err_.Write(absl::StrCat("warren: ", event.missed().events(), " events before this, ",
                                     FormatBytes(event.missed().bytes()),
                                     " of output, are no longer kept\n"));
    default:
      return absl::OkStatus();
  }
}

absl::Status TextRenderer::OnDetached(const v1::ExecutionEvent::Started& started) {
  return out_.Write(
      absl::StrCat(EscapeForTerminal(started.execution_id(), WhiteSpace::kEscape), "\n"));
}

absl::Status TextRenderer::OnDisplay(const v1::ExecutionEvent::Display& display) {
  WARREN_RETURN_IF_ERROR(out_.FinishLine());
  WARREN_RETURN_IF_ERROR(out_.WriteForeign(PlainText(display)));
  WARREN_RETURN_IF_ERROR(out_.FinishLine());
  if (!saved_.has_value()) return absl::OkStatus();
  WARREN_ASSIGN_OR_RETURN(std::vector<std::string> paths, saved_->Save(display));
  for (const std::string& path : paths) {
    WARREN_RETURN_IF_ERROR(err_.FinishLine());
    WARREN_RETURN_IF_ERROR(err_.Write(absl::StrCat("warren: wrote ", path, "\n")));
  }
  return absl::OkStatus();
}

absl::Status TextRenderer::OnOutputFile(const v1::ExecutionEvent::OutputFile& file) {
  WARREN_RETURN_IF_ERROR(out_.FinishLine());
  WARREN_RETURN_IF_ERROR(err_.FinishLine());
  const std::string what = file.error().empty()
                               ? absl::StrCat(FormatBytes(file.size_bytes()), ", sha256 ",
                                              absl::BytesToHexString(file.sha256()))
                               : EscapeForTerminal(file.error(), WhiteSpace::kEscape);
  return err_.Write(absl::StrCat(
      "warren: file ", EscapeForTerminal(file.path(), WhiteSpace::kEscape), ": ", what, "\n"));
}

absl::Status TextRenderer::OnError(const v1::ExecutionEvent::Error& error) {
  int64_t code = 0;
  if (IsSystemExit(error)) {
    bool silent =
        error.value().empty() || error.value() == "None" || absl::SimpleAtoi(error.value(), &code);
    if (silent) return absl::OkStatus();
    // sys.exit("text") says the text, as in Python.
    WARREN_RETURN_IF_ERROR(err_.FinishLine());
    WARREN_RETURN_IF_ERROR(err_.WriteForeign(error.value()));
    return err_.FinishLine();
  }
  WARREN_RETURN_IF_ERROR(out_.FinishLine());
  WARREN_RETURN_IF_ERROR(err_.FinishLine());
  bool has_traceback = !error.traceback().empty();
  WARREN_RETURN_IF_ERROR(err_.WriteForeign(
      has_traceback ? error.traceback() : absl::StrCat(error.name(), ": ", error.value())));
  WARREN_RETURN_IF_ERROR(err_.FinishLine());
  if (error.hint().empty()) return absl::OkStatus();
  return err_.Write(
      absl::StrCat("warren: ", EscapeForTerminal(error.hint(), WhiteSpace::kEscape), "\n"));
}

std::string TextRenderer::Subject(int cell) const {
  return is_script_ ? "script" : absl::StrCat("cell ", cell);
}

absl::Status TextRenderer::OnFinished(int cell, const v1::ExecutionEvent::Finished& finished) {
  const v1::Termination& end = finished.termination();
  // How a process exits, the exit code says.
  bool told_already = end.kind() == v1::Termination::EXCEPTION ||
                      (is_script_ && end.kind() == v1::Termination::EXITED);
  bool ran_to_its_end = end.kind() == v1::Termination::EXITED && end.exit_code() == 0;
  if (!told_already && !ran_to_its_end) {
    WARREN_RETURN_IF_ERROR(err_.FinishLine());
    std::string message = EscapeForTerminal(end.message(), WhiteSpace::kEscape);
    if (message.empty() && end.kind() == v1::Termination::EXITED) {
      message = absl::StrCat("exit code ", end.exit_code());
    }
    WARREN_RETURN_IF_ERROR(
        err_.Write(absl::StrCat("warren: ", Subject(cell), ": ", DescribeTermination(end.kind()),
                                message.empty() ? "" : ": ", message, "\n")));
  }
  if (!finished.output_files_incomplete().empty()) {
    WARREN_RETURN_IF_ERROR(err_.FinishLine());
    WARREN_RETURN_IF_ERROR(err_.Write(absl::StrCat(
        "warren: ", Subject(cell), ": not all files are told: ",
        EscapeForTerminal(finished.output_files_incomplete(), WhiteSpace::kEscape), "\n")));
  }
  if (usage_ == UsageLines::kHide) return absl::OkStatus();
  WARREN_RETURN_IF_ERROR(err_.FinishLine());
  return err_.Write(UsageLine(Subject(cell), finished.usage()));
}

}  // namespace warren
