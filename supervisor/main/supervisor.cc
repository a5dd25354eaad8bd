#include "supervisor/main/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <future>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/plan/launch_plan.h"
#include "spdlog/spdlog.h"
#include "supervisor/keys/key_file.h"
#include "supervisor/main/template_choice.h"

namespace warren {
namespace {

// docs/TIMING.md has them all. The launcher looks at the host, measures its pace and prepares what
// all sandboxes share: only a hang takes so long, on a host of any pace.
constexpr absl::Duration kHelloTimeout = absl::Seconds(120);
// On a host of pace 1. Running calls may end by themselves for so long after SIGTERM; then their
// cells are killed.
constexpr absl::Duration kCallGrace = absl::Seconds(3);
constexpr absl::Duration kKilledGrace = absl::Seconds(2);
constexpr absl::Duration kIdleGrace = absl::Milliseconds(200);
constexpr absl::Duration kLauncherGrace = absl::Seconds(30);

// PREFIX of PREFIX/bin/warrend.
absl::StatusOr<std::string> FindPrefix() {
  char path[PATH_MAX];
  ssize_t n = ::readlink("/proc/self/exe", path, sizeof(path));
  if (n < 0) return Errno("readlink /proc/self/exe");
  absl::string_view view(path, static_cast<size_t>(n));
  for (int level = 0; level < 2; ++level) view = view.substr(0, view.rfind('/'));
  return std::string(view);
}

// Blocked in every thread that comes: they are read from a descriptor.
absl::StatusOr<UniqueFd> TakeSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Errno("sigprocmask");
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals.valid()) return Errno("signalfd");
  // A worker or client that is gone is an error of the write.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Errno("ignore SIGPIPE");
  return signals;
}

// The launcher alone reads their files.
std::map<std::string, Template> TakeTemplates(internal::LauncherOffer& offer) {
  std::map<std::string, Template> templates;
  for (internal::OfferedTemplate& offered : *offer.mutable_templates()) {
    Template& taken = templates[offered.recipe().name()];
    taken.recipe = std::move(*offered.mutable_recipe());
    taken.manifest = std::move(*offered.mutable_manifest());
    taken.digest = offered.digest();
    taken.unavailable = offered.unavailable();
    taken.modules.insert(offered.modules().begin(), offered.modules().end());
  }
  return templates;
}

NetworkPresets TakePresets(internal::LauncherOffer& offer) {
  NetworkPresets presets;
  for (config::NetworkPreset& preset : *offer.mutable_network_presets())
    presets[preset.name()] = std::move(preset);
  return presets;
}

// Better said now than at each create.
absl::Status CheckGranted(const std::string& profile, const config::TemplateRecipe& recipe) {
  const std::vector<std::string> granted = GrantedProfiles(recipe);
  if (std::count(granted.begin(), granted.end(), profile) > 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("template ", recipe.name(), " grants no profile \"", profile,
                   "\": add it to its recipe, or start without --profile"));
}

