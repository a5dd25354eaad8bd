// `warren install` and `warren packages`: what a sandbox can import beside its template's own, and
// the server's store of it.
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "supervisor/base/proto_time.h"
#include "tools/warren/client.h"
#include "tools/warren/commands.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/flags.h"
#include "tools/warren/install_progress.h"
#include "tools/warren/interrupts.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/output.h"
#include "tools/warren/package_text.h"
#include "tools/warren/report.h"
#include "tools/warren/terminal_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

using PackageStub = v1::PackageService::Stub;
using InstallStream = std::unique_ptr<grpc::ClientReader<v1::InstallPackageEvent>>;

constexpr char kInstallFooter[] =
    R"(A REQUIREMENT is a name with extras, versions and a marker, as pip takes them; a file has one on each line, without options.
Contexts that live can import what was installed at once, scripts and commands too. It stays where it is until the sandbox ends.

Examples:
  warren install ID requests 'httpx[http2]>=0.27'
  warren install ID -r requirements.txt -c constraints.txt)";
constexpr char kPrefetchFooter[] =
    R"(A sandbox that is made from the same template later gets the same requirements without resolving or fetching anything.

Example:
  warren packages prefetch --template data-science -r requirements.txt)";
constexpr char kPackagesFooter[] =
    R"(What several sandboxes have installed is there once. A set is what one of them has mounted: it stays as long as one has.)";
constexpr char kVerifyFooter[] =
    R"(The exit code is 1 where something was removed: it is fetched anew when somebody asks for it.)";

struct RequirementOptions {
  ServerOptions server;
  std::vector<std::string> requirements;
  std::vector<std::string> files;
  std::string constraints;
  bool refresh = false;
};
template <typename Request>
struct InstallOptions : RequirementOptions {
  Request request;
};
template <typename Request>
struct StoreOptions {
  ServerOptions server;
  Request request;
};

absl::StatusOr<v1::PackageRequirements> CollectRequirements(const RequirementOptions& options) {
  v1::PackageRequirements what;
  what.mutable_requirements()->Add(options.requirements.begin(), options.requirements.end());
  absl::StatusOr<std::string> text = ReadRequirementsFiles(options.files);
  if (!text.ok()) return text.status();
  what.set_requirements_file(*std::move(text));
  if (!options.constraints.empty()) {
    text = ReadRequirementsFiles({options.constraints});
    if (!text.ok()) return text.status();
    what.set_constraints_file(*std::move(text));
  }
  what.set_refresh(options.refresh);
  return what;
}

// What the server says of packages says what to do, too: of an index that does not answer, of a
// conflict, of a store that is full.
int FailPackageCall(const Client& client, const grpc::ClientContext& context,
                    absl::string_view what, const grpc::Status& status) {
  const bool own_words = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                         status.error_code() == grpc::StatusCode::FAILED_PRECONDITION ||
                         status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  if (!own_words || !IsOfServer(context)) return FailCall(client, what, status);
  return Fail(absl::StrCat(what, ": ", Safe(status.error_message())));
}

// One whose answer takes as long as the store is large.
template <typename Request, typename Response>
grpc::Status CallStore(Client& client, grpc::ClientContext& context,
                       grpc::Status (PackageStub::*method)(grpc::ClientContext*, const Request&,
                                                           Response*),
                       const Request& request, Response* response) {
  return (client.packages().*method)(&context, request, response);
}

void WarnOfConflicts(const v1::InstallPackageEvent::Done& done) {
  for (const std::string& path : done.conflicts()) {
    Say(absl::StrCat("warning: several packages have ", Safe(path),
                     " with different content; one of them is there"));
  }
}

