#ifndef WARREN_TOOLS_WARREN_PROCESS_PROCESS_TEXT_H_
#define WARREN_TOOLS_WARREN_PROCESS_PROCESS_TEXT_H_

#include <string>

#include "warren/v1/process.pb.h"

// Processes of a sandbox, for people. Pure functions.
namespace warren {

// "running", "exit 3", "timed out"
std::string ProcessState(const v1::Process& process);

// Its arguments in one line, escaped; "…" where there are more than the server told.
std::string CommandText(const v1::Process& process);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_PROCESS_TEXT_H_
