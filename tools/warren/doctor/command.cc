#include "tools/warren/doctor/command.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/linux/host_facts.h"
#include "runtime/linux/pace.h"
#include "tools/warren/attack/command.h"
#include "tools/warren/client.h"
#include "tools/warren/doctor/backend_results.h"
#include "tools/warren/doctor/report.h"

namespace warren {
namespace {

struct DoctorOptions {
  // Empty where none was named.
  std::string template_store;
  bool json = false;
  bool attack = false;
  bool pace = false;
  ServerAddress server;
  attack::AttackOptions attacks;
};

std::string CheckStore(const std::string& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return "";
  return absl::StrCat("there is no directory ", directory,
                      "; name the one that warrend has, or build a template into this one "
                      "(rootfs/build --store ",
                      directory, " data-science)");
}

// Of the server that runs; none where none does, or this is no word of its operator's.
std::vector<doctor::Result> AskBackends(const ServerAddress& address) {
  Client client(address);
  v1::ListBackendsRequest request;
  request.set_probe(true);
  v1::ListBackendsResponse response;
  const grpc::Status status =
      CallUnary(client.backends(), &v1::BackendService::Stub::ListBackends, request, &response);
  if (!status.ok()) return {};
  return doctor::BackendResults(response);
}

int RunDoctor(const DoctorOptions& options) {
  if (options.pace) {
    const PaceSample pace = MeasurePace();
    std::cout << (options.json ? doctor::PaceJson(pace) : DescribePace(pace) + "\n");
    return 0;
  }
  if (options.attack) {
    attack::AttackOptions attacks = options.attacks;
    attacks.template_store = options.template_store;
    attacks.json = options.json;
    return attack::RunAttacks(attacks);
  }
  doctor::Host host;
  if (!options.template_store.empty()) host.template_store = options.template_store;
  host.facts = DetectHostFacts();
  std::vector<doctor::Result> results = doctor::Examine(doctor::AllProbes(), host);
  // Behind the probes, which need a process with one thread.
  for (doctor::Result& each : AskBackends(options.server)) results.push_back(std::move(each));
  std::cout << (options.json ? doctor::ReportJson(results) : doctor::ReportText(results));
  return doctor::CanRun(results) ? 0 : 1;
}

}  // namespace

void AddDoctorCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand(
      "doctor", "Check what this host offers to Warren and what it lacks, with the remedies");
  command->add_flag("--json", options->json, "Print one line of JSON");
  command
      ->add_option("--templates", options->template_store,
                   absl::StrCat("The template store, as warrend has it (default: ",
                                doctor::Host().template_store, ")"))
      ->envname("WARREN_TEMPLATES")
      ->check(CLI::Validator(CheckStore, ""))
      ->type_name("DIR");
  command->add_flag("--pace", options->pace,
                    "Only measure how slow this host is: the factor by which Warren's bounds grow");
  if (const char* address = std::getenv("WARREN_ADDRESS")) options->server.target = address;
  if (const char* key = std::getenv("WARREN_API_KEY")) options->server.api_key = key;
  CLI::Option* attack = command->add_flag("--attack", options->attack,
                                          "Attack sandboxes from inside and say which claims held");
  command
      ->add_option("--template", options->attacks.template_id,
                   "Template of the attacked sandboxes, whatever the server's default is")
      ->type_name("NAME")
      ->capture_default_str()
      ->needs(attack);
  command
      ->add_option("--as", options->attacks.as,
                   "Who attacks: user, or root of its sandbox, which the template must grant;\n"
                   "with --address, what that server's --profile says")
      ->type_name("PROFILE")
      ->check(CLI::IsMember({"user", "root"}))
      ->capture_default_str()
      ->needs(attack);
  command
      ->add_option("--address", options->attacks.address,
                   "A running warrend on this host; without it, one is started for the attacks")
      ->type_name("ADDR")
      ->needs(attack);
  command->add_option("--only", options->attacks.only, "Only probes with this in GROUP/NAME")
      ->type_name("TEXT")
      ->needs(attack);
  command
      ->add_option("--layers", options->attacks.layers,
                   "Only probes of claims that exactly these layers enforce")
      ->type_name("LAYER,...")
      ->needs(attack);
  command
      ->add_option("--jobs", options->attacks.jobs,
                   "Probes at once; 1 when the breach of one could disturb another")
      ->check(CLI::Range(1, 32))
      ->capture_default_str()
      ->needs(attack);
  command->add_option("--suite", options->attacks.suite, "Directory of the probes")
      ->type_name("DIR")
      ->needs(attack);
  command
      ->add_option("--allow-missing", options->attacks.allow_missing,
                   "Fail on a claim \"not on this host\" that this file does not list, in lines\n"
                   "GROUP/NAME: part of the reason")
      ->type_name("FILE")
      ->needs(attack);
  command->footer(
      "Needs no server; where one runs (WARREN_ADDRESS, or the default address), each of its "
      "backends\nis asked whether it answers. Run it as the user that starts warrend. Exit code: 0 "
      "when Warren can run\n"
      "here, 1 when something that it needs is missing. With --attack: 0 when every claim held "
      "that "
      "can\n"
      "be asked on this host (the others are counted as \"not on this host\"), 1 when one was "
      "broken "
      "or\n"
      "could not be found out, 125 when the suite could not run.");
  command->callback([options, exit_code] { *exit_code = RunDoctor(*options); });
}

}  // namespace warren
