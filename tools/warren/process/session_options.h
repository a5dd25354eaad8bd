#ifndef WARREN_TOOLS_WARREN_PROCESS_SESSION_OPTIONS_H_
#define WARREN_TOOLS_WARREN_PROCESS_SESSION_OPTIONS_H_

#include <memory>

#include "CLI/CLI.hpp"
#include "tools/warren/flags.h"
#include "tools/warren/process/process_session.h"

// What the commands that follow a process share.
namespace warren {

struct SessionOptions {
  ServerOptions server;
  bool raw = false;
};
// --raw, --json and --address.
void AddSessionOptions(CLI::App& command, SessionOptions* options);

std::unique_ptr<ProcessRenderer> MakeProcessRenderer(const SessionOptions& options);

// The exit code that tells how a session ended; says what went wrong. `what` is a verb and its
// object.
int ReportSession(const Client& client, const char* what, const ProcessSession::End& end);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_SESSION_OPTIONS_H_
