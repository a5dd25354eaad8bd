#ifndef WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CELL_LINES_H_
#define WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CELL_LINES_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "supervisor/gateway/interpreter/line_text.h"
#include "warren/v1/execution.pb.h"

namespace warren {

inline constexpr char kKeepaliveLine[] = "{\"type\":\"keepalive\"}\n";

// The lines of E2B's code interpreter that say what one cell does. Each is a JSON object in ASCII
// with a newline behind it.
//
// Thread-compatible; without a sandbox.
class CellLines {
 public:
  // Those of an event, behind what is in `to`; what E2B has no word for adds none. Of Finished it
  // is the last of all.
  void Add(v1::ExecutionEvent event, std::string& to);
  // Of an execution that ends without Finished.
  void AddFailure(absl::string_view why, std::string& to);

 private:
  void AddOutput(v1::ExecutionEvent::Output::Stream stream, std::string text, int64_t time,
                 std::string& to);
  void AddDisplay(v1::ExecutionEvent::Display& display, std::string& to);
  void AddFinished(const v1::ExecutionEvent::Finished& finished, int64_t time, std::string& to);
  // What of the output ends within a character.
  void AddRest(int64_t time, std::string& to);

  Utf8Joiner stdout_;
  Utf8Joiner stderr_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_INTERPRETER_CELL_LINES_H_
