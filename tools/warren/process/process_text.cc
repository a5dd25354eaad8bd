#include "tools/warren/process/process_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/terminal_text.h"

namespace warren {

std::string ProcessState(const v1::Process& process) {
  if (!process.has_termination()) return "running";
  const v1::Termination& end = process.termination();
  if (end.kind() == v1::Termination::EXITED) return absl::StrCat("exit ", end.exit_code());
  return DescribeTermination(end.kind());
}

std::string CommandText(const v1::Process& process) {
  return absl::StrCat(Safe(absl::StrJoin(process.arguments(), " ")),
                      process.arguments_cut() ? " …" : "");
}

}  // namespace warren