// Prints an installation's events, and returns the exit code.
int Follow(const Client& client, Interrupts& interrupts, grpc::ClientContext& context,
           InstallStream stream, const ServerOptions& options, absl::string_view what) {
  InstallProgress progress(options.json ? InstallProgress::Form::kHidden
                                        : InstallProgress::FormOfStderr());
  Output output = Output::ForFd(STDOUT_FILENO);
  absl::Status written;
  v1::InstallPackageEvent event;
  while (written.ok() && stream->Read(&event)) {
    if (options.json) {
      written = output.Write(JsonLine(InstallEventObject(event)));
    } else if (event.has_progress()) {
      progress.Show(event.progress());
    } else if (event.has_done()) {
      progress.Clear();
      WarnOfConflicts(event.done());
      written = output.Write(FormatInstalled(event.done()));
    }
  }
  progress.Clear();
  if (!written.ok()) context.TryCancel();
  grpc::Status status = stream->Finish();
  if (status.ok() && written.ok()) return 0;
  if (interrupts.signal() != 0) return 128 + interrupts.signal();
  // Who reads no more knows that.
  if (!written.ok()) return kExitBrokenPipe;
  return FailPackageCall(client, context, what, status);
}

// `start(client, context, request)` begins the stream.
template <typename Request, typename Start>
int RunInstallation(const InstallOptions<Request>& options, Start start, const char* what) {
  absl::StatusOr<v1::PackageRequirements> wanted = CollectRequirements(options);
  if (!wanted.ok()) return Fail(wanted.status().message());
  Request request = options.request;
  *request.mutable_what() = *std::move(wanted);
  // Before the client: gRPC's threads are to inherit the blocked signals.
  Interrupts interrupts;
  Client client(options.server.address);
  grpc::ClientContext context;
  Interrupts::Scope scope(interrupts, context);
  return Follow(client, interrupts, context, start(client, context, request), options.server, what);
}

int RunInstall(const InstallOptions<v1::InstallPackageRequest>& options) {
  return RunInstallation(
      options,
      [](Client& client, grpc::ClientContext& context, const v1::InstallPackageRequest& request) {
        return client.packages().InstallPackage(&context, request);
      },
      "install packages");
}

int RunPrefetch(const InstallOptions<v1::PrefetchPackagesRequest>& options) {
  return RunInstallation(
      options,
      [](Client& client, grpc::ClientContext& context, const v1::PrefetchPackagesRequest& request) {
        return client.packages().PrefetchPackages(&context, request);
      },
      "prefetch packages");
}

int RunList(const ServerOptions& options) {
  Client client(options.address);
  v1::ListStoredPackagesResponse store;
  grpc::Status status = CallUnary(client.packages(), &PackageStub::ListStoredPackages,
                                  v1::ListStoredPackagesRequest(), &store);
  if (!status.ok()) return FailCall(client, "list the packages", status);
  if (options.json) return PrintJson(store);
  std::cout << FormatStore(store, absl::Now());
  return 0;
}

int RunPrune(const StoreOptions<v1::PruneStoredPackagesRequest>& options) {
  Client client(options.server.address);
  grpc::ClientContext context;
  v1::PruneStoredPackagesResponse pruned;
  grpc::Status status =
      CallStore(client, context, &PackageStub::PruneStoredPackages, options.request, &pruned);
  if (!status.ok()) return FailPackageCall(client, context, "prune the packages", status);
  if (options.server.json) return PrintJson(pruned);
  std::cout << "Removed " << pruned.packages() << " packages and " << pruned.sets() << " sets, "
            << FormatBytes(pruned.size_bytes()) << ".\n";
  return 0;
}

int RunVerify(const StoreOptions<v1::VerifyStoredPackagesRequest>& options) {
  Client client(options.server.address);
  grpc::ClientContext context;
  v1::VerifyStoredPackagesResponse verified;
  grpc::Status status =
      CallStore(client, context, &PackageStub::VerifyStoredPackages, options.request, &verified);
  if (!status.ok()) return FailPackageCall(client, context, "verify the packages", status);
  const int exit_code = verified.removed().empty() ? 0 : kExitSpoilt;
  if (options.server.json) {
    const int printed = PrintJson(verified);
    return printed == 0 ? exit_code : printed;
  }
  for (const std::string& removed : verified.removed())
    Say(absl::StrCat("removed ", Safe(removed), ": it was not what it was any more"));
  std::cout << verified.packages() - verified.removed_size() << " of " << verified.packages()
            << " packages are what they were.\n";
  return exit_code;
}

