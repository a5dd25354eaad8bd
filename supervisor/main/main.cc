#include <cstdlib>
#include <iostream>
#include <string>

#include "google/protobuf/stubs/logging.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "supervisor/main/flags.h"
#include "supervisor/main/supervisor.h"

namespace {

// To standard error, one line an event, as the launcher's: "event=name key=value", with texts that
// others wrote quoted and escaped.
void SetUpLog(const std::string& level) {
  auto log = spdlog::stderr_logger_mt("warrend");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  log->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(log));
  // protobuf has a log of its own, which a hostile message could fill.
  google::protobuf::SetLogHandler(nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  warren::ParsedFlags parsed = warren::ParseFlags(argc, argv);
  if (parsed.finished) return parsed.exit_code;
  SetUpLog(parsed.flags.log_level);
  auto supervisor = warren::Supervisor::Prepare(parsed.flags);
  if (!supervisor.ok()) {
    std::cerr << "warrend: " << supervisor.status().message() << "\n";
    return EXIT_FAILURE;
  }
  absl::Status served = (*supervisor)->Serve();
  if (served.ok()) return EXIT_SUCCESS;
  std::cerr << "warrend: " << served.message() << "\n";
  return EXIT_FAILURE;
}
