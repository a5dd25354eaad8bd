// `warren ps`, `warren metrics`, `warren kill`, `warren templates`: what a server has, and the end
// of it.
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/warren/client.h"
#include "tools/warren/commands.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/metrics.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(60);

struct ListOptions {
  std::string address;
  bool json = false;
};
struct KillOptions {
  std::string address;
  std::vector<std::string> ids;
  bool all = false;
};

std::string Safe(absl::string_view text) { return EscapeForTerminal(text, WhiteSpace::kEscape); }

// The canonical JSON of a protobuf message, on one line, with the field names of the .proto files.
int PrintJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) {
    std::cerr << "warren: the server's answer cannot be written as JSON (invalid UTF-8)\n";
    return kExitWarren;
  }
  std::cout << text << "\n";
  return 0;
}

absl::Time ToTime(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

std::string Seconds(absl::Duration span) {
  absl::Duration whole = std::max(absl::ZeroDuration(), absl::Floor(span, absl::Seconds(1)));
  return whole == absl::ZeroDuration() ? "0s" : absl::FormatDuration(whole);
}

void PrintSandboxes(const v1::ListSandboxesResponse& response, absl::Time now) {
  Table table({"SANDBOX", "TEMPLATE", "STATE", "AGE", "EXPIRES IN", "MEMORY", "LIMIT", "REASON"});
  for (const v1::Sandbox& sandbox : response.sandboxes()) {
    table.AddRow({Safe(sandbox.sandbox_id()), Safe(sandbox.template_id()),
                  absl::AsciiStrToLower(v1::Sandbox::State_Name(sandbox.state())),
                  Seconds(now - ToTime(sandbox.created_at())),
                  Seconds(ToTime(sandbox.expires_at()) - now), FormatBytes(sandbox.memory_bytes()),
                  FormatBytes(sandbox.limits().memory_bytes()), Safe(sandbox.reason())});
  }
  std::cout << table.Render();
}

void PrintPools(const v1::ListSandboxesResponse& response) {
  Table table({"POOL", "READY", "STARTING", "TARGET", "ZYGOTE", "FORKS", "HITS", "MISSES"});
  for (const v1::PoolStatus& pool : response.pools()) {
    table.AddRow({Safe(pool.template_id()), absl::StrCat(pool.ready()),
                  absl::StrCat(pool.starting()), absl::StrCat(pool.target()),
                  absl::StrCat(pool.zygote_generation()), absl::StrCat(pool.zygote_forks()),
                  absl::StrCat(pool.hits()), absl::StrCat(pool.misses())});
  }
  std::cout << table.Render();
}

int RunPs(const ListOptions& options) {
  Client client(options.address);
  v1::ListSandboxesResponse response;
  grpc::Status status = ListAllSandboxes(client.sandboxes(), kCallTimeout, &response);
  if (!status.ok()) {
    std::cerr << client.Explain("list the sandboxes", status);
    return kExitWarren;
  }
  if (options.json) return PrintJson(response);
  if (response.sandboxes().empty()) {
    std::cout << "No sandbox is in use.\n";
  } else {
    PrintSandboxes(response, absl::Now());
  }
  std::cout << "\n";
  PrintPools(response);
  return 0;
}

int RunMetrics(const std::string& address) {
  Client client(address);
  v1::ListSandboxesResponse response;
  grpc::Status status = ListAllSandboxes(client.sandboxes(), kCallTimeout, &response);
  if (!status.ok()) {
    std::cerr << client.Explain("list the sandboxes", status);
    return kExitWarren;
  }
  std::cout << RenderMetrics(response);
  return 0;
}

int RunTemplates(const ListOptions& options) {
  Client client(options.address);
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::ListTemplatesResponse response;
  grpc::Status status =
      client.templates().ListTemplates(&context, v1::ListTemplatesRequest(), &response);
  if (!status.ok()) {
    std::cerr << client.Explain("list the templates", status);
    return kExitWarren;
  }
  if (options.json) return PrintJson(response);
  Table table({"TEMPLATE", "PYTHON", "PRELOADED", "STATE", "DESCRIPTION"});
  for (const v1::TemplateInfo& info : response.templates()) {
    std::string python = info.python_version().empty() ? "-" : Safe(info.python_version());
    std::string state = info.unavailable().empty() ? "ready" : Safe(info.unavailable());
    if (info.template_id() == response.default_template_id()) state += ", the default";
    table.AddRow({Safe(info.template_id()), std::move(python),
                  absl::StrCat(info.preload_size(), " modules"), std::move(state),
                  Safe(info.description())});
  }
  std::cout << table.Render();
  return 0;
}

// Kills one sandbox and says so; false when that failed.
bool Kill(Client& client, const std::string& id) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::DestroySandboxRequest request;
  request.set_sandbox_id(id);
  v1::DestroySandboxResponse response;
  grpc::Status status = client.sandboxes().DestroySandbox(&context, request, &response);
  if (status.ok()) {
    std::cout << Safe(id) << "\n";
  } else {
    std::cerr << client.Explain(absl::StrCat("kill ", Safe(id)), status);
  }
  return status.ok();
}

