#include "tools/warren/facts.h"

#include <iostream>

#include "absl/strings/str_cat.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/table.h"
#include "tools/warren/units.h"

namespace warren {

void PrintFacts(const Facts& facts) {
  Table table({"", ""});
  for (const auto& [name, value] : facts) table.AddRow({name, value});
  std::string text = table.Render();
  std::cout << text.substr(text.find('\n') + 1);
}

Facts LimitFacts(const v1::Limits& limits) {
  return {
      {"memory", FormatBytes(limits.memory_bytes())},
      {"cpus", absl::StrCat(limits.cpu_millis() / 1000.0)},
      {"pids", absl::StrCat(limits.pids())},
      {"disk", FormatBytes(limits.disk_bytes())},
      {"inodes", absl::StrCat(limits.disk_inodes())},
      {"open files", absl::StrCat(limits.open_files())},
      {"file size", FormatBytes(limits.file_size_bytes())},
      {"cpu seconds", limits.cpu_seconds() == 0 ? "no bound" : absl::StrCat(limits.cpu_seconds())},
      {"output", FormatBytes(limits.output_bytes())}};
}

Facts UseFacts(const v1::SandboxMetrics& use) {
  return {{"memory", absl::StrCat(FormatBytes(use.memory_bytes()), " of ",
                                  FormatBytes(use.memory_limit_bytes()), ", at most ",
                                  FormatBytes(use.peak_memory_bytes()))},
          {"cpu time", absl::StrCat(FormatSpan(ToDuration(use.cpu_user())), " user + ",
                                    FormatSpan(ToDuration(use.cpu_system())), " system, of ",
                                    use.cpu_millis() / 1000.0, " cores")},
          {"pids", absl::StrCat(use.pids(), " of ", use.pids_limit())},
          {"disk", use.has_disk_bytes()
                       ? absl::StrCat(FormatBytes(use.disk_bytes()), " of ",
                                      FormatBytes(use.disk_limit_bytes()))
                       : absl::StrCat("not known yet, of ", FormatBytes(use.disk_limit_bytes()))},
          {"output", FormatBytes(use.output_bytes())}};
}

}  // namespace warren
