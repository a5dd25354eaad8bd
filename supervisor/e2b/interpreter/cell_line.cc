#include "supervisor/e2b/interpreter/cell_line.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "supervisor/base/text.h"
#include "supervisor/e2b/base/json.h"

namespace warren {
namespace {

using Display = v1::ExecutionEvent::Display;

// Of a display, so that a client with gRPC's default message limit can receive it.
constexpr size_t kMaxCloudDisplay = (4 << 20) - (64 << 10);
constexpr size_t kMaxTracebackText = 256 << 10;
constexpr size_t kMaxErrorText = 64 << 10;
constexpr size_t kMaxMimeTypes = 64;

enum class Wanted { kAlways, kByStyle };

// What E2B has a field of its own for.
struct DisplayField {
  const char* name;
  const char* mime_type;
  Wanted wanted;
};
constexpr DisplayField kFields[] = {
    {"text", "text/plain", Wanted::kAlways},
    {"html", "text/html", Wanted::kAlways},
    {"markdown", "text/markdown", Wanted::kAlways},
    {"svg", "image/svg+xml", Wanted::kAlways},
    {"png", "image/png", Wanted::kAlways},
    {"jpeg", "image/jpeg", Wanted::kAlways},
    {"pdf", "application/pdf", Wanted::kAlways},
    {"latex", "text/latex", Wanted::kAlways},
    {"javascript", "application/javascript", Wanted::kAlways},
    {"json", "application/json", Wanted::kByStyle},
    {"data", "application/vnd.warren.data+json", Wanted::kByStyle},
    {"chart", "application/vnd.warren.chart+json", Wanted::kByStyle},
};
// What a JSON object of IPython's shows as text: then its JSON is the code's own, and no addition.
constexpr char kJsonObjectText[] = "<IPython.core.display.JSON object>";

// As Jupyter carries it: text as it is, JSON as itself, anything else in base64.
std::string DataOf(absl::string_view mime_type, const nlohmann::json& value) {
  if (!value.is_string()) return JsonText(value);
  const auto& text = value.get_ref<const std::string&>();
  std::string bytes;
  if (!IsTextMimeType(mime_type) && absl::Base64Unescape(text, &bytes)) return bytes;
  return ToValidUtf8(text, kMaxCloudDisplay);
}

bool IsLeftOut(const DisplayField& field, const nlohmann::json& line, v1::DisplayStyle style) {
  if (field.wanted == Wanted::kAlways || style == v1::DISPLAY_STYLE_CODE_INTERPRETER) return false;
  return absl::string_view(field.name) != "json" || TextField(line, "text") != kJsonObjectText;
}

absl::StatusOr<CellLine> ReadResult(const nlohmann::json& line, v1::DisplayStyle style) {
  v1::ExecutionEvent event;
  Display& display = *event.mutable_display();
  auto main = line.find("is_main_result");
  display.set_is_result(main != line.end() && main->is_boolean() && main->get<bool>());
  auto& data = *display.mutable_data();
  for (const DisplayField& field : kFields) {
    auto found = line.find(field.name);
    if (found == line.end() || found->is_null() || IsLeftOut(field, line, style)) continue;
    data[field.mime_type] = DataOf(field.mime_type, *found);
  }
  if (const nlohmann::json* extra = ObjectField(line, "extra")) {
    for (const auto& [mime_type, value] : extra->items()) {
      if (data.size() >= kMaxMimeTypes) break;
      if (IsMimeType(mime_type) && !value.is_null()) data[mime_type] = DataOf(mime_type, value);
    }
  }
  if (display.ByteSizeLong() > kMaxCloudDisplay)
    return absl::InternalError("a display of the cloud's is larger than one may be");
  return event;
}

CellLine ReadError(const nlohmann::json& line) {
  v1::ExecutionEvent event;
  v1::ExecutionEvent::Error& error = *event.mutable_error();
  error.set_name(TextField(line, "name", kMaxErrorText));
  error.set_value(TextField(line, "value", kMaxErrorText));
  error.set_traceback(TextField(line, "traceback", kMaxTracebackText));
  return event;
}

}  // namespace

absl::StatusOr<CellLine> ReadCellLine(absl::string_view line, v1::DisplayStyle style) {
  auto json = ParseCloudJson(line, "a line of the cloud's code interpreter");
  if (!json.ok()) return json.status();
  if (!json->is_object())
    return absl::InternalError("a line of the cloud's code interpreter is no object");
  const std::string type = TextField(*json, "type");
  if (type == "stdout" || type == "stderr") {
    return CellOutput{
        type == "stderr" ? v1::ExecutionEvent::Output::STDERR : v1::ExecutionEvent::Output::STDOUT,
        TextField(*json, "text", line.size())};
  }
  if (type == "result") return ReadResult(*json, style);
  if (type == "error") return ReadError(*json);
  if (type == "number_of_executions") {
    return CellCount{static_cast<int32_t>(std::clamp<int64_t>(
        NumberField(*json, "execution_count"), 0, std::numeric_limits<int32_t>::max()))};
  }
  if (type == "end_of_execution") return CellEnd();
  return CellNothing();
}

}  // namespace warren