int RunKill(const KillOptions& options) {
  Client client(options.address);
  std::vector<std::string> ids = options.ids;
  if (options.all) {
    v1::ListSandboxesResponse response;
    grpc::Status status = ListAllSandboxes(client.sandboxes(), kCallTimeout, &response);
    if (!status.ok()) {
      std::cerr << client.Explain("list the sandboxes", status);
      return kExitWarren;
    }
    for (const v1::Sandbox& sandbox : response.sandboxes()) ids.push_back(sandbox.sandbox_id());
  }
  bool all_killed = true;
  for (const std::string& id : ids) all_killed = Kill(client, id) && all_killed;
  return all_killed ? 0 : kExitWarren;
}

template <typename Run>
void AddListCommand(CLI::App& app, const char* name, const char* description, Run run,
                    int* exit_code) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand(name, description);
  command->add_flag("--json", options->json,
                    "Print the server's answer as one line of JSON (protobuf's JSON mapping)");
  AddAddressOption(*command, &options->address);
  command->callback([options, run, exit_code] { *exit_code = run(*options); });
}

}  // namespace

void AddAddressOption(CLI::App& command, std::string* address) {
  *address = kDefaultAddress;
  command.add_option("--address", *address, "Where warrend listens: unix:///PATH or HOST:PORT")
      ->type_name("ADDR")
      ->envname("WARREN_ADDRESS")
      ->capture_default_str();
}

void AddPsCommand(CLI::App& app, int* exit_code) {
  AddListCommand(app, "ps", "List the sandboxes in use and the warm pools", RunPs, exit_code);
}

void AddMetricsCommand(CLI::App& app, int* exit_code) {
  auto address = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "metrics", "Print what `ps` shows in Prometheus' text format, for a textfile collector");
  AddAddressOption(*command, address.get());
  command->callback([address, exit_code] { *exit_code = RunMetrics(*address); });
}

void AddTemplatesCommand(CLI::App& app, int* exit_code) {
  AddListCommand(app, "templates", "List the templates", RunTemplates, exit_code);
}

void AddKillCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<KillOptions>();
  CLI::App* command = app.add_subcommand("kill", "End sandboxes with everything in them");
  CLI::Option* ids =
      command->add_option("id", options->ids, "Sandboxes, as `warren ps` lists them");
  CLI::Option* all = command->add_flag("--all", options->all, "Every sandbox in use");
  ids->type_name("ID")->excludes(all);
  AddAddressOption(*command, &options->address);
  command->callback([options, exit_code] {
    if (options->ids.empty() && !options->all) throw CLI::RequiredError("ID... or --all");
    *exit_code = RunKill(*options);
  });
}

}  // namespace warren
