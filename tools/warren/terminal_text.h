#ifndef WARREN_TOOLS_WARREN_TERMINAL_TEXT_H_
#define WARREN_TOOLS_WARREN_TERMINAL_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

// Text that a sandbox made, on its way to a terminal or into JSON. A terminal obeys escape
// sequences (titles, clipboard, answers typed into the shell), so none of them may get there.
namespace warren {

// Which white space stays as it is; everything else that a terminal would obey is escaped in either
// case.
enum class WhiteSpace {
  // \n, \r and \t stay.
  kKeep,
  // They are escaped too: for text that must stay on one line.
  kEscape,
};

// Replaces control characters (C0, DEL, C1), marks that change the direction of writing and invalid
// UTF-8 by visible escapes: \x1b, \u202e, \xff.
std::string EscapeForTerminal(absl::string_view text, WhiteSpace white_space);

// The same for a name, an id, a message: something that stays on its line.
std::string Safe(absl::string_view text);

// Whether it is UTF-8 from its first to its last byte.
bool IsUtf8(absl::string_view text);

// Cuts a byte stream where no UTF-8 sequence is split.
// Owner: one stream. Thread-compatible. Lifecycle: Take* → Flush.
class Utf8Splitter {
 public:
  // What can be decoded now: everything so far but an incomplete sequence at the end.
  std::string Take(absl::string_view bytes);
  // The incomplete sequence that the stream ended with, if any.
  std::string Flush();

 private:
  std::string rest_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_TERMINAL_TEXT_H_
