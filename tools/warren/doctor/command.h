#ifndef WARREN_TOOLS_WARREN_DOCTOR_COMMAND_H_
#define WARREN_TOOLS_WARREN_DOCTOR_COMMAND_H_

#include "CLI/CLI.hpp"

namespace warren {

// `warren doctor`, as in tools/warren/commands.h.
void AddDoctorCommand(CLI::App& app, int* exit_code);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_DOCTOR_COMMAND_H_
