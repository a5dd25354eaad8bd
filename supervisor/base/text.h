#ifndef WARREN_SUPERVISOR_BASE_TEXT_H_
#define WARREN_SUPERVISOR_BASE_TEXT_H_

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

// A file name or path, which is bytes, as UTF-8 that loses nothing: every byte that is not UTF-8 as
// \xNN, and a backslash as two.
std::string EscapeFileName(absl::string_view name);

// True for "type/subtype" of the characters that RFC 6838 allows, at most 127 bytes.
bool IsMimeType(absl::string_view text);

// True for MIME types whose data is text: text/*, JSON, JavaScript, SVG, XML and LaTeX.
bool IsTextMimeType(absl::string_view mime_type);

// The top-level module that an exception says there is not: "pandas" of ModuleNotFoundError and
// "No module named 'pandas.io'". Empty unless it is exactly that text, of at most 512 bytes, and
// the name is 1 to 64 of [A-Za-z0-9_]. A view into `value`.
absl::string_view MissingModule(absl::string_view name, absl::string_view value);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BASE_TEXT_H_
