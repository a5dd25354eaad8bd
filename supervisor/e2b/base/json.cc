#include "supervisor/e2b/base/json.h"

#include "absl/strings/str_cat.h"
#include "supervisor/base/json_scan.h"
#include "supervisor/base/text.h"

namespace warren {

absl::StatusOr<nlohmann::json> ParseCloudJson(absl::string_view text, absl::string_view what) {
  const JsonShape shape = ScanJson(text);
  if (!shape.has_nul && shape.depth <= kMaxCloudJsonDepth && shape.values <= kMaxCloudJsonValues) {
    // What a sandbox prints may hold them, and the cloud passes them on.
    std::string replaced;
    if (shape.has_lone_surrogate) text = replaced = ReplaceLoneSurrogates(text);
    nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_discarded()) return json;
  }
  return absl::InternalError(absl::StrCat(what, " is no JSON that can be read"));
}

std::string TextField(const nlohmann::json& object, const char* name, size_t max_bytes) {
  if (!object.is_object()) return "";
  auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return "";
  return ToValidUtf8(found->get_ref<const std::string&>(), max_bytes);
}

int64_t NumberField(const nlohmann::json& object, const char* name, int64_t otherwise) {
  if (!object.is_object()) return otherwise;
  auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return otherwise;
  return found->get<int64_t>();
}

double FractionField(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return 0;
  auto found = object.find(name);
  return found == object.end() || !found->is_number() ? 0 : found->get<double>();
}

const nlohmann::json* ObjectField(const nlohmann::json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  auto found = object.find(name);
  return found == object.end() || !found->is_object() ? nullptr : &*found;
}

std::string JsonText(const nlohmann::json& json) {
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace warren
