#ifndef WARREN_SUPERVISOR_GATEWAY_INTERPRETER_LINE_TEXT_H_
#define WARREN_SUPERVISOR_GATEWAY_INTERPRETER_LINE_TEXT_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

// JSON text for lines that a client cuts at newlines, and decodes piece by piece as it comes: one
// line, in ASCII. Pure.
namespace warren {

// A string; what is no UTF-8 of it is replaced.
std::string JsonString(std::string text);

// JSON as a sandbox wrote it, as one line in ASCII and otherwise as it is; nothing where it is no
// JSON. It takes no memory beside its text, whatever that is made of.
std::optional<std::string> JsonLine(absl::string_view json);

// Puts together what comes in pieces that may end within a character.
class Utf8Joiner {
 public:
  // Up to the last character that is whole.
  std::string Add(std::string piece);
  // What is left over.
  std::string Finish() { return std::exchange(held_, {}); }

 private:
  std::string held_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_INTERPRETER_LINE_TEXT_H_
