#include "runtime/sudo/execute.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

namespace warren::sudo {
namespace {

constexpr int kNotExecuted = 1;

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& each : strings) pointers.push_back(const_cast<char*>(each.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

void Complain(const std::string& text) {
  const std::string line = "sudo: " + text + "\n";
  const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
  (void)ignored;
}

int Execute(const Request& request) {
  ::umask(static_cast<mode_t>(request.umask));
  if (::setgroups(request.groups.size(), request.groups.data()) != 0 ||
      ::setresgid(request.gid, request.gid, request.gid) != 0 ||
      ::setresuid(request.uid, request.uid, request.uid) != 0) {
    Complain("cannot become user " + std::to_string(request.uid) + ", group " +
             std::to_string(request.gid) + ": " + ::strerror(errno));
    return kNotExecuted;
  }
  // As who it is now: nobody enters a directory that is not theirs.
  if (!request.directory.empty() && ::chdir(request.directory.c_str()) != 0) {
    Complain("cannot enter " + request.directory + ": " + ::strerror(errno));
    return kNotExecuted;
  }
  const std::vector<char*> argv = Pointers(request.argv);
  const std::vector<char*> environment = Pointers(request.environment);
  // Its PATH counts.
  ::environ = const_cast<char**>(environment.data());
  ::execvp(request.file.c_str(), argv.data());
  const bool looked_up = request.file.find('/') == std::string::npos;
  Complain(request.file + ": " +
           (errno == ENOENT && looked_up ? "command not found" : ::strerror(errno)));
  return kNotExecuted;
}

}  // namespace warren::sudo
