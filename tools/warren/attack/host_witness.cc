#include "tools/warren/attack/host_witness.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/linux/pace.h"
#include "tools/warren/attack/filter_witness.h"

namespace warren::attack {
namespace {

// Host ids below are people and services; each sandbox has a range of this size above.
constexpr int64_t kIdsOfASandbox = 65536;

absl::StatusOr<UniqueFd> ListenOnLoopback(int* port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd.get(), name, length) != 0 || ::listen(fd.get(), 8) != 0 ||
      ::getsockname(fd.get(), name, &length) != 0) {
    return Errno("listen on 127.0.0.1");
  }
  *port = ntohs(address.sin_port);
  return fd;
}

absl::StatusOr<UniqueFd> ListenOnAbstract(const std::string& name) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Errno("socket");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // sun_path[0] stays NUL: an abstract name.
  std::memcpy(address.sun_path + 1, name.data(),
              std::min(name.size(), sizeof(address.sun_path) - 1));
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(fd.get(), 8) != 0) {
    return Errno("listen on an abstract socket");
  }
  return fd;
}

bool HasArgument(const std::string& command_line, const std::string& argument) {
  std::vector<absl::string_view> arguments = absl::StrSplit(command_line, '\0');
  return std::count(arguments.begin(), arguments.end(), argument) > 0;
}

ProcessFacts ReadFacts(int pid) {
  ProcessFacts facts;
  facts.pid = pid;
  std::string status = ReadFile(absl::StrCat("/proc/", pid, "/status")).value_or("");
  for (absl::string_view line : absl::StrSplit(status, '\n')) {
    std::pair<absl::string_view, absl::string_view> entry =
        absl::StrSplit(line, absl::MaxSplits(':', 1));
    absl::string_view value = absl::StripAsciiWhitespace(entry.second);
    if (entry.first == "PPid") {
      if (!absl::SimpleAtoi(value, &facts.parent)) facts.parent = 0;
    } else if (entry.first == "Uid") {
      std::vector<absl::string_view> ids = absl::StrSplit(value, '\t');
      if (!absl::SimpleAtoi(ids[0], &facts.uid)) facts.uid = -1;
      facts.one_uid = std::all_of(ids.begin(), ids.end(), [&](auto id) { return id == ids[0]; });
    } else if (absl::ConsumePrefix(&line, "Cap")) {
      uint64_t set = 0;
      // What cannot be read counts as all of them.
      facts.capabilities |= absl::SimpleHexAtoi(value, &set) ? set : ~uint64_t{0};
    } else if (entry.first == "NoNewPrivs") {
      facts.no_new_privileges = value == "1";
    } else if (entry.first == "Seccomp") {
      facts.filtered = value == "2";
    }
  }
  return facts;
}

absl::StatusOr<ProcessFacts> OneProcess(const std::string& argument) {
  // It may be in the middle of its exec.
  absl::Time deadline = absl::Now() + AtThisPace(absl::Seconds(30));
  while (absl::Now() < deadline) {
    std::vector<ProcessFacts> found = ProcessesWithArgument(argument);
    if (!found.empty()) return found.front();
    absl::SleepFor(absl::Milliseconds(5));
  }
  return absl::NotFoundError("the sandbox's process is not seen on this host");
}

absl::Status Unattended(int listener, const char* what) {
  bool connected = false;
  pollfd ready{listener, POLLIN, 0};
  while (::poll(&ready, 1, 0) > 0) {
    connected = true;
    // Not left for the next attack's look.
    UniqueFd taken(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!taken.valid()) break;
  }
  if (!connected) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("somebody connected to the host's ", what));
}

}  // namespace

absl::StatusOr<HostWitness> HostWitness::Create() {
  char name[] = "/tmp/warren-attack-XXXXXX";
  if (::mkdtemp(name) == nullptr) return Errno("make a directory in /tmp");
  HostWitness witness;
  witness.directory_ = name;
  // Open to every user of the host: nothing but the sandbox's walls is to keep an attack from it.
  ::chmod(name, 0777);
  witness.marker_ = absl::StrCat(name, "/marker");
  witness.secret_ = absl::StrCat("secret of the host ", absl::ToUnixNanos(absl::Now()));
  std::ofstream(witness.marker_) << witness.secret_;
  ::chmod(witness.marker_.c_str(), 0666);
  // A name of its own: each of several runners has its witness.
  witness.abstract_ = absl::StrCat("warren-attack-host-", ::getpid(), "-", &name[sizeof(name) - 7]);
  WARREN_ASSIGN_OR_RETURN(witness.tcp_, ListenOnLoopback(&witness.port_));
  WARREN_ASSIGN_OR_RETURN(witness.unix_, ListenOnAbstract(witness.abstract_));
  return witness;
}

HostWitness::~HostWitness() {
  std::error_code error;
  // Moved-from witnesses have none.
  if (!directory_.empty()) std::filesystem::remove_all(directory_, error);
}

absl::Status HostWitness::CheckMarker() const {
  WARREN_ASSIGN_OR_RETURN(std::string content, ReadFile(marker_));
  if (content == secret_) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(marker_, " on the host was changed"));
}

absl::Status HostWitness::CheckListeners() const {
  absl::Status status = Unattended(tcp_.get(), "loopback");
  status.Update(Unattended(unix_.get(), "abstract socket"));
  return status;
}

std::vector<ProcessFacts> ProcessesWithArgument(const std::string& argument) {
  std::vector<ProcessFacts> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    std::string line = ReadFile(absl::StrCat("/proc/", pid, "/cmdline")).value_or("");
    if (HasArgument(line, argument)) found.push_back(ReadFacts(pid));
  }
  return found;
}

absl::Status AwaitNoProcess(const std::string& argument, absl::Duration patience) {
  absl::Time deadline = absl::Now() + patience;
  while (true) {
    size_t left = ProcessesWithArgument(argument).size();
    if (left == 0) return absl::OkStatus();
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat(left, " processes outlive their sandbox by ",
                                                      absl::FormatDuration(patience)));
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

absl::Status CheckRuns(const std::string& argument) { return OneProcess(argument).status(); }

absl::Status CheckConfined(const std::string& argument, uint64_t capabilities) {
  WARREN_ASSIGN_OR_RETURN(ProcessFacts facts, OneProcess(argument));
  if (facts.uid < kIdsOfASandbox || !facts.one_uid) {
    return absl::PermissionDeniedError(absl::StrCat("it runs as user ", facts.uid, " of the host"));
  }
  if ((facts.capabilities & ~capabilities) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("it has capabilities ", absl::Hex(facts.capabilities & ~capabilities)));
  }
  if (!facts.no_new_privileges) return absl::PermissionDeniedError("it has no no_new_privs");
  if (!facts.filtered) return absl::PermissionDeniedError("it has no seccomp filter");
  return absl::OkStatus();
}

absl::Status CheckFilters(const std::string& argument,
                          const std::function<absl::Status(const Filters&)>& check) {
  WARREN_ASSIGN_OR_RETURN(ProcessFacts facts, OneProcess(argument));
  WARREN_ASSIGN_OR_RETURN(Filters filters, ReadFilters(facts.pid));
  return check(filters);
}

absl::Status CheckDistinctUsers(const std::string& argument, const std::string& other) {
  WARREN_ASSIGN_OR_RETURN(ProcessFacts one, OneProcess(argument));
  WARREN_ASSIGN_OR_RETURN(ProcessFacts two, OneProcess(other));
  if (std::abs(one.uid - two.uid) >= kIdsOfASandbox) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("two sandboxes run as users ", one.uid, " and ", two.uid, " of the host"));
}

}  // namespace warren::attack