void AddRequirementOptions(CLI::App& command, RequirementOptions& options) {
  command.add_option("requirement", options.requirements, "A package: NAME, 'NAME>=VERSION', ...")
      ->type_name("REQUIREMENT");
  // Without extra arguments: what follows the file is a requirement.
  command
      .add_option("-r,--requirements", options.files,
                  "All that this file asks for; - for standard input; at most 256 KiB together")
      ->type_name("FILE")
      ->allow_extra_args(false);
  AddText(command, "-c,--constraints", "FILE",
          "Versions that what is installed must have, if it is installed at all",
          &options.constraints);
  command.add_flag("--refresh", options.refresh,
                   "Resolve anew, although the same was resolved a short while ago");
  AddServerOptions(command, &options.server);
}

void CheckRequirements(const RequirementOptions& options) {
  if (options.requirements.empty() && options.files.empty())
    throw CLI::RequiredError("A REQUIREMENT or -r FILE");
}

void AddInstallCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<InstallOptions<v1::InstallPackageRequest>>();
  CLI::App* command = app.add_subcommand("install", "Install Python packages in a sandbox");
  AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  AddRequirementOptions(*command, *options);
  command->footer(kInstallFooter);
  command->callback([options, exit_code] {
    CheckRequirements(*options);
    *exit_code = RunInstall(*options);
  });
}

void AddPrefetchCommand(CLI::App& group, int* exit_code) {
  auto options = std::make_shared<InstallOptions<v1::PrefetchPackagesRequest>>();
  CLI::App* command =
      group.add_subcommand("prefetch", "Fetch packages into the store, for sandboxes to come");
  AddText(*command, "--template", "NAME", "Whose Python they are for; default: the server's",
          options->request.mutable_template_id());
  AddRequirementOptions(*command, *options);
  command->footer(kPrefetchFooter);
  command->callback([options, exit_code] {
    CheckRequirements(*options);
    *exit_code = RunPrefetch(*options);
  });
}

void AddPruneCommand(CLI::App& group, int* exit_code) {
  auto options = std::make_shared<StoreOptions<v1::PruneStoredPackagesRequest>>();
  CLI::App* command = group.add_subcommand("prune", "Remove what no sandbox uses");
  AddParsed<absl::Duration>(*command, "--unused-for", "TIME",
                            "Keep what was used since then; default: what is in use alone",
                            ParseDurationFlag, [options](absl::Duration unused_for) {
                              *options->request.mutable_unused_for() = ToProto(unused_for);
                            });
  AddServerOptions(*command, &options->server);
  command->callback([options, exit_code] { *exit_code = RunPrune(*options); });
}

void AddVerifyCommand(CLI::App& group, int* exit_code) {
  auto options = std::make_shared<StoreOptions<v1::VerifyStoredPackagesRequest>>();
  CLI::App* command = group.add_subcommand(
      "verify", "Read all of the store, and remove what is not what it was when it was fetched");
  AddServerOptions(*command, &options->server);
  command->footer(kVerifyFooter);
  command->callback([options, exit_code] { *exit_code = RunVerify(*options); });
}

}  // namespace

void AddPackageCommands(CLI::App& app, int* exit_code) {
  AddInstallCommand(app, exit_code);
  auto options = std::make_shared<ServerOptions>();
  CLI::App* group = app.add_subcommand("packages", "List what the server's store of packages has");
  AddServerOptions(*group, options.get());
  group->require_subcommand(0, 1);
  AddPrefetchCommand(*group, exit_code);
  AddPruneCommand(*group, exit_code);
  AddVerifyCommand(*group, exit_code);
  // Last, for a command inherits that of its group.
  group->footer(kPackagesFooter);
  // It is called behind that of the subcommand, too.
  group->callback([options, group, exit_code] {
    if (group->get_subcommands().empty()) *exit_code = RunList(*options);
  });
}

}  // namespace warren
