#ifndef WARREN_SUPERVISOR_E2B_INTERPRETER_CELL_LINE_H_
#define WARREN_SUPERVISOR_E2B_INTERPRETER_CELL_LINE_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "warren/v1/execution.pb.h"

// What the code interpreter of E2B says of a cell: a JSON object a line. A stranger's word. Pure.
namespace warren {

struct CellOutput {
  v1::ExecutionEvent::Output::Stream stream;
  std::string text;
};
struct CellCount {
  int32_t count = 0;
};
struct CellEnd {};
// A keepalive, or what is not known.
struct CellNothing {};
using CellLine = std::variant<CellNothing, CellOutput, v1::ExecutionEvent, CellCount, CellEnd>;

// INTERNAL: the line is no object of JSON, or a display of it larger than one may be. `style` says
// which of E2B's additions (chart, data, json) the client has asked for.
absl::StatusOr<CellLine> ReadCellLine(absl::string_view line, v1::DisplayStyle style);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_INTERPRETER_CELL_LINE_H_
