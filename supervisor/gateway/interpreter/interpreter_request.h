#ifndef WARREN_SUPERVISOR_GATEWAY_INTERPRETER_INTERPRETER_REQUEST_H_
#define WARREN_SUPERVISOR_GATEWAY_INTERPRETER_INTERPRETER_REQUEST_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// What a client of the code interpreter sends: each of its requests has some of these fields.
// Empty, of all but the code: not said, or null.
struct InterpreterRequest {
  // UTF-8.
  std::string code;
  std::string context_id;
  // As LanguageName makes it.
  std::string language;
  std::string cwd;
  std::map<std::string, std::string> env_vars;
};

// Code of a mebibyte, each byte of it escaped as "\u000a".
inline constexpr size_t kMaxInterpreterBody = 8 << 20;
// Variables of one request: more than a sandbox takes.
inline constexpr size_t kMaxEnvVars = 4096;

// Of a JSON object; an empty body is an empty one. INVALID_ARGUMENT, which names the field, for
// anything else. It takes no memory beside the fields, whatever the body is made of.
absl::StatusOr<InterpreterRequest> ParseInterpreterRequest(absl::string_view body);

// A language as templates name it: of "JS " "javascript". Not looked up; "" stays "".
std::string LanguageName(absl::string_view said);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_INTERPRETER_INTERPRETER_REQUEST_H_
