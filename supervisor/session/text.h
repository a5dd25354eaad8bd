#ifndef WARREN_SUPERVISOR_SESSION_TEXT_H_
#define WARREN_SUPERVISOR_SESSION_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

// Text that comes from a sandbox or a client and goes into a protobuf `string`, which must be
// UTF-8.
namespace warren {

bool IsValidUtf8(absl::string_view text);

// At most `max_bytes` of `text` with everything that is not UTF-8 (overlong forms, surrogates and
// code points above U+10FFFF included) replaced by U+FFFD; never ends inside a character.
std::string ToValidUtf8(absl::string_view text, size_t max_bytes);

// True for "type/subtype" of the characters that RFC 6838 allows, at most 127 bytes.
bool IsMimeType(absl::string_view text);

// True for MIME types whose data is text: text/*, JSON, JavaScript, SVG, XML and LaTeX.
bool IsTextMimeType(absl::string_view mime_type);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_TEXT_H_
