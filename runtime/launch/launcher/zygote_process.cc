#include "runtime/launch/launcher/zygote_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/base/io.h"
#include "runtime/base/status.h"
#include "runtime/launch/child/test_layers.h"
#include "runtime/launch/launcher/detached_set.h"
#include "runtime/launch/launcher/pack.h"
#include "runtime/linux/process.h"
#include "runtime/plan/launch_plan.h"

namespace warren {
namespace {

// zygote.py cuts its texts there.
constexpr size_t kMaxZygoteText = 16384;
// From its kill to its end, which only a hang of the kernel reaches: the launcher waits meanwhile.
constexpr int kEndMs = 10'000;

// A JSON string: recipes are the operator's files, but a quotation mark in one must not change the
// configuration.
std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(&out, "\\u00", absl::BytesToHexString(absl::string_view(&c, 1)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string ConfigJson(const Template& source) {
  std::string preload = absl::StrJoin(
      source.recipe.preload(), ",",
      [](std::string* out, const std::string& module) { out->append(Quoted(module)); });
  bool exec = source.recipe.start() == config::TemplateRecipe::EXEC;
  return absl::StrCat("{\"preload\":[", preload, "],\"warmup\":", Quoted(source.warmup),
                      ",\"context_library\":\"", kWorkerDirectory,
                      "/libwarren-context.so\",\"start\":\"", exec ? "exec" : "fork", "\"}");
}

// One line of ASCII.
void AppendPrintable(absl::string_view text, std::string& out) {
  for (char c : text) {
    if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      absl::StrAppend(&out, "\\x", absl::BytesToHexString(absl::string_view(&c, 1)));
    }
  }
}

// It ends in logs and in errors of the API.
std::string Printable(absl::string_view text) {
  constexpr size_t kHalf = 1024;
  std::string out;
  if (text.size() <= 2 * kHalf) {
    AppendPrintable(text, out);
    return out;
  }
  // The cause is often at the end of what Python says.
  AppendPrintable(text.substr(0, kHalf), out);
  out += " ... ";
  AppendPrintable(text.substr(text.size() - kHalf), out);
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ZygoteProcess>> ZygoteProcess::Start(LaunchResources& resources,
                                                                    uint64_t id,
                                                                    const LaunchTemplate& source) {
  const config::TemplateRecipe& recipe = source.source.recipe;
  auto setup = std::make_unique<InitSetup>();
  setup->mode = SetupMode::kZygote;
  setup->layers_off = resources.layers_off;
  WARREN_RETURN_IF_ERROR(PackMounts(ZygoteMounts(recipe, resources.facts), "zygote", *setup));
  const LoadedProfile& profile = resources.profiles.zygote();
  setup->profile = profile.process;
  std::vector<std::string> environment(profile.text.environment().begin(),
                                       profile.text.environment().end());
  if (LayerIsOff(resources.layers_off, TestLayer::kPidNamespace)) {
    environment.push_back("WARREN_TEST_NO_PID_NAMESPACE=1");
  }
  WARREN_RETURN_IF_ERROR(
      PackExec({recipe.python(), "-I", absl::StrCat(kWorkerDirectory, "/zygote_main.py")},
               environment, *setup));
  WARREN_ASSIGN_OR_RETURN(UniqueFd policies, resources.profiles.ContextPolicies(recipe));
  WARREN_ASSIGN_OR_RETURN(Cgroup cgroup, resources.cgroups.Add(absl::StrCat("zygote-", id), {}));
  // From here on the destructor cleans up.
  std::unique_ptr<ZygoteProcess> zygote(
      new ZygoteProcess(id, recipe.name(), std::move(cgroup), ClonedProcess{}));
  WARREN_ASSIGN_OR_RETURN(std::vector<UniqueFd> procs, zygote->cgroup_.OpenProcs());
  WARREN_ASSIGN_OR_RETURN(zygote->init_, resources.anchor.CloneZygote(procs));
  WARREN_ASSIGN_OR_RETURN(
      DetachedSet mounts,
      DetachedSet::Make(source, resources, zygote->init_.pidfd.get(), WarrenFiles::kWorker));
  setup->mount_fd_count = static_cast<uint32_t>(mounts.size());
  std::vector<int> fds = mounts.fds();
  fds.push_back(profile.policy.get());
  fds.push_back(policies.get());
  WARREN_RETURN_IF_ERROR(SendMessage(zygote->control(), AsBytes(*setup), fds));
  // For Python, once init has become it. Not an argument: every context shows its zygote's command
  // line.
  WARREN_RETURN_IF_ERROR(SendMessage(zygote->control(), ConfigJson(source.source), {}));
  return zygote;
}

ZygoteProcess::~ZygoteProcess() {
  if (init_.pidfd.valid()) {
    SignalProcess(init_.pidfd.get(), SIGKILL).IgnoreError();
    // It has no pid namespace to wind up: gone in a moment.
    pollfd wait = {init_.pidfd.get(), POLLIN, 0};
    ::poll(&wait, 1, kEndMs);
  }
  // What is not empty now the janitor removes.
  cgroup_.Remove().IgnoreError();
}

bool ZygoteProcess::gone() const {
  pollfd wait = {control(), 0, 0};
  return ::poll(&wait, 1, 0) == 1 && (wait.revents & POLLHUP) != 0;
}

bool ZygoteProcess::has_said() const {
  pollfd wait = {control(), POLLIN, 0};
  return ::poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0;
}

absl::Status ZygoteProcess::Fork(const JoinRequest& request, std::span<const int> fds) {
  // One that takes no requests, for it hangs, must not hold the launcher.
  return SendMessage(control(), AsBytes(request), fds, WhenFull::kFail);
}

absl::StatusOr<ZygoteProcess::Event> ZygoteProcess::Receive() {
  WARREN_ASSIGN_OR_RETURN(Message message,
                          ReceiveMessage(control(), sizeof(ZygoteMessage) + kMaxZygoteText));
  return Parse(std::move(message), template_id_);
}

absl::StatusOr<ZygoteProcess::Event> ZygoteProcess::Parse(Message message,
                                                          const std::string& template_id) {
  if (message.data.size() == sizeof(SetupResult)) {
    // Still warren-init: a step before Python failed.
    SetupResult failed;
    std::memcpy(&failed, message.data.data(), sizeof(failed));
    return absl::AbortedError(
        absl::StrCat("zygote of ", template_id, ": ",
                     absl::ErrnoToStatus(failed.error, SetupStageName(failed.stage)).message(),
                     " (step ", failed.op_index, ")"));
  }
  if (message.data.size() < sizeof(ZygoteMessage)) {
    return absl::AbortedError(absl::StrCat("zygote of ", template_id, " died"));
  }
  Event event;
  std::memcpy(&event.message, message.data.data(), sizeof(event.message));
  event.text = Printable(message.data.substr(sizeof(event.message)));
  if (event.message.kind < ZygoteMessageKind::kReady ||
      event.message.kind > ZygoteMessageKind::kFailed) {
    return absl::AbortedError(absl::StrCat("zygote of ", template_id, " sent an unknown message"));
  }
  if (event.message.kind == ZygoteMessageKind::kForked) {
    if (message.fds.size() != 1) return absl::AbortedError("the zygote's reply lacks its pidfd");
    event.pidfd = std::move(message.fds[0]);
  }
  return event;
}

}  // namespace warren
