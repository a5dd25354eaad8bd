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
#include "supervisor/main/certificate.h"

namespace warren {
namespace {

// docs/TIMING.md has them all.
// On a host of pace 1. Running calls may end by themselves for so long after SIGTERM; then their
// cells are killed.
constexpr absl::Duration kCallGrace = absl::Seconds(3);
constexpr absl::Duration kKilledGrace = absl::Seconds(2);
constexpr absl::Duration kIdleGrace = absl::Milliseconds(200);
constexpr absl::Duration kLauncherGrace = absl::Seconds(30);
// Of a server without a launcher, who would know the host.
constexpr int64_t kBufferMemoryWithoutHost = int64_t{256} << 20;

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
  sigaddset(&set, SIGHUP);
  if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return Errno("sigprocmask");
  UniqueFd signals(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!signals.valid()) return Errno("signalfd");
  // A worker or client that is gone is an error of the write.
  if (::signal(SIGPIPE, SIG_IGN) == SIG_ERR) return Errno("ignore SIGPIPE");
  return signals;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Supervisor>> Supervisor::Prepare(const Flags& flags) {
  std::unique_ptr<Supervisor> self(new Supervisor());
  WARREN_ASSIGN_OR_RETURN(self->plan_, BackendPlan::Read(flags.config));
  if (self->plan_.has_local()) WARREN_RETURN_IF_ERROR(CheckRoot());
  WARREN_ASSIGN_OR_RETURN(ServingUser user, FindServingUser(flags.user));
  WARREN_ASSIGN_OR_RETURN(std::string prefix, FindPrefix());

  // What can be wrong with the files and the addresses, before anything is started.
  WARREN_RETURN_IF_ERROR(EnsureDirectory(flags.runtime_dir, user.uid, user.gid));
  WARREN_RETURN_IF_ERROR(self->OpenKeys(flags.keys, user));
  const Listener::Reach reach =
      self->keys_->Empty() ? Listener::Reach::kLoopback : Listener::Reach::kAnywhere;
  WARREN_RETURN_IF_ERROR(self->OpenListeners(flags, user, reach));
  WARREN_ASSIGN_OR_RETURN(self->gateway_, GatewaySetup::Open(flags.gateway, user, reach));
  WARREN_ASSIGN_OR_RETURN(int64_t open_files, RaiseOpenFiles());

  // Before any thread, before the signals are blocked.
  std::optional<LocalSetup> local;
  if (self->plan_.has_local()) {
    WARREN_ASSIGN_OR_RETURN(local, LocalSetup::Start(flags, prefix, self->SocketPaths()));
  }
  WARREN_ASSIGN_OR_RETURN(self->signals_, TakeSignals());
  if (local) WARREN_RETURN_IF_ERROR(local->Receive(flags, open_files));
  WARREN_RETURN_IF_ERROR(self->Settle(flags, local, open_files));

  // The last use of root.
  if (::geteuid() == 0) WARREN_RETURN_IF_ERROR(DropPrivileges(user));
  WARREN_RETURN_IF_ERROR(self->CheckKeys(user));

  self->launcher_gone_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!self->launcher_gone_.valid()) return Errno("eventfd");
  WARREN_ASSIGN_OR_RETURN(self->loop_, IoLoop::Create());
  if (local) {
    WARREN_ASSIGN_OR_RETURN(self->local_, local->Make(*self->loop_, self->plan_.local_name()));
  } else {
    self->memory_ = std::make_unique<MemoryBudget>(
        flags.buffer_memory_bytes > 0 ? flags.buffer_memory_bytes : kBufferMemoryWithoutHost);
  }
  if (!flags.config.empty()) {
    WARREN_ASSIGN_OR_RETURN(
        self->configured_,
        ConfiguredBackends::Make({flags.config, prefix, self->local_.get(), self->pace_},
                                 *self->loop_));
  }
  return self;
}

absl::Status Supervisor::OpenListeners(const Flags& flags, const ServingUser& user,
                                       Listener::Reach reach) {
  std::vector<std::string> addresses = flags.listen;
  plain_listeners_ = addresses.size();
  addresses.insert(addresses.end(), flags.tls_listen.begin(), flags.tls_listen.end());
  for (const std::string& address : addresses) {
    WARREN_ASSIGN_OR_RETURN(Listener listener, Listener::Open(address, user.uid, user.gid, reach));
    listeners_.push_back(std::move(listener));
  }
  if (flags.tls_listen.empty()) return absl::OkStatus();
  WARREN_ASSIGN_OR_RETURN(certificate_, ReadCertificate(flags.certificate, flags.certificate_key));
  return absl::OkStatus();
}

std::vector<std::string> Supervisor::SocketPaths() const {
  std::vector<std::string> paths;
  for (const Listener& listener : listeners_) {
    if (!listener.path().empty()) paths.push_back(listener.path());
  }
  return paths;
}

// What the doors have to know of what is behind them.
absl::Status Supervisor::Settle(const Flags& flags, const std::optional<LocalSetup>& local,
                                int64_t open_files) {
  if (local) pace_ = local->pace();
  const int sandboxes = local ? local->max_sandboxes() : flags.max_sandboxes;
  max_connections_ = MaxConnections(open_files, sandboxes, gateway_.any() ? 2 : 1);
  Gateway::Options& e2b = gateway_.options();
  WARREN_ASSIGN_OR_RETURN(
      e2b.defaults.aliases,
      TemplateAliasesOf(flags.gateway.templates, local ? local->default_template() : ""));
  e2b.defaults.network = !local || local->network_enabled();
  e2b.pace = pace_;
  // Before there is no room for who comes.
  e2b.crowd = max_connections_ - max_connections_ / 4;
  return absl::OkStatus();
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
  Backend& backend = configured_ != nullptr ? configured_->backend() : *local_;
  service_ = std::make_unique<Service>(backend);
  if (local_ != nullptr) {
    WARREN_RETURN_IF_ERROR(local_->Start([this](absl::Status why) {
      launcher_status_ =
          absl::UnavailableError(absl::StrCat("the launcher is gone: ", why.message()));
      uint64_t one = 1;
      ssize_t ignored = ::write(launcher_gone_.get(), &one, sizeof(one));
      (void)ignored;
    }));
  }
  if (configured_ != nullptr) WARREN_RETURN_IF_ERROR(configured_->Load());
  MemoryBudget& memory = local_ != nullptr ? local_->memory() : *memory_;
  WARREN_ASSIGN_OR_RETURN(server_, ApiServer::Start(*service_, memory, *keys_, certificate_));
  // Before the IO thread runs: afterwards the watches are its own.
  acceptor_.emplace(*loop_, listeners_, max_connections_,
                    [this](int listener, UniqueFd connection) {
                      server_->AddConnection(listener, std::move(connection), SecurityOf(listener));
                    });
  WARREN_RETURN_IF_ERROR(acceptor_->Watch());
  if (gateway_.any()) {
    WARREN_RETURN_IF_ERROR(gateway_.Start(*service_, memory, *keys_));
    WARREN_RETURN_IF_ERROR(gateway_.Watch(*loop_, max_connections_));
  }
  io_thread_ = std::thread([this] { loop_->Run(); });
  absl::Status end = WaitForEnd();
  StopServing();
  return end;
}

Security Supervisor::SecurityOf(int listener) const {
  for (size_t i = plain_listeners_; i < listeners_.size(); ++i) {
    if (listeners_[i].fd() == listener) return Security::kTls;
  }
  return Security::kPlain;
}

absl::Status Supervisor::WaitForEnd() {
  pollfd ends[] = {{signals_.get(), POLLIN, 0}, {launcher_gone_.get(), POLLIN, 0}};
  for (;;) {
    while (::poll(ends, 2, -1) < 0 && errno == EINTR) {
    }
    if (ends[1].revents != 0 || !TakeReload()) break;
  }
  if (ends[1].revents != 0) {
    // Every sandbox is gone with it, and the supervisor ends.
    spdlog::critical("event=launcher_gone error=\"{}\"", absl::CEscape(launcher_status_.message()));
    return launcher_status_;
  }
  spdlog::info("event=stopping grace={}", absl::FormatDuration(kCallGrace * pace_));
  return absl::OkStatus();
}

// Whether the signal that has come was that, and not one to end by.
bool Supervisor::TakeReload() {
  signalfd_siginfo signal{};
  if (::read(signals_.get(), &signal, sizeof(signal)) != sizeof(signal)) return true;
  if (signal.ssi_signo != SIGHUP) return false;
  if (configured_ == nullptr) {
    spdlog::warn("event=reload_without_config remedy=\"start with --config\"");
    return true;
  }
  const absl::Status loaded = configured_->Load();
  if (!loaded.ok()) {
    spdlog::error("event=config_not_loaded error=\"{}\" remedy=\"what was read before holds\"",
                  absl::CEscape(loaded.message()));
  }
  return true;
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
  if (local_ != nullptr) StopLocal();
  // Where no sandbox is used and all is read there is nothing to wait for but idle clients, which
  // need not answer.
  const bool used = local_ != nullptr && local_->in_use();
  const bool busy = used || server_->streaming() || gateway_.busy();
  const absl::Duration grace = busy ? (kCallGrace + kKilledGrace) * pace_ : kIdleGrace * pace_;
  const absl::Time until = absl::Now() + grace;
  gateway_.Shutdown(grace);
  server_->Shutdown(std::max(until - absl::Now(), absl::ZeroDuration()));
  if (local_ != nullptr) CloseLauncher();
  loop_->Stop();
  io_thread_.join();
  spdlog::info("event=stopped");
}

void Supervisor::StopLocal() {
  local_->BeginShutdown();
  // Cells and processes that go on are killed when the grace is over; their streams still say so
  // before gRPC cuts them off.
  loop_->AddTimer(MonotonicClock::now() + absl::ToChronoNanoseconds(kCallGrace * pace_),
                  [this] { local_->EndExecutions(); });
  // A launcher that hangs tells of no end, and nothing that waits for one may hold this up.
  loop_->AddTimer(
      MonotonicClock::now() + absl::ToChronoNanoseconds((kCallGrace + kKilledGrace) * pace_),
      [this] { local_->GiveUpSandboxes(); });
}

void Supervisor::CloseLauncher() {
  std::promise<bool> closed;
  const absl::Duration launcher_grace = kLauncherGrace * pace_;
  loop_->Post([&] { closed.set_value(local_->CloseLauncher(launcher_grace)); });
  if (!closed.get_future().get()) {
    // It goes on removing sandboxes by itself.
    spdlog::error("event=launcher_slow waited={}", absl::FormatDuration(launcher_grace));
  }
}

}  // namespace warren
