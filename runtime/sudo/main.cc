// sudo in a sandbox. No set-id bit works there: the command is started by the sandbox's agent, as
// root of the sandbox and no more than that (docs/adr/0030-sudo.md). Nobody is asked for a
// password: whoever is in a sandbox may be its root, where the template grants that.
//   sudo [OPTIONS] [NAME=value...] [--] COMMAND...   the client
//   sudo --serve                                     the server, on the connection that is fd 0

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "runtime/base/sudo_paths.h"
#include "runtime/sudo/accounts.h"
#include "runtime/sudo/arguments.h"
#include "runtime/sudo/client.h"
#include "runtime/sudo/environment.h"
#include "runtime/sudo/execute.h"
#include "runtime/sudo/server.h"

namespace warren::sudo {
namespace {

constexpr char kUsage[] =
    "usage: sudo [-bEHknSv] [-i | -s] [-u user] [-g group] [-D directory] [NAME=value] [command]\n"
    "       sudo -l | -v | -k | -V | -h\n"
    "Runs a command as root of the sandbox, or as another user of it. No password is asked.\n";

// What is read of /etc/passwd and its kind.
constexpr size_t kMaxText = 1 << 20;

std::string ReadText(const char* path) {
  std::ifstream in(path);
  std::string text(kMaxText, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> own;
  for (char** entry = ::environ; *entry != nullptr; ++entry) own.emplace_back(*entry);
  return own;
}

uint32_t OwnUmask() {
  const mode_t own = ::umask(077);
  ::umask(own);
  return own;
}

// False, with the reason said, where there is no such user or group.
bool MakeRequest(const Arguments& arguments, Request& request) {
  const std::string passwd = ReadText("/etc/passwd");
  const std::string groups = ReadText("/etc/group");
  const Account caller = AccountOf(passwd, ::getuid());
  // With a group alone the user stays.
  const std::string who =
      arguments.user.empty() ? (arguments.group.empty() ? "root" : caller.name) : arguments.user;
  const std::optional<Account> target = FindAccount(passwd, who);
  if (!target) {
    Complain("there is no user " + who);
    return false;
  }
  request.uid = target->uid;
  request.gid = target->gid;
  request.groups = GroupsOf(groups, *target);
  if (!arguments.group.empty()) {
    const std::optional<uint32_t> group = FindGroup(groups, arguments.group);
    if (!group) {
      Complain("there is no group " + arguments.group);
      return false;
    }
    request.gid = *group;
  }
  request.umask = OwnUmask();
  request.directory = arguments.directory;
  if (arguments.shell == Arguments::Shell::kLogin && request.directory.empty())
    request.directory = target->home;
  const Program program = MakeProgram(arguments, caller, *target);
  request.file = program.file;
  request.argv = program.argv;
  request.environment = MakeEnvironment(OwnEnvironment(), arguments, caller, *target);
  return true;
}

int RunCommand(const Arguments& arguments) {
  Request request;
  if (!MakeRequest(arguments, request)) return 1;
  if (arguments.background) {
    const pid_t child = ::fork();
    if (child != 0) return child < 0 ? 1 : 0;
    // Out of the terminal's foreground.
    ::setpgid(0, 0);
  }
  // Root needs nobody to become what it is.
  return ::geteuid() == 0 ? Execute(request) : RunThroughAgent(std::move(request));
}

int Run(const std::vector<std::string>& words) {
  const Arguments arguments = ParseArguments(words);
  if (!arguments.error.empty()) {
    Complain(arguments.error);
    ::fputs(kUsage, stderr);
    return 1;
  }
  switch (arguments.action) {
    case Arguments::Action::kHelp:
      ::fputs(kUsage, stdout);
      return 0;
    case Arguments::Action::kVersion:
      ::puts("Sudo of a Warren sandbox");
      return 0;
    case Arguments::Action::kForget:
      return 0;
    case Arguments::Action::kValidate:
      return ::geteuid() == 0 || IsGranted() ? 0 : 1;
    case Arguments::Action::kList:
      if (::geteuid() != 0 && !IsGranted()) return 1;
      ::puts(
          "Whoever is in this sandbox may run the following commands:\n    (ALL : ALL) NOPASSWD: "
          "ALL");
      return 0;
    case Arguments::Action::kRun:
      return RunCommand(arguments);
  }
  return 1;
}

}  // namespace
}  // namespace warren::sudo

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], warren::kSudoServe) == 0)
    return warren::sudo::Serve(STDIN_FILENO);
  return warren::sudo::Run(argc > 0 ? std::vector<std::string>(argv + 1, argv + argc)
                                    : std::vector<std::string>());
}
