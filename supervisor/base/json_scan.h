#ifndef WARREN_SUPERVISOR_BASE_JSON_SCAN_H_
#define WARREN_SUPERVISOR_BASE_JSON_SCAN_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

// A look at JSON of a stranger's before it is parsed, in one pass that builds nothing. Pure.
//
// nlohmann-json bounds neither the depth nor the number of what it builds. Its parser has a
// callback that could, but with one it searches all of an array at the end of each object within,
// so that a megabyte of "{},{}," takes a minute.
namespace warren {

// Of what a parser builds of the text. Where the text is no JSON, it builds less.
struct JsonShape {
  // Arrays and objects within each other.
  size_t depth = 0;
  // An object's names do not count.
  size_t values = 0;
  // nlohmann-json takes it for the end of the text, whatever is behind it.
  bool has_nul = false;
  // A text in it names half of a character, as "\ud800" does: nlohmann-json takes all of it for no
  // JSON then.
  bool has_lone_surrogate = false;
};
JsonShape ScanJson(absl::string_view text);

// The same JSON with the replacement character, U+FFFD, for each lone surrogate.
std::string ReplaceLoneSurrogates(absl::string_view text);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BASE_JSON_SCAN_H_
