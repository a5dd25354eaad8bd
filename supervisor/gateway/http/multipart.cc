#include "supervisor/gateway/http/multipart.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace warren {
namespace {

constexpr size_t kMaxBoundary = 70;
// Text before the first boundary, which nobody needs.
constexpr size_t kMaxPreamble = 4096;

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the multipart body ", why));
}

// The value of a parameter of a header: `; name="value"` or `; name=value`.
std::optional<std::string> ParameterOf(absl::string_view header, absl::string_view wanted) {
  size_t at = header.find(';');
  while (at < header.size()) {
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(header.substr(at + 1));
    const size_t equals = rest.find('=');
    if (equals == absl::string_view::npos) return std::nullopt;
    const absl::string_view name = absl::StripAsciiWhitespace(rest.substr(0, equals));
    rest = rest.substr(equals + 1);
    absl::string_view value;
    if (absl::StartsWith(rest, "\"")) {
      const size_t end = rest.find('"', 1);
      if (end == absl::string_view::npos) return std::nullopt;
      value = rest.substr(1, end - 1);
      rest = rest.substr(end + 1);
    } else {
      value = absl::StripAsciiWhitespace(rest.substr(0, rest.find(';')));
    }
    if (absl::EqualsIgnoreCase(name, wanted)) return std::string(value);
    const size_t next = rest.find(';');
    if (next == absl::string_view::npos) return std::nullopt;
    at = static_cast<size_t>(rest.data() - header.data()) + next;
  }
  return std::nullopt;
}

// What browsers, undici and urllib3 write for what cannot stand between quotes.
std::string Unquoted(absl::string_view value) {
  return absl::StrReplaceAll(value, {{"%22", "\""}, {"%0D", "\r"}, {"%0A", "\n"}});
}

// The value of a header within a part's block of headers; empty where it has none.
absl::string_view HeaderOf(absl::string_view block, absl::string_view wanted) {
  while (!block.empty()) {
    const size_t end = block.find("\r\n");
    const absl::string_view line = block.substr(0, end);
    const size_t colon = line.find(':');
    if (colon != absl::string_view::npos && absl::EqualsIgnoreCase(line.substr(0, colon), wanted))
      return absl::StripAsciiWhitespace(line.substr(colon + 1));
    block = end == absl::string_view::npos ? absl::string_view() : block.substr(end + 2);
  }
  return "";
}

}  // namespace

Multipart::Multipart(absl::string_view boundary) : delimiter_(absl::StrCat("\r\n--", boundary)) {}

absl::StatusOr<Multipart> Multipart::Make(absl::string_view content_type) {
  if (!absl::StartsWithIgnoreCase(content_type, "multipart/form-data"))
    return absl::InvalidArgumentError("the body is not multipart/form-data");
  const auto boundary = ParameterOf(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary)
    return absl::InvalidArgumentError("the Content-Type has no boundary of 1 to 70 characters");
  return Multipart(*boundary);
}

absl::StatusOr<Multipart::Event> Multipart::Next() {
  for (;;) {
    switch (state_) {
      case State::kPreamble: {
        const size_t found = input_.find(delimiter_);
        if (found == std::string::npos) {
          if (input_.size() > kMaxPreamble + delimiter_.size())
            return Malformed("does not begin with its boundary");
          return Event::kMore;
        }
        input_.erase(0, found + delimiter_.size());
        state_ = State::kDelimiter;
        break;
      }
      case State::kDelimiter: {
        auto event = ReadDelimiter();
        if (!event.ok() || *event != Event::kPart) return event;
        break;
      }
      case State::kHeaders:
        return ReadHeaders();
      case State::kBody:
        return ReadBody();
      case State::kEnd:
        // What stands behind the end is nobody's.
        input_.clear();
        return Event::kEnd;
    }
  }
}

// Behind a boundary: "--" is the end, a line break the next part.
absl::StatusOr<Multipart::Event> Multipart::ReadDelimiter() {
  if (input_.size() < 2) return Event::kMore;
  if (absl::StartsWith(input_, "--")) {
    state_ = State::kEnd;
    return Event::kPart;
  }
  if (!absl::StartsWith(input_, "\r\n"))
    return Malformed("has a boundary with something behind it");
  if (++parts_ > kMaxParts) return Malformed(absl::StrCat("has more than ", kMaxParts, " parts"));
  // The line break stays: a part without a header has it before its empty line.
  state_ = State::kHeaders;
  return Event::kPart;
}

absl::StatusOr<Multipart::Event> Multipart::ReadHeaders() {
  const size_t end = input_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (input_.size() > kMaxPartHeaders) return Malformed("has a part with too long headers");
    return Event::kMore;
  }
  if (end > kMaxPartHeaders) return Malformed("has a part with too long headers");
  const std::string block = input_.substr(0, end);
  input_.erase(0, end + 4);
  const absl::string_view disposition = HeaderOf(block, "Content-Disposition");
  if (!absl::StartsWithIgnoreCase(disposition, "form-data"))
    return Malformed("has a part that is no form-data");
  part_.name = Unquoted(ParameterOf(disposition, "name").value_or(""));
  part_.filename = ParameterOf(disposition, "filename");
  if (part_.filename) part_.filename = Unquoted(*part_.filename);
  state_ = State::kBody;
  return Event::kPart;
}

Multipart::Event Multipart::ReadBody() {
  const size_t found = input_.find(delimiter_);
  if (found == 0) {
    input_.erase(0, delimiter_.size());
    state_ = State::kDelimiter;
    return Event::kPartEnd;
  }
  // A boundary may have begun.
  const size_t kept = std::min(input_.size(), delimiter_.size() - 1);
  const size_t size = found != std::string::npos ? found : input_.size() - kept;
  if (size == 0) return Event::kMore;
  if (found == std::string::npos) {
    // Most of a large file: not copied.
    data_ = std::exchange(input_, input_.substr(size));
    data_.resize(size);
  } else {
    data_.assign(input_, 0, size);
    input_.erase(0, size);
  }
  return Event::kData;
}

}  // namespace warren
