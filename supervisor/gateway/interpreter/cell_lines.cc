#include "supervisor/gateway/interpreter/cell_lines.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using v1::ExecutionEvent;
using v1::Termination;

constexpr char kEndLine[] = "{\"type\":\"end_of_execution\"}\n";
constexpr char kTextMimeType[] = "text/plain";

// What E2B has a field of its own for.
constexpr std::pair<const char*, const char*> kDisplayFields[] = {
    {kTextMimeType, "text"},
    {"text/html", "html"},
    {"text/markdown", "markdown"},
    {"image/svg+xml", "svg"},
    {"image/png", "png"},
    {"image/jpeg", "jpeg"},
    {"application/pdf", "pdf"},
    {"text/latex", "latex"},
    {"application/json", "json"},
    {"application/javascript", "javascript"},
    {"application/vnd.warren.data+json", "data"},
    {"application/vnd.warren.chart+json", "chart"},
};

// As Jupyter carries it: JSON as itself, text as a string, anything else in base64.
std::string DisplayValue(absl::string_view mime_type, std::string& data) {
  if (!IsTextMimeType(mime_type)) {
    std::string encoded;
    absl::Base64Escape(data, &encoded);
    return absl::StrCat("\"", encoded, "\"");
  }
  if (absl::EndsWith(mime_type, "json")) {
    if (auto json = JsonLine(data)) return *std::move(json);
  }
  return JsonString(std::move(data));
}

// E2B shows a string without the quotes of its repr.
void StripQuotes(std::string& text) {
  if (text.size() < 2) return;
  const char quote = text.front();
  if ((quote != '\'' && quote != '"') || text.back() != quote) return;
  text = text.substr(1, text.size() - 2);
}

std::string IsoTime(int64_t unix_nanos) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::FromUnixNanos(unix_nanos),
                          absl::UTCTimeZone());
}

void AddErrorLine(absl::string_view name, absl::string_view value, absl::string_view traceback,
                  std::string& to) {
  absl::StrAppend(&to, "{\"type\":\"error\",\"name\":", JsonString(std::string(name)),
                  ",\"value\":", JsonString(std::string(value)),
                  ",\"traceback\":", JsonString(std::string(traceback)), "}\n");
}

// What ended a cell that raised nothing and did not come to its end.
absl::string_view ErrorNameOf(const Termination& termination) {
  // E2B's own word for a kernel that died, or was restarted.
  if (!termination.context_alive()) return "ContextRestarting";
  if (termination.kind() == Termination::TIMED_OUT) return "TimeoutError";
  if (termination.kind() == Termination::OUTPUT_LIMIT) return "OutputLimitError";
  return "ExecutionCancelled";
}

}  // namespace

void CellLines::Add(ExecutionEvent event, std::string& to) {
  const int64_t time = event.time_unix_nanos();
  switch (event.event_case()) {
    case ExecutionEvent::kOutput: {
      auto& output = *event.mutable_output();
      const bool is_stderr = output.stream() == ExecutionEvent::Output::STDERR;
      Utf8Joiner& joiner = is_stderr ? stderr_ : stdout_;
      return AddOutput(output.stream(), joiner.Add(std::move(*output.mutable_data())), time, to);
    }
    case ExecutionEvent::kDisplay:
      return AddDisplay(*event.mutable_display(), to);
    case ExecutionEvent::kError:
      return AddErrorLine(event.error().name(), event.error().value(), event.error().traceback(),
                          to);
    case ExecutionEvent::kFinished:
      return AddFinished(event.finished(), time, to);
    default:
      return;
  }
}

void CellLines::AddOutput(ExecutionEvent::Output::Stream stream, std::string text, int64_t time,
                          std::string& to) {
  if (text.empty()) return;
  absl::StrAppend(
      &to, "{\"type\":\"", stream == ExecutionEvent::Output::STDERR ? "stderr" : "stdout",
      "\",\"text\":", JsonString(std::move(text)), ",\"timestamp\":\"", IsoTime(time), "\"}\n");
}

void CellLines::AddDisplay(ExecutionEvent::Display& display, std::string& to) {
  // E2B has no word for a display that changes.
  if (display.update()) return;
  absl::StrAppend(
      &to, "{\"type\":\"result\",\"is_main_result\":", display.is_result() ? "true" : "false");
  auto& data = *display.mutable_data();
  for (const auto& [mime_type, field] : kDisplayFields) {
    auto found = data.find(mime_type);
    if (found == data.end()) continue;
    if (mime_type == kTextMimeType) StripQuotes(found->second);
    absl::StrAppend(&to, ",\"", field, "\":", DisplayValue(mime_type, found->second));
    data.erase(found);
  }
  absl::StrAppend(&to, ",\"extra\":{");
  // In one order, whatever the map's is.
  std::map<std::string, std::string*> others;
  for (auto& [mime_type, bytes] : data) others[mime_type] = &bytes;
  const char* separator = "";
  for (const auto& [mime_type, bytes] : others) {
    absl::StrAppend(&to, separator, JsonString(mime_type), ":", DisplayValue(mime_type, *bytes));
    separator = ",";
  }
  absl::StrAppend(&to, "}}\n");
}

void CellLines::AddFinished(const ExecutionEvent::Finished& finished, int64_t time,
                            std::string& to) {
  AddRest(time, to);
  const Termination& termination = finished.termination();
  const bool reached = termination.kind() == Termination::EXITED && termination.context_alive();
  // The exception has been told.
  if (!reached && termination.kind() != Termination::EXCEPTION)
    AddErrorLine(ErrorNameOf(termination), termination.message(), "", to);
  if (finished.execution_count() > 0) {
    absl::StrAppend(&to, "{\"type\":\"number_of_executions\",\"execution_count\":",
                    finished.execution_count(), "}\n");
  }
  absl::StrAppend(&to, kEndLine);
}

void CellLines::AddFailure(absl::string_view why, std::string& to) {
  AddRest(absl::GetCurrentTimeNanos(), to);
  AddErrorLine("UnexpectedEndOfExecution", why, "", to);
  absl::StrAppend(&to, kEndLine);
}

void CellLines::AddRest(int64_t time, std::string& to) {
  AddOutput(ExecutionEvent::Output::STDOUT, stdout_.Finish(), time, to);
  AddOutput(ExecutionEvent::Output::STDERR, stderr_.Finish(), time, to);
}

}  // namespace warren
