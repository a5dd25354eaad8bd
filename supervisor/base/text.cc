#include "supervisor/base/text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace warren {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kMaxMimeTypeBytes = 127;
constexpr size_t kMaxMissingModuleText = 512;
constexpr size_t kMaxModuleName = 64;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the character at the front of `text`, 0 when it is none (Unicode 15, table 3-7).
size_t CharacterLength(absl::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
  unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  return length;
}

size_t ValidPrefix(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    size_t length = CharacterLength(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

bool IsMimeCharacter(char c) { return absl::ascii_isalnum(c) || absl::StrContains("!#$&-^_.+", c); }

bool IsMimeName(absl::string_view name) {
  return !name.empty() && absl::ascii_isalnum(name.front()) &&
         std::all_of(name.begin(), name.end(), IsMimeCharacter);
}

}  // namespace

bool IsValidUtf8(absl::string_view text) { return ValidPrefix(text) == text.size(); }

std::string ToValidUtf8(absl::string_view text, size_t max_bytes) {
  std::string result;
  result.reserve(std::min(text.size(), max_bytes));
  while (!text.empty()) {
    size_t valid = ValidPrefix(text);
    size_t room = max_bytes - result.size();
    if (valid > room) {
      // Cut in front of the character that does not fit as a whole.
      while (room > 0 && IsContinuation(text[room])) --room;
      result.append(text.data(), room);
      return result;
    }
    result.append(text.data(), valid);
    text.remove_prefix(valid);
    if (text.empty()) break;
    if (max_bytes - result.size() < kReplacement.size()) return result;
    result.append(kReplacement.data(), kReplacement.size());
    text.remove_prefix(1);
  }
  return result;
}

std::string EscapeFileName(absl::string_view name) {
  std::string result;
  result.reserve(name.size());
  while (!name.empty()) {
    const absl::string_view valid = name.substr(0, ValidPrefix(name));
    for (char c : valid) result.append(c == '\\' ? 2 : 1, c);
    name.remove_prefix(valid.size());
    if (name.empty()) break;
    absl::StrAppendFormat(&result, "\\x%02x", static_cast<unsigned char>(name[0]));
    name.remove_prefix(1);
  }
  return result;
}

bool IsMimeType(absl::string_view text) {
  size_t slash = text.find('/');
  return text.size() <= kMaxMimeTypeBytes && slash != absl::string_view::npos &&
         IsMimeName(text.substr(0, slash)) && IsMimeName(text.substr(slash + 1));
}

bool IsTextMimeType(absl::string_view mime_type) {
  return absl::StartsWith(mime_type, "text/") || absl::EndsWith(mime_type, "json") ||
         absl::EndsWith(mime_type, "xml") || mime_type == "application/javascript" ||
         mime_type == "application/x-latex";
}

absl::string_view MissingModule(absl::string_view name, absl::string_view value) {
  if (name != "ModuleNotFoundError" || value.size() > kMaxMissingModuleText ||
      !absl::ConsumePrefix(&value, "No module named '") || !absl::ConsumeSuffix(&value, "'")) {
    return "";
  }
  const bool dotted_name = std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '.';
  });
  absl::string_view top = value.substr(0, value.find('.'));
  return dotted_name && top.size() <= kMaxModuleName ? top : "";
}

}  // namespace warren
