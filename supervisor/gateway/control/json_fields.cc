#include "supervisor/gateway/control/json_fields.h"

#include "absl/strings/str_cat.h"
#include "supervisor/base/json_scan.h"

namespace warren {
namespace {

// A copy of what is nested deeply would use up the stack.
constexpr size_t kMaxJsonDepth = 64;
// A value takes many times the bytes that say it.
constexpr size_t kMaxJsonValues = 100'000;

absl::Status WrongType(const char* name, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" must be ", wanted));
}

// Null where there is none.
const nlohmann::json* Find(const nlohmann::json& object, const char* name) {
  auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

absl::StatusOr<nlohmann::json> ParseObject(absl::string_view body) {
  if (body.empty()) return nlohmann::json::object();
  const JsonShape shape = ScanJson(body);
  if (shape.depth > kMaxJsonDepth || shape.values > kMaxJsonValues) {
    return absl::InvalidArgumentError(absl::StrCat("the request's body is nested more than ",
                                                   kMaxJsonDepth, " deep or has more than ",
                                                   kMaxJsonValues, " values"));
  }
  if (!shape.has_nul) {
    auto json = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
    if (json.is_object()) return json;
  }
  return absl::InvalidArgumentError("the request's body is no JSON object");
}

absl::StatusOr<std::optional<std::string>> TextOf(const nlohmann::json& object, const char* name) {
  const nlohmann::json* field = Find(object, name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_string()) return WrongType(name, "a string");
  return field->get<std::string>();
}

absl::StatusOr<std::optional<bool>> FlagOf(const nlohmann::json& object, const char* name) {
  const nlohmann::json* field = Find(object, name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_boolean()) return WrongType(name, "true or false");
  return field->get<bool>();
}

absl::StatusOr<std::optional<int64_t>> NumberOf(const nlohmann::json& object, const char* name) {
  const nlohmann::json* field = Find(object, name);
  if (field == nullptr) return std::nullopt;
  if (!field->is_number_integer() ||
      (field->is_number_unsigned() && field->get<uint64_t>() > uint64_t{INT64_MAX})) {
    return WrongType(name, "a whole number");
  }
  return field->get<int64_t>();
}

absl::StatusOr<std::vector<std::string>> TextsOf(const nlohmann::json& object, const char* name) {
  std::vector<std::string> texts;
  const nlohmann::json* field = Find(object, name);
  if (field == nullptr) return texts;
  if (!field->is_array()) return WrongType(name, "an array of strings");
  for (const nlohmann::json& element : *field) {
    if (!element.is_string()) return WrongType(name, "an array of strings");
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> MapOf(const nlohmann::json& object,
                                                                       const char* name) {
  std::vector<std::pair<std::string, std::string>> entries;
  const nlohmann::json* field = Find(object, name);
  if (field == nullptr) return entries;
  if (!field->is_object()) return WrongType(name, "an object of strings");
  for (const auto& [key, value] : field->items()) {
    if (!value.is_string()) return WrongType(name, "an object of strings");
    entries.emplace_back(key, value.get<std::string>());
  }
  return entries;
}

absl::StatusOr<const nlohmann::json*> ObjectOf(const nlohmann::json& object, const char* name) {
  static const nlohmann::json& empty = *new nlohmann::json(nlohmann::json::object());
  const nlohmann::json* field = Find(object, name);
  if (field == nullptr) return &empty;
  if (!field->is_object()) return WrongType(name, "an object");
  return field;
}

}  // namespace warren
