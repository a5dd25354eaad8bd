#include "tools/warren/terminal_text.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_format.h"

namespace warren {
namespace {

enum class Validity { kValid, kInvalid, kIncomplete };

struct Decoded {
  Validity validity = Validity::kInvalid;
  uint32_t code_point = 0;
  size_t length = 1;
};

// Length that a leading byte announces, with its payload bits; 0 for a byte that cannot lead.
size_t SequenceLength(uint8_t lead, uint32_t* bits) {
  if (lead < 0x80) return *bits = lead, 1;
  if (lead >= 0xc2 && lead <= 0xdf) return *bits = lead & 0x1fU, 2;
  if (lead >= 0xe0 && lead <= 0xef) return *bits = lead & 0x0fU, 3;
  if (lead >= 0xf0 && lead <= 0xf4) return *bits = lead & 0x07U, 4;
  return 0;
}

// First code point of non-empty `text`.
Decoded DecodeFirst(absl::string_view text) {
  static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  Decoded result;
  uint32_t value = 0;
  size_t length = SequenceLength(static_cast<uint8_t>(text[0]), &value);
  if (length == 0) return result;
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) {
      result.validity = Validity::kIncomplete;
      return result;
    }
    auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0U) != 0x80) return result;
    value = (value << 6U) | (byte & 0x3fU);
  }
  bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[length] || value > 0x10ffff || surrogate) return result;
  return {Validity::kValid, value, length};
}

bool ChangesDirection(uint32_t c) {
  return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069);
}

bool IsControl(uint32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

}  // namespace

std::string EscapeForTerminal(absl::string_view text, WhiteSpace white_space) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    Decoded next = DecodeFirst(text);
    uint32_t c = next.code_point;
    bool valid = next.validity == Validity::kValid;
    bool kept = white_space == WhiteSpace::kKeep && (c == '\n' || c == '\r' || c == '\t');
    if (!valid) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<uint8_t>(text[0]));
    } else if (kept || (!IsControl(c) && !ChangesDirection(c))) {
      out.append(text.data(), next.length);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out.append(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
    } else if (c < 0x80) {
      absl::StrAppendFormat(&out, "\\x%02x", c);
    } else {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    }
    text.remove_prefix(next.length);
  }
  return out;
}

std::string Safe(absl::string_view text) { return EscapeForTerminal(text, WhiteSpace::kEscape); }

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    Decoded next = DecodeFirst(text);
    if (next.validity != Validity::kValid) return false;
    text.remove_prefix(next.length);
  }
  return true;
}

std::string Utf8Splitter::Take(absl::string_view bytes) {
  rest_.append(bytes.data(), bytes.size());
  // A sequence has at most four bytes, so only the last three can begin an incomplete one.
  size_t cut = rest_.size();
  for (size_t back = 1; back <= 3 && back <= rest_.size(); ++back) {
    size_t start = rest_.size() - back;
    bool continuation = (static_cast<uint8_t>(rest_[start]) & 0xc0U) == 0x80;
    if (continuation) continue;
    absl::string_view tail = absl::string_view(rest_).substr(start);
    if (DecodeFirst(tail).validity == Validity::kIncomplete) cut = start;
    break;
  }
  std::string ready = rest_.substr(0, cut);
  rest_.erase(0, cut);
  return ready;
}

std::string Utf8Splitter::Flush() { return std::exchange(rest_, {}); }

}  // namespace warren
