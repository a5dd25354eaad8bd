// Requirements on privilege, limits and installed software.
#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/io.h"
#include "tools/warren/doctor/child.h"
#include "tools/warren/doctor/probe.h"

namespace warren::doctor {
namespace {

namespace fs = std::filesystem;

struct NamedCapability {
  int number;
  const char* name;
};
// What the launcher keeps; CAP_SYS_RESOURCE is of use to it, but not needed.
constexpr NamedCapability kNeeded[] = {
    {CAP_SYS_ADMIN, "SYS_ADMIN"},
    {CAP_SETUID, "SETUID"},
    {CAP_SETGID, "SETGID"},
    {CAP_KILL, "KILL"},
    {CAP_MKNOD, "MKNOD"},
    {CAP_SYS_PTRACE, "SYS_PTRACE"},
    {CAP_DAC_OVERRIDE, "DAC_OVERRIDE"},
    {CAP_CHOWN, "CHOWN"},
    {CAP_FOWNER, "FOWNER"},
    {CAP_SETPCAP, "SETPCAP"},
    {CAP_SETFCAP, "SETFCAP"},
};

Finding ProbePrivilege(const Host& host) {
  absl::StatusOr<std::string> status = ReadFile(host.root + "/proc/self/status");
  if (!status.ok()) return Lacks(std::string(status.status().message()));
  uint64_t effective = 0;
  for (absl::string_view line : absl::StrSplit(*status, '\n')) {
    if (absl::ConsumePrefix(&line, "CapEff:")) {
      effective = std::strtoull(std::string(absl::StripAsciiWhitespace(line)).c_str(), nullptr, 16);
    }
  }
  std::vector<std::string> missing;
  for (const NamedCapability& capability : kNeeded) {
    bool has = ((effective >> static_cast<unsigned>(capability.number)) & 1U) != 0;
    if (!has) missing.push_back(absl::StrCat("CAP_", capability.name));
  }
  if (!missing.empty()) return Lacks(absl::StrCat("missing: ", absl::StrJoin(missing, ", ")));
  return Ok("root, with the capabilities that the launcher keeps");
}

Finding ProbeOpenFiles(const Host&) {
  rlimit files;
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return Lacks("getrlimit");
  std::string detail = absl::StrCat("hard limit ", files.rlim_max);
  if (files.rlim_max < 4096) return Lacks(std::move(detail));
  return files.rlim_max < 65536 ? Warn(std::move(detail)) : Ok(std::move(detail));
}

Finding ProbePython(const Host& host) {
  absl::StatusOr<std::string> version =
      OutputOf({host.root + "/usr/bin/python3", "-I", "-c",
                "import IPython, platform; print(platform.python_version(), 'with IPython', "
                "IPython.__version__)"});
  if (version.ok()) return Ok(std::string(absl::StripAsciiWhitespace(*version)));
  return Warn(absl::StrCat("template `base` cannot run: ", version.status().message()));
}

Finding ProbeStore(const Host& host) {
  std::error_code error;
  std::string store = host.root + host.template_store;
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(store, error)) {
    std::string name = entry.path().filename().string();
    bool built = fs::exists(entry.path() / "manifest.textproto", error);
    // Names with a dot are builds under way and what they replaced.
    if (built && name[0] != '.') names.push_back(std::move(name));
  }
  if (names.empty()) return Warn(absl::StrCat("no template is built in ", store));
  return Ok(absl::StrCat(store, ": ", absl::StrJoin(names, ", ")));
}

Finding ProbePace(const Host& host) {
  if (!host.facts.ok()) return Warn("not measured");
  constexpr double kSlow = 5;
  const double pace = host.facts->pace();
  std::string detail = absl::StrFormat("%.1f times what the reference machine takes", pace);
  return pace < kSlow ? Ok(std::move(detail)) : Warn(std::move(detail));
}

// The runtime tree beside this executable: PREFIX/bin, PREFIX/lib, PREFIX/share/warren.
Finding ProbeInstallation(const Host&) {
  std::error_code error;
  fs::path prefix = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  std::vector<std::string> missing;
  for (const char* part :
       {"bin/warrend", "bin/warren-launcher", "bin/warren-init", "bin/warren-agent",
        "share/warren/tools/bin/sudo", "share/warren/worker/libwarren-context.so",
        "share/warren/policies", "share/warren/worker", "share/warren/rootfs"}) {
    if (!fs::exists(prefix / part, error)) missing.emplace_back(part);
  }
  if (missing.empty()) return Ok(prefix.string());
  return Warn(absl::StrCat("not below ", prefix.string(), ": ", absl::StrJoin(missing, ", ")));
}

}  // namespace

std::vector<Probe> SystemProbes() {
  return {
      {"privilege", "root's capabilities, for the launcher only",
       "start warrend as root; in a container, --cap-add the missing ones", ProbePrivilege},
      {"open-files", "enough open files: a live sandbox takes about a dozen",
       "raise the hard limit (LimitNOFILE=1048576, ulimit -Hn 1048576)", ProbeOpenFiles},
      {"python", "python3 with IPython in the host's /usr, for the template `base`",
       "apt-get install python3 python3-ipython, or use a built template", ProbePython},
      {"templates", "a built template, for more than the host's own Python",
       "tools/build-template data-science", ProbeStore},
      {"pace", "quick forks and page faults, which every sandbox is made of",
       "Warren waits as many times longer; a host without shadow page tables would be faster",
       ProbePace},
      {"installation", "Warren's other programs and files beside this one",
       "build or install all of Warren; run its bin/warren", ProbeInstallation},
  };
}

}  // namespace warren::doctor
