#include "tools/warren/doctor/command.h"

#include <iostream>
#include <memory>
#include <string>

#include "runtime/linux/host_facts.h"
#include "tools/warren/doctor/report.h"

namespace warren {
namespace {

struct DoctorOptions {
  std::string template_store;
  bool json = false;
};

int RunDoctor(const DoctorOptions& options) {
  doctor::Host host;
  host.template_store = options.template_store;
  host.facts = DetectHostFacts();
  std::vector<doctor::Result> results = doctor::Examine(doctor::AllProbes(), host);
  std::cout << (options.json ? doctor::ReportJson(results) : doctor::ReportText(results));
  return doctor::CanRun(results) ? 0 : 1;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  options->template_store = doctor::Host().template_store;
  CLI::App* command = app.add_subcommand(
      "doctor", "Check what this host offers to Warren and what it lacks, with the remedies");
  command->add_flag("--json", options->json, "Print one line of JSON");
  command->add_option("--templates", options->template_store, "The template store")
      ->type_name("DIR")
      ->capture_default_str();
  command->footer(
      "Needs no server; run it as the user that starts warrend. Exit code: 0 when Warren can run\n"
      "here, 1 when something that it needs is missing.");
  command->callback([options, exit_code] { *exit_code = RunDoctor(*options); });
}

}  // namespace warren
