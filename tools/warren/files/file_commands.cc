// `warren ls` and `warren files ...`: what a sandbox has of files.
#include <algorithm>
#include <iostream>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/warren/exit_code.h"
#include "tools/warren/files/commands.h"
#include "tools/warren/files/copy_end.h"
#include "tools/warren/files/file_text.h"
#include "tools/warren/files/transfers.h"
#include "tools/warren/flags.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/report.h"
#include "tools/warren/table.h"
#include "tools/warren/terminal_text.h"

namespace warren {
namespace {

using FileStub = v1::FileService::Stub;

constexpr char kListFooter[] =
    R"(Exit code: 0, 1 where a directory below may not be read (standard error says which), 125 where the list failed.)";

struct ListFilesOptions {
  ServerOptions server;
  std::string place;
  std::string user;
  bool details = false;
  bool recursive = false;
};

// "SANDBOX", or "SANDBOX:PATH"; the home directory where no path is named.
RemotePath ParsePlace(const std::string& text, const std::string& user) {
  CopyEnd end = ParseCopyEnd(text);
  if (end.kind != CopyEnd::Kind::kSandbox) return {text, "~", user};
  return {end.sandbox_id, end.path.empty() ? "~" : end.path, user};
}

// The lines of `ls`, in order: names as they are below `root`, and whole paths where that is empty.
void PrintEntries(const std::string& root, std::vector<v1::FileEntry> entries, bool details) {
  std::sort(entries.begin(), entries.end(),
            [](const v1::FileEntry& a, const v1::FileEntry& b) { return a.path() < b.path(); });
  Table table({"MODE", "OWNER", "GROUP", "SIZE", "MODIFIED", "NAME"});
  for (const v1::FileEntry& entry : entries) {
    std::string name;
    bool below = !root.empty() && RelativeTo(root, entry.path(), &name) && !name.empty();
    if (!below) name = entry.path();
    if (details) {
      table.AddRow(LongCells(entry, name));
    } else {
      std::cout << Safe(name) << (entry.type() == v1::FileEntry::DIRECTORY ? "/\n" : "\n");
    }
  }
  if (details && !entries.empty()) std::cout << table.Render();
}

// Says which directories of a list its user may not read. Returns the exit code.
int ReportNotListed(const std::vector<v1::FileEntry>& entries) {
  int exit_code = 0;
  for (const v1::FileEntry& entry : entries) {
    if (!entry.not_listed()) continue;
    Say(absl::StrCat("left out what is in ", Safe(entry.path()), ": its user may not read it"));
    exit_code = kExitLeftOut;
  }
  return exit_code;
}

int RunListFiles(const ListFilesOptions& options) {
  Interrupts interrupts;
  Client client(options.server.address);
  RemotePath place = ParsePlace(options.place, options.user);
  v1::FileEntry entry;
  grpc::Status status = StatRemote(client, place, &entry);
  std::vector<v1::FileEntry> entries;
  if (status.ok() && entry.type() == v1::FileEntry::DIRECTORY) {
    place.path = entry.path();
    status = ListRemote(client, interrupts, place, options.recursive ? 0 : 1, &entries);
  } else {
    entries.push_back(entry);
  }
  if (interrupts.signal() != 0) return 128 + interrupts.signal();
  if (!status.ok()) return FailCall(client, absl::StrCat("list ", Safe(place.path)), status);
  const int exit_code = ReportNotListed(entries);
  if (options.server.json) {
    for (const v1::FileEntry& one : entries) std::cout << JsonLine(EntryObject(one));
  } else {
    PrintEntries(entry.type() == v1::FileEntry::DIRECTORY ? place.path : "", std::move(entries),
                 options.details);
  }
  return exit_code;
}

template <typename Request>
struct FileOptions {
  ServerOptions server;
  Request request;
};

// A call that answers with an entry.
template <typename Request, typename Method>
int RunEntryCall(const FileOptions<Request>& options, Method method, const char* what) {
  Client client(options.server.address);
  v1::FileEntry entry;
  grpc::Status status = CallUnary(client.files(), method, options.request, &entry);
  if (!status.ok()) return FailCall(client, what, status);
  if (options.server.json) {
    std::cout << JsonLine(EntryObject(entry));
    return 0;
  }
  Table table({"MODE", "OWNER", "GROUP", "SIZE", "MODIFIED", "NAME"});
  table.AddRow(LongCells(entry, entry.path()));
  std::cout << table.Render();
  return 0;
}

int RunRemove(const FileOptions<v1::RemoveFileRequest>& options) {
  Client client(options.server.address);
  v1::RemoveFileResponse response;
  grpc::Status status =
      CallUnary(client.files(), &FileStub::RemoveFile, options.request, &response);
  if (!status.ok()) return FailCall(client, "remove the file", status);
  if (options.server.json) {
    nlohmann::ordered_json object;
    PutBytes(object, "removed", "removed_base64", options.request.path());
    std::cout << JsonLine(object);
  }
  return 0;
}

// A subcommand about a file of a sandbox, with what all of them have.
template <typename Request>
std::pair<CLI::App*, std::shared_ptr<FileOptions<Request>>> AddFileCommand(
    CLI::App& group, const char* name, const char* description) {
  auto options = std::make_shared<FileOptions<Request>>();
  CLI::App* command = group.add_subcommand(name, description);
  AddSandboxOperand(*command, options->request.mutable_sandbox_id());
  AddText(*command, "--user", "user|root",
          "Whose rights count in the sandbox; default: its profile's",
          options->request.mutable_user());
  AddServerOptions(*command, &options->server);
  return {command, options};
}

CLI::Option* AddPathOperand(CLI::App& command, const char* name, const char* description,
                            std::string* path) {
  return AddText(command, name, "PATH", description, path)->required();
}

absl::StatusOr<uint32_t> ParseMode(const std::string& text) {
  if (!text.empty() && text.size() <= 4 &&
      text.find_first_not_of("01234567") == std::string::npos) {
    return static_cast<uint32_t>(std::stoul(text, nullptr, 8));
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no mode: want e.g. 0755"));
}

void AddMakeDirectory(CLI::App& group, int* exit_code) {
  auto [command, options] = AddFileCommand<v1::MakeDirectoryRequest>(
      group, "mkdir", "Make a directory, with its parents");
  v1::MakeDirectoryRequest* request = &options->request;
  AddPathOperand(*command, "path", "The directory", request->mutable_path());
  AddParsed<uint32_t>(*command, "--mode", "MODE", "Its permissions; default: 0755", ParseMode,
                      [request](uint32_t mode) { request->set_mode(mode); });
  command->callback([options = options, exit_code] {
    *exit_code = RunEntryCall(*options, &FileStub::MakeDirectory, "make the directory");
  });
}

}  // namespace

void AddListFilesCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ListFilesOptions>();
  CLI::App* command = app.add_subcommand("ls", "List the files of a sandbox");
  command->add_option("place", options->place, "Which; without a path its /home/user")
      ->type_name("SANDBOX[:PATH]")
      ->required();
  command->add_flag("-l", options->details, "Mode, owner, size and time too");
  command->add_flag("-R", options->recursive, "All that is below, too");
  AddText(*command, "--user", "user|root",
          "Whose rights count in the sandbox; default: its profile's", &options->user);
  AddServerOptions(*command, &options->server);
  command->footer(kListFooter);
  command->callback([options, exit_code] { *exit_code = RunListFiles(*options); });
}

void AddFilesCommands(CLI::App& app, int* exit_code) {
  CLI::App* group =
      app.add_subcommand("files", "Look at, make, move and remove files of a sandbox");
  group->require_subcommand(1);
  auto [stat, stat_options] =
      AddFileCommand<v1::StatFileRequest>(*group, "stat", "Look at a file, not through a link");
  AddPathOperand(*stat, "path", "The file", stat_options->request.mutable_path());
  stat->callback([options = stat_options, exit_code] {
    *exit_code = RunEntryCall(*options, &FileStub::StatFile, "look at the file");
  });
  AddMakeDirectory(*group, exit_code);
  auto [move, move_options] =
      AddFileCommand<v1::MoveFileRequest>(*group, "mv", "Move a file, in the place of another too");
  AddPathOperand(*move, "source", "The file", move_options->request.mutable_source());
  AddPathOperand(*move, "destination", "Its new path", move_options->request.mutable_destination());
  move->callback([options = move_options, exit_code] {
    *exit_code = RunEntryCall(*options, &FileStub::MoveFile, "move the file");
  });
  auto [remove, remove_options] =
      AddFileCommand<v1::RemoveFileRequest>(*group, "rm", "Remove a file");
  AddPathOperand(*remove, "path", "The file", remove_options->request.mutable_path());
  remove->add_flag_callback(
      "-r", [options = remove_options] { options->request.set_recursive(true); },
      "A directory with all that is in it");
  remove->callback([options = remove_options, exit_code] { *exit_code = RunRemove(*options); });
}

}  // namespace warren
