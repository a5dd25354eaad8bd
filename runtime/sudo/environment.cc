#include "runtime/sudo/environment.h"

#include <algorithm>
#include <map>

namespace warren::sudo {
namespace {

using Shell = Arguments::Shell;

// Ours first, so that a command finds `sudo` too.
constexpr char kPath[] =
    "/opt/warren/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool IsKeptUsually(const std::string& name) {
  constexpr const char* kNames[] = {"TERM", "COLORTERM", "COLORS",  "LS_COLORS", "LANG",
                                    "TZ",   "LANGUAGE",  "LINGUAS", "DISPLAY",   "XAUTHORITY",
                                    "PS1",  "PS2",       "TMPDIR"};
  return name.starts_with("LC_") ||
         std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

bool Keeps(const Arguments& arguments, const std::string& name) {
  if (arguments.shell == Shell::kLogin) return name == "TERM";
  return arguments.keep == Arguments::Keep::kAll || IsKeptUsually(name) ||
         std::find(arguments.kept.begin(), arguments.kept.end(), name) != arguments.kept.end();
}

// A line that a shell takes for the same words.
std::string Quote(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    for (char c : word) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '$';
      if (!plain && static_cast<unsigned char>(c) < 0x80) line += '\\';
      line += c;
    }
  }
  return line;
}

std::string BaseName(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Program MakeProgram(const Arguments& arguments, const Account& caller, const Account& target) {
  if (arguments.shell == Shell::kNone) return {arguments.command.at(0), arguments.command};
  const bool login = arguments.shell == Shell::kLogin;
  Program program;
  program.file = login ? target.shell : caller.shell;
  program.argv.push_back(login ? "-" + BaseName(program.file) : program.file);
  if (!arguments.command.empty()) {
    program.argv.push_back("-c");
    program.argv.push_back(Quote(arguments.command));
  }
  return program;
}

std::vector<std::string> MakeEnvironment(const std::vector<std::string>& own,
                                         const Arguments& arguments, const Account& caller,
                                         const Account& target) {
  std::map<std::string, std::string> values;
  for (const std::string& entry : own) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) continue;
    const std::string name = entry.substr(0, equals);
    if (Keeps(arguments, name)) values[name] = entry.substr(equals + 1);
  }
  const bool all = arguments.keep == Arguments::Keep::kAll && arguments.shell != Shell::kLogin;
  const bool keeps_home = all || Keeps(arguments, "HOME");
  if (!keeps_home || arguments.set_home || !values.contains("HOME")) values["HOME"] = target.home;
  values["SHELL"] = arguments.shell == Shell::kLogin ? target.shell : values["SHELL"];
  if (values["SHELL"].empty()) values["SHELL"] = target.shell;
  values["USER"] = values["LOGNAME"] = target.name;
  values["PATH"] = kPath;
  std::string command;
  for (const std::string& word : arguments.command) command += (command.empty() ? "" : " ") + word;
  // As long a value as a program may reasonably have to carry.
  values["SUDO_COMMAND"] = command.substr(0, 4096);
  values["SUDO_USER"] = caller.name;
  values["SUDO_UID"] = std::to_string(caller.uid);
  values["SUDO_GID"] = std::to_string(caller.gid);
  std::vector<std::string> result;
  result.reserve(values.size() + arguments.assignments.size());
  for (const std::string& entry : arguments.assignments)
    values[entry.substr(0, entry.find('='))] = entry.substr(entry.find('=') + 1);
  for (const auto& [name, value] : values) {
    result.push_back(name);
    result.back().append("=").append(value);
  }
  return result;
}

}  // namespace warren::sudo