PoolOptions MakePoolOptions(const Flags& flags, const internal::HostFacts& facts,
                            int64_t open_files) {
  PoolOptions options;
  options.memory_budget = flags.pool_memory_bytes;
  options.max_sandboxes = flags.max_sandboxes;
  if (facts.slots() > 0) options.max_sandboxes = std::min(options.max_sandboxes, facts.slots());
  const int by_files = MaxSandboxesByFiles(open_files);
  if (by_files < options.max_sandboxes) {
    spdlog::warn(
        "event=few_open_files files={} sandboxes={} wanted={} remedy=\"raise the hard limit, "
        "ulimit -Hn\"",
        open_files, by_files, options.max_sandboxes);
    options.max_sandboxes = by_files;
  }
  // More at the same time only makes each of them slower.
  options.max_launches = std::clamp(2 * facts.cpus(), 4, 16);
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Supervisor>> Supervisor::Prepare(const Flags& flags) {
  WARREN_RETURN_IF_ERROR(CheckRoot());
  WARREN_ASSIGN_OR_RETURN(ServingUser user, FindServingUser(flags.user));
  WARREN_ASSIGN_OR_RETURN(std::string prefix, FindPrefix());
  std::unique_ptr<Supervisor> self(new Supervisor());

  // What can be wrong with the files and the addresses, before anything is started.
  WARREN_RETURN_IF_ERROR(EnsureDirectory(flags.runtime_dir, user.uid, user.gid));
  WARREN_RETURN_IF_ERROR(self->OpenKeys(flags.keys, user));
  const Listener::Reach reach =
      self->keys_->Empty() ? Listener::Reach::kLoopback : Listener::Reach::kAnywhere;
  for (const std::string& address : flags.listen) {
    WARREN_ASSIGN_OR_RETURN(Listener listener, Listener::Open(address, user.uid, user.gid, reach));
    self->listeners_.push_back(std::move(listener));
  }
  WARREN_ASSIGN_OR_RETURN(self->gateway_, GatewaySetup::Open(flags.gateway, user, reach));
  LocalBackend::Parts parts;
  WARREN_ASSIGN_OR_RETURN(int64_t open_files, RaiseOpenFiles());

  // Before any thread: the launcher is a fork, and gRPC does not survive one. Before the signals
  // are blocked: the launcher would inherit that.
  LauncherOptions launcher;
  launcher.program = prefix + "/bin/warren-launcher";
  launcher.prefix = prefix;
  launcher.template_store = flags.template_store;
  launcher.cgroup_parent = flags.cgroup_parent;
  launcher.limits_policy = flags.limits_policy;
  launcher.egress_policy = flags.egress_policy;
  launcher.package_policy = flags.package_policy;
  launcher.package_indexes = flags.package_indexes;
  launcher.package_store = flags.package_store;
  launcher.package_store_bytes = flags.package_store_bytes;
  for (const Listener& listener : self->listeners_) {
    if (!listener.path().empty()) launcher.socket_paths.push_back(listener.path());
  }
  launcher.max_sandboxes = flags.max_sandboxes;
  WARREN_ASSIGN_OR_RETURN(parts.launcher, LauncherClient::Start(launcher));
  WARREN_ASSIGN_OR_RETURN(self->signals_, TakeSignals());
  WARREN_ASSIGN_OR_RETURN(LauncherClient::Hello hello, parts.launcher->ReceiveHello(kHelloTimeout));
  parts.templates = TakeTemplates(hello.offer);
  WARREN_ASSIGN_OR_RETURN(parts.default_template,
                          ChooseDefaultTemplate(flags.default_template, parts.templates));
  WARREN_RETURN_IF_ERROR(
      CheckGranted(flags.profile, parts.templates.at(parts.default_template).recipe));
  WARREN_ASSIGN_OR_RETURN(auto pools,
                          ChoosePools(flags.pool, parts.default_template, parts.templates));
  parts.modules = ModuleIndex::Of(parts.templates);
  spdlog::info("event=default_template template={}", parts.default_template);
  parts.limits_policy = std::move(*hello.offer.mutable_limits_policy());
  parts.network_presets = TakePresets(hello.offer);
  parts.network_enabled = hello.offer.network_enabled();
  parts.package_policy = hello.offer.package_policy();
  parts.packages_unavailable = hello.offer.packages_unavailable();
  parts.facts = std::move(hello.facts);
  self->pace_ = std::max(parts.facts.pace(), 1.0);
  // What waits for a sandbox waits so many times as long.
  spdlog::info("event=pace pace={:.1f}", self->pace_);
  parts.pool = MakePoolOptions(flags, parts.facts, open_files);
  parts.pool.ready = std::move(pools);
  parts.pool.profile = flags.profile;
  parts.buffer_memory = flags.buffer_memory_bytes;
  parts.further_contexts = MaxFurtherContexts(open_files, parts.pool.max_sandboxes);
  parts.process_descriptors = MaxProcessDescriptors(open_files, parts.pool.max_sandboxes);
  parts.port_connections = MaxPortConnections(open_files, parts.pool.max_sandboxes);
  self->max_connections_ =
      MaxConnections(open_files, parts.pool.max_sandboxes, self->gateway_.any() ? 2 : 1);
  Gateway::Options& e2b = self->gateway_.options();
  WARREN_ASSIGN_OR_RETURN(e2b.defaults.aliases,
                          TemplateAliasesOf(flags.gateway.templates, parts.default_template));
  e2b.defaults.network = parts.network_enabled;
  e2b.pace = self->pace_;
  // Before there is no room for who comes.
  e2b.crowd = self->max_connections_ - self->max_connections_ / 4;

  // The last use of root.
  WARREN_RETURN_IF_ERROR(DropPrivileges(user));
  WARREN_RETURN_IF_ERROR(self->CheckKeys(user));

  self->launcher_gone_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!self->launcher_gone_.valid()) return Errno("eventfd");
  WARREN_ASSIGN_OR_RETURN(self->loop_, IoLoop::Create());
  WARREN_ASSIGN_OR_RETURN(self->backend_, LocalBackend::Make(*self->loop_, std::move(parts)));
  return self;
}

