#ifndef WARREN_TOOLS_WARREN_CODE_RUN_H_
#define WARREN_TOOLS_WARREN_CODE_RUN_H_

#include <functional>
#include <memory>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "tools/warren/executions.h"
#include "tools/warren/renderer.h"

// What the commands that run code in a sandbox share: how its events are shown, and what becomes of
// them.
namespace warren {

// Exit codes and the events of --json, for the end of a --help.
extern const char kCodeRunFooter[];

struct CodeOutputOptions {
  bool json = false;
  bool raw = false;
  bool usage = false;
  std::string save_dir;
};
void AddCodeOutputOptions(CLI::App& command, CodeOutputOptions* options);
absl::StatusOr<std::unique_ptr<Renderer>> MakeRenderer(const CodeOutputOptions& options);

struct CodeRunEnd {
  int exit_code = 0;
  // The next cell may run.
  bool goes_on = false;
};
enum class Attachment {
  kFollow,
  // Leaves when the run has started, after its id was printed.
  kDetach,
};
// Shows what `run` tells, a call of tools/warren/executions.h, and says what went wrong. `number`
// is the cell's.
CodeRunEnd ShowRun(const Client& client, const Interrupts& interrupts, Renderer& renderer,
                   int number, Attachment attachment,
                   const std::function<grpc::Status(const EventHandler&)>& run);

// Exit code of a run that the server gave no result for, and why, on standard error.
int ExplainBrokenRun(const Client& client, const Interrupts& interrupts, const absl::Status& output,
                     const grpc::Status& status);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_CODE_RUN_H_
