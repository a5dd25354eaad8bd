#include "supervisor/base/json_scan.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"

namespace warren {
namespace {

constexpr size_t kEscapeSize = 6;  // \uXXXX
constexpr char kReplacementEscape[] = "\\ufffd";

// The code unit that an escape at the front of the text names; 0 where there is none.
uint32_t EscapedUnit(absl::string_view text) {
  if (text.size() < kEscapeSize || !absl::StartsWith(text, "\\u")) return 0;
  uint32_t unit = 0;
  for (const char c : text.substr(2, kEscapeSize - 2)) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return 0;
    const auto digit = static_cast<uint32_t>(absl::ascii_isdigit(static_cast<unsigned char>(c))
                                                 ? c - '0'
                                                 : absl::ascii_tolower(c) - 'a' + 10);
    unit = unit << 4 | digit;
  }
  return unit;
}

bool IsHighSurrogate(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Behind the string whose first byte is text[at], at most at the text's end. `on_lone` gets where
// the escape of each lone surrogate is.
template <typename OnLone>
size_t SkipString(absl::string_view text, size_t at, const OnLone& on_lone) {
  while (at < text.size() && text[at] != '"') {
    if (text[at] != '\\') {
      ++at;
      continue;
    }
    const uint32_t unit = EscapedUnit(text.substr(at));
    if (IsHighSurrogate(unit) && IsLowSurrogate(EscapedUnit(text.substr(at + kEscapeSize)))) {
      at += 2 * kEscapeSize;
    } else {
      if (IsHighSurrogate(unit) || IsLowSurrogate(unit)) on_lone(at);
      at += 2;
    }
  }
  return std::min(at + 1, text.size());
}

}  // namespace

JsonShape ScanJson(absl::string_view text) {
  JsonShape shape;
  shape.has_nul = absl::StrContains(text, '\0');
  // What has something within has one more than it has commas.
  shape.values = 1;
  size_t depth = 0;
  bool is_empty = false;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    const bool was_empty = std::exchange(is_empty, c == '[' || c == '{');
    switch (c) {
      case '"':
        at = SkipString(text, at, [&shape](size_t) { shape.has_lone_surrogate = true; });
        break;
      case '[':
      case '{':
        shape.depth = std::max(shape.depth, ++depth);
        ++shape.values;
        break;
      case ']':
      case '}':
        if (depth > 0) --depth;
        if (was_empty) --shape.values;
        break;
      case ',':
        ++shape.values;
        break;
      default:
        break;
    }
  }
  return shape;
}

std::string ReplaceLoneSurrogates(absl::string_view text) {
  std::string replaced(text);
  for (size_t at = 0; at < text.size();) {
    if (text[at++] != '"') continue;
    at = SkipString(text, at, [&replaced](size_t lone) {
      replaced.replace(lone, kEscapeSize, kReplacementEscape);
    });
  }
  return replaced;
}

}  // namespace warren
