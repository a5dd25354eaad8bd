// `warren cp`: files and directories in and out of a sandbox.
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/files/commands.h"
#include "tools/warren/files/copy_end.h"
#include "tools/warren/files/download.h"
#include "tools/warren/files/upload.h"
#include "tools/warren/flags.h"
#include "tools/warren/report.h"

namespace warren {
namespace {

constexpr char kCopyFooter[] =
    R"(One of SRC and DST is SANDBOX:PATH, the other a path of ours (./a:b where it has a colon in its first name), or -
for standard input or output. PATH is absolute or relative to /home/user. A DST that is a directory is copied into.
Directories are copied with all that is in them; what they have of symbolic links comes out where it stays within the
copy, and does not go in.

A file is in place, whole and with the digest that the server told, or not at all. Exit code: 0, 1 where something was left
out, 125 where the copy failed.

Examples:
  warren cp data.csv ID:
  warren cp ID:/home/user/results .
  warren cp ID:log.txt - | tail)";

struct CopyOptions {
  ServerOptions server;
  std::string source;
  std::string destination;
  std::string user;
};

Progress::Visibility ShownProgress(const CopyEnd& destination) {
  bool shows_content =
      destination.kind == CopyEnd::Kind::kStandardStream && ::isatty(STDOUT_FILENO) == 1;
  return ::isatty(STDERR_FILENO) == 1 && !shows_content ? Progress::Visibility::kShown
                                                        : Progress::Visibility::kHidden;
}

bool CopyBetween(const CopyEnd& source, const CopyEnd& destination, const std::string& user,
                 Client& client, Interrupts& interrupts, CopyReport& report) {
  if (source.kind == CopyEnd::Kind::kSandbox) {
    Download download(client, interrupts, report);
    RemotePath remote = {source.sandbox_id, source.path.empty() ? "~" : source.path, user};
    if (destination.kind == CopyEnd::Kind::kStandardStream)
      return download.ToStandardOutput(remote);
    return download.ToPath(remote, destination.path);
  }
  Upload upload(client, interrupts, report);
  RemotePath remote = {destination.sandbox_id, destination.path, user};
  if (source.kind == CopyEnd::Kind::kStandardStream) return upload.FromStandardInput(remote);
  return upload.FromPath(source.path, remote);
}

int RunCopy(const CopyOptions& options) {
  CopyEnd source = ParseCopyEnd(options.source);
  CopyEnd destination = ParseCopyEnd(options.destination);
  int remote_ends = (source.kind == CopyEnd::Kind::kSandbox ? 1 : 0) +
                    (destination.kind == CopyEnd::Kind::kSandbox ? 1 : 0);
  if (remote_ends == 0) {
    return Fail("copy: neither end is in a sandbox: write SANDBOX:PATH for the one that is");
  }
  if (remote_ends == 2) {
    return Fail(
        "copy: both ends are in a sandbox: copy with `warren cp A:PATH - | warren cp - B:PATH`");
  }
  if (destination.kind == CopyEnd::Kind::kStandardStream && options.server.json) {
    return Fail("copy: standard output is either the file or --json");
  }
  Interrupts interrupts;
  Client client(options.server.address);
  CopyReport report(client,
                    options.server.json ? CopyReport::Format::kJson : CopyReport::Format::kText,
                    ShownProgress(destination));
  bool copied = CopyBetween(source, destination, options.user, client, interrupts, report);
  report.progress().Clear();
  if (interrupts.signal() != 0) return 128 + interrupts.signal();
  if (!copied) return kExitWarren;
  return report.skipped() ? kExitLeftOut : 0;
}

}  // namespace

void AddCopyCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<CopyOptions>();
  CLI::App* command = app.add_subcommand("cp", "Copy files into a sandbox, or out of one");
  command->add_option("source", options->source, "What is copied")->type_name("SRC")->required();
  command->add_option("destination", options->destination, "Where to")
      ->type_name("DST")
      ->required();
  AddText(*command, "--user", "user|root",
          "Whose rights count in the sandbox; default: its profile's", &options->user);
  AddServerOptions(*command, &options->server);
  command->footer(kCopyFooter);
  command->callback([options, exit_code] { *exit_code = RunCopy(*options); });
}

}  // namespace warren
