// warren-launcher: started by warrend, as root, before it has a thread. Not for the command line.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include "absl/strings/escaping.h"
#include "runtime/base/io.h"
#include "runtime/launch/launcher/launcher.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace {

// The supervisor prints it and exits.
int FailStart(int socket, const absl::Status& status) {
  warren::internal::LauncherReply reply;
  reply.set_code(static_cast<int32_t>(status.code()));
  reply.set_message(std::string(status.message()));
  warren::SendMessage(socket, reply.SerializeAsString(), {}).IgnoreError();
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  warren::LauncherConfig config;
  CLI::App app("Makes and ends Warren's sandboxes. Started by warrend; not for the command line.");
  app.add_option("--socket-fd", config.socket, "SOCK_SEQPACKET socket to the supervisor")
      ->required();
  app.add_option("--prefix", config.prefix, "Where bin/ and share/warren/ are")->required();
  app.add_option("--templates", config.store, "Template store")->required();
  app.add_option("--cgroup-parent", config.cgroup_parent,
                 "Cgroup, below each hierarchy's root, to make groups in");
  app.add_option("--limits-policy", config.limits_policy,
                 "Limits of sandboxes: policies/limits/NAME.textproto");
  app.add_option(
      "--egress-policy", config.egress_policy,
      "What no sandbox may reach: policies/egress/NAME.textproto, or the path of a file");
  app.add_option("--relay-program", config.relay_program,
                 "Instead of PREFIX/bin/warren-relay, for tests");
  app.add_flag("--no-socket-lookup", config.no_socket_lookup,
               "As on a host that cannot look sockets up, for tests");
  app.add_option("--package-policy", config.package_policy,
                 "Which packages sandboxes may have: policies/packages/NAME.textproto, or the path "
                 "of a file");
  app.add_option("--package-index", config.package_indexes,
                 "URL or directory that packages come from, instead of the policy's indexes");
  app.add_option("--package-store", config.package_store, "Directory of installed packages");
  app.add_option("--package-store-bytes", config.package_store_bytes,
                 "Bytes of files that it may hold");
  app.add_option("--fetcher-program", config.fetcher_program,
                 "Instead of PREFIX/bin/warren-fetcher, for tests");
  app.add_option("--store-program", config.store_program,
                 "Instead of PREFIX/bin/warren-store, for tests");
  app.add_option("--remove-socket", config.sockets,
                 "Socket of the supervisor to remove when it was killed");
  app.add_option("--memory-total", config.memory_total,
                 "Bytes of memory for all sandboxes together; 0: nine tenths of the host's");
  app.add_option("--pids-total", config.pids_total,
                 "Processes and threads of all sandboxes together; 0: nine tenths of the host's");
  app.add_option("--max-sandboxes", config.max_sandboxes, "Sandboxes that can exist at once")
      ->check(CLI::Range(1, warren::kMaxSandboxes));
#ifdef WARREN_TEST_LAYERS
  // From the environment: the supervisor that starts it knows nothing of it.
  app.add_option("--unsafe-layers-off", config.layers_off, "Bits of TestLayer to switch off")
      ->envname("WARREN_UNSAFE_LAYERS_OFF");
#endif
  CLI11_PARSE(app, argc, argv);
  ::fcntl(config.socket, F_SETFD, FD_CLOEXEC);
  spdlog::set_default_logger(spdlog::stderr_logger_st("launcher"));
  // The supervisor ends the launcher by closing its socket; a Ctrl-C in the terminal is its
  // business, not ours.
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(022);

  absl::StatusOr<std::unique_ptr<warren::Launcher>> launcher = warren::Launcher::Create(config);
  if (!launcher.ok()) return FailStart(config.socket, launcher.status());
  absl::Status status = (*launcher)->Run();
  if (!status.ok())
    spdlog::critical("event=launcher_failed error=\"{}\"", absl::CEscape(status.message()));
  return status.ok() ? 0 : 1;
}
