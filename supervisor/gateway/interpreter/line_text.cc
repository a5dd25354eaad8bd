#include "supervisor/gateway/interpreter/line_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "supervisor/gateway/base/answers.h"

namespace warren {
namespace {

// Of the character that begins with this byte; 1 for what begins none.
size_t CharacterBytes(unsigned char lead) {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 1;
}

// How much at the end of it is the beginning of a character.
size_t UnfinishedBytes(absl::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xc0) != 0x80) return CharacterBytes(byte) > back ? back : 0;
  }
  return 0;
}

// The character at the beginning of valid UTF-8 that is no ASCII, as JSON escapes it.
void AppendEscaped(absl::string_view text, std::string& to) {
  const size_t size = CharacterBytes(static_cast<unsigned char>(text[0]));
  uint32_t code = static_cast<unsigned char>(text[0]) & (0xff >> (size + 1));
  for (size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3f);
  if (code <= 0xffff) {
    absl::StrAppendFormat(&to, "\\u%04x", code);
  } else {
    code -= 0x10000;
    absl::StrAppendFormat(&to, "\\u%04x\\u%04x", 0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff));
  }
}

}  // namespace

std::string JsonString(std::string text) {
  return ToText(nlohmann::json(std::move(text)), Escape::kNonAscii);
}

std::optional<std::string> JsonLine(absl::string_view json) {
  // nlohmann-json takes it for the end of the text, whatever is behind it.
  if (json.find('\0') != absl::string_view::npos) return std::nullopt;
  // So its strings are UTF-8, and beyond ASCII there is nothing outside of them.
  if (!nlohmann::json::accept(json.begin(), json.end())) return std::nullopt;
  // A mark of UTF-8's at the beginning is passed over there.
  constexpr absl::string_view kMark = "\xef\xbb\xbf";
  if (json.substr(0, kMark.size()) == kMark) json.remove_prefix(kMark.size());
  std::string line;
  line.reserve(json.size());
  while (!json.empty()) {
    const auto byte = static_cast<unsigned char>(json[0]);
    if (byte < 0x80) {
      // A control character can only be blank space.
      line.push_back(byte < ' ' ? ' ' : json[0]);
      json.remove_prefix(1);
    } else {
      AppendEscaped(json, line);
      json.remove_prefix(CharacterBytes(byte));
    }
  }
  return line;
}

std::string Utf8Joiner::Add(std::string piece) {
  std::string text = std::exchange(held_, {});
  if (text.empty()) {
    text = std::move(piece);
  } else {
    text += piece;
  }
  const size_t unfinished = UnfinishedBytes(text);
  held_ = text.substr(text.size() - unfinished);
  text.resize(text.size() - unfinished);
  return text;
}

}  // namespace warren