absl::Status Supervisor::OpenKeys(const std::string& path, const ServingUser& user) {
  keys_ = std::make_unique<KeyStore>(path);
  const absl::Status shared = ShareKeyFile(path, user.gid);
  struct stat file;
  // Where it cannot even be made there is no key, as where nobody has made one.
  if (!shared.ok() && ::stat(path.c_str(), &file) != 0 && errno == ENOENT) {
    spdlog::warn("event=keys_not_made error=\"{}\"", absl::CEscape(shared.message()));
    return absl::OkStatus();
  }
  WARREN_RETURN_IF_ERROR(shared);
  return keys_->Check();
}

absl::Status Supervisor::CheckKeys(const ServingUser& user) {
  absl::Status readable = keys_->Check();
  if (readable.ok()) return readable;
  return absl::FailedPreconditionError(
      absl::StrCat(readable.message(), "; the user that serves, number ", user.uid,
                   ", must be let through the directories on its way, or choose another with "
                   "--keys"));
}

absl::Status Supervisor::Serve() {
  service_ = std::make_unique<Service>(*backend_);
  WARREN_RETURN_IF_ERROR(backend_->Start([this](absl::Status why) {
    launcher_status_ =
        absl::UnavailableError(absl::StrCat("the launcher is gone: ", why.message()));
    uint64_t one = 1;
    ssize_t ignored = ::write(launcher_gone_.get(), &one, sizeof(one));
    (void)ignored;
  }));
  WARREN_ASSIGN_OR_RETURN(server_, ApiServer::Start(*service_, backend_->memory(), *keys_));
  // Before the IO thread runs: afterwards the watches are its own.
  acceptor_.emplace(*loop_, listeners_, max_connections_,
                    [this](int listener, UniqueFd connection) {
                      server_->AddConnection(listener, std::move(connection));
                    });
  WARREN_RETURN_IF_ERROR(acceptor_->Watch());
  if (gateway_.any()) {
    WARREN_RETURN_IF_ERROR(gateway_.Start(*service_, backend_->memory(), *keys_));
    WARREN_RETURN_IF_ERROR(gateway_.Watch(*loop_, max_connections_));
  }
  io_thread_ = std::thread([this] { loop_->Run(); });
  absl::Status end = WaitForEnd();
  StopServing();
  return end;
}

absl::Status Supervisor::WaitForEnd() {
  pollfd ends[] = {{signals_.get(), POLLIN, 0}, {launcher_gone_.get(), POLLIN, 0}};
  while (::poll(ends, 2, -1) < 0 && errno == EINTR) {
  }
  if (ends[1].revents != 0) {
    // Every sandbox is gone with it, and the supervisor ends.
    spdlog::critical("event=launcher_gone error=\"{}\"", absl::CEscape(launcher_status_.message()));
    return launcher_status_;
  }
  spdlog::info("event=stopping grace={}", absl::FormatDuration(kCallGrace * pace_));
  return absl::OkStatus();
}

void Supervisor::StopServing() {
  // Nobody new: connections, sandboxes.
  std::promise<void> deaf;
  loop_->Post([&] {
    acceptor_->Unwatch();
    gateway_.Unwatch();
    deaf.set_value();
  });
  deaf.get_future().wait();
  for (Listener& listener : listeners_) listener.RemoveSocket();
  server_->BeginShutdown();
  backend_->BeginShutdown();
  // Cells and processes that go on are killed when the grace is over; their streams still say so
  // before gRPC cuts them off.
  loop_->AddTimer(MonotonicClock::now() + absl::ToChronoNanoseconds(kCallGrace * pace_),
                  [this] { backend_->EndExecutions(); });
  // A launcher that hangs tells of no end, and nothing that waits for one may hold this up.
  loop_->AddTimer(
      MonotonicClock::now() + absl::ToChronoNanoseconds((kCallGrace + kKilledGrace) * pace_),
      [this] { backend_->GiveUpSandboxes(); });
  // Where no sandbox is used and all is read there is nothing to wait for but idle clients, which
  // need not answer.
  const bool busy = backend_->in_use() || server_->streaming() || gateway_.busy();
  const absl::Duration grace = busy ? (kCallGrace + kKilledGrace) * pace_ : kIdleGrace * pace_;
  const absl::Time until = absl::Now() + grace;
  gateway_.Shutdown(grace);
  server_->Shutdown(std::max(until - absl::Now(), absl::ZeroDuration()));

  std::promise<bool> closed;
  const absl::Duration launcher_grace = kLauncherGrace * pace_;
  loop_->Post([&] { closed.set_value(backend_->CloseLauncher(launcher_grace)); });
  if (!closed.get_future().get()) {
    // It goes on removing sandboxes by itself.
    spdlog::error("event=launcher_slow waited={}", absl::FormatDuration(launcher_grace));
  }
  loop_->Stop();
  io_thread_.join();
  spdlog::info("event=stopped");
}

}  // namespace warren
