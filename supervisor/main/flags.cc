#include "supervisor/main/flags.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/user_ids.h"
#include "runtime/plan/launch_plan.h"
#include "runtime/plan/package_directories.h"
#include "runtime/plan/template_store.h"
#include "supervisor/keys/key_file.h"

namespace warren {
namespace {

constexpr char kVersion[] = "warrend 0.1.0";
constexpr int kUsageError = 2;
constexpr int64_t kMebibyte = int64_t{1} << 20;
// One large package with what it needs.
constexpr int64_t kLeastPackageStoreBytes = 64 * kMebibyte;

// A store with a mistake in its name must not come into being as an empty one.
std::string CheckStore(const std::string& directory) {
  std::error_code error;
  const bool is_directory = std::filesystem::is_directory(directory, error);
  if (is_directory) return "";
  return absl::StrCat("open ", directory, ": ", error ? error.message() : "not a directory",
                      "; name a directory that exists, or build a template into this one "
                      "(rootfs/build --store ",
                      directory, " data-science)");
}

std::string CheckMaxSandboxes(const std::string& text) {
  int count = 0;
  if (absl::SimpleAtoi(text, &count) && count >= 1 && count <= kMaxSandboxes) return "";
  return absl::StrCat(text, " is not from 1 to ", kMaxSandboxes,
                      ": each sandbox has 65536 user ids of the host's, and there are no more");
}

// A URL stays as it is; a directory is named by its absolute path from here on, for the launcher's
// working directory may be another.
std::string ResolveIndex(std::string& index) {
  if (absl::StartsWith(index, "https://") || absl::StartsWith(index, "http://")) return "";
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(index, error);
  if (!error && std::filesystem::is_directory(path, error)) {
    index = path.string();
    return "";
  }
  return absl::StrCat("\"", index, "\" is neither a URL (https://… or http://…) nor a directory",
                      error ? absl::StrCat(": ", error.message()) : "");
}

std::string ResolveStore(std::string& directory) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(directory, error);
  if (directory.empty() || error) return "must be the path of a directory";
  directory = path.lexically_normal().string();
  return "";
}

std::string ResolveConfigFile(std::string& file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(file, error);
  if (error || !std::filesystem::is_regular_file(path, error)) return "must be the path of a file";
  file = path.lexically_normal().string();
  return "";
}

std::string ResolveKeyFile(std::string& file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(file, error);
  if (file.empty() || error || !path.has_filename()) return "must be the path of a file";
  file = path.lexically_normal().string();
  return "";
}

void DeclarePackages(CLI::App& app, Flags& flags) {
  app.add_option("--package-policy", flags.package_policy,
                 "Which packages sandboxes may have, and where they come from: NAME for "
                 "share/warren/policies/packages/NAME.textproto, or, with a '/' in it, the path of "
                 "such a file")
      ->envname("WARREN_PACKAGE_POLICY")
      ->default_val("default");
  app.add_option("--package-index", flags.package_indexes,
                 "Where packages come from instead of the policy's indexes: URL of a simple API, "
                 "or a directory of wheels that everybody may read. May be repeated: the first "
                 "that has a package has all of it")
      ->envname("WARREN_PACKAGE_INDEX")
      ->transform(CLI::Validator(ResolveIndex, "URL|DIR"));
  app.add_option("--package-store", flags.package_store,
                 "Directory to keep installed packages in, of this server alone; made where it is "
                 "missing")
      ->envname("WARREN_PACKAGE_STORE")
      ->transform(CLI::Validator(ResolveStore, "DIR"))
      ->default_val(kDefaultPackageStore);
  app.add_option("--package-store-bytes", flags.package_store_bytes,
                 "Bytes of packages to keep there; those that were not used for longest go")
      ->envname("WARREN_PACKAGE_STORE_BYTES")
      ->check(CLI::Range(kLeastPackageStoreBytes, int64_t{1} << 60))
      ->default_val(kDefaultPackageStoreBytes);
}

void DeclareTls(CLI::App& app, Flags& flags) {
  auto* listen = app.add_option("--tls-listen", flags.tls_listen,
                                "Address to serve at with TLS, by the certificate below: "
                                "LOOPBACK:PORT or, where there is an API key, ADDRESS:PORT. May be "
                                "repeated; none by default")
                     ->envname("WARREN_TLS_LISTEN");
  auto* certificate = app.add_option("--certificate", flags.certificate,
                                     "Certificate for --tls-listen, with its chain, in PEM")
                          ->envname("WARREN_CERTIFICATE")
                          ->check(CLI::ExistingFile);
  auto* key = app.add_option("--certificate-key", flags.certificate_key, "Its private key, in PEM")
                  ->envname("WARREN_CERTIFICATE_KEY")
                  ->check(CLI::ExistingFile);
  listen->needs(certificate)->needs(key);
}

void DeclareConfig(CLI::App& app, Flags& flags) {
  app.add_option(
         "--config", flags.config,
         "File of the backends that run sandboxes: this machine, other Warrens, E2B's "
         "cloud, and which of them when. `warren config check` says what is wrong with one; "
         "SIGHUP has it read again. Without it this machine alone")
      ->envname("WARREN_CONFIG")
      ->transform(CLI::Validator(ResolveConfigFile, "FILE"));
}

void DeclareKeys(CLI::App& app, Flags& flags) {
  app.add_option(
         "--keys", flags.keys,
         "File of the API keys, which `warren keys` makes and changes; made, without a key, "
         "where it is missing. Once it has one, every call over TCP must bring a valid key")
      ->envname("WARREN_KEYS")
      ->transform(CLI::Validator(ResolveKeyFile, "FILE"))
      ->default_val(kDefaultKeyFile);
}

void Declare(CLI::App& app, Flags& flags, std::vector<std::string>& pool, int64_t& pool_mebibytes,
             int64_t& buffer_mebibytes) {
  app.set_version_flag("--version", kVersion);
  app.add_option(
         "--listen", flags.listen,
         "Address to serve at: unix:///PATH, LOOPBACK:PORT or, where there is an API key, any "
         "numeric ADDRESS:PORT; TCP here is without TLS, see --tls-listen. May be "
         "repeated")
      ->envname("WARREN_LISTEN")
      ->default_val(std::vector<std::string>{"unix:///run/warren/warren.sock"});
  // The check comes after the default, which is made when it is missing: `base` needs no store.
  app.add_option("--templates", flags.template_store,
                 "Directory of the built templates; one that is named must exist")
      ->envname("WARREN_TEMPLATES")
      ->default_val(kDefaultTemplateStore)
      ->check(CLI::Validator(CheckStore, "DIR"));
  app.add_option(
         "--default-template", flags.default_template,
         "Template of a sandbox for which none is named (default: \"data-science\" where it "
         "is built, else \"base\")")
      ->envname("WARREN_DEFAULT_TEMPLATE");
  app.add_option("--pool", pool,
                 "NAME=MIN or NAME=MIN:MAX: sandboxes of a template to hold ready; demand decides "
                 "within. May be repeated; a template that is not named starts with its first use "
                 "(default: 2 of the default template)")
      ->envname("WARREN_POOL");
  app.add_option("--pool-memory", pool_mebibytes,
                 "MiB of memory that the ready sandboxes of a template may hold together")
      ->envname("WARREN_POOL_MEMORY")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20))
      ->default_val(1024);
  app.add_option("--buffer-memory", buffer_mebibytes,
                 "MiB that code which waits and output which is not read may hold, of all "
                 "sandboxes together (default: a sixteenth of the host's memory)")
      ->envname("WARREN_BUFFER_MEMORY")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  app.add_option("--max-sandboxes", flags.max_sandboxes,
                 "Sandboxes that may exist at the same time")
      ->envname("WARREN_MAX_SANDBOXES")
      ->check(CLI::Validator(CheckMaxSandboxes, absl::StrCat("1 to ", kMaxSandboxes)))
      ->default_val(1000);
  app.add_option("--user", flags.user,
                 "User to serve as, by name or number (default: \"warren\" if there is one, else "
                 "number 60990)")
      ->envname("WARREN_USER");
  app.add_option("--cgroup-parent", flags.cgroup_parent,
                 "Name of the cgroup that holds all sandboxes; one for each supervisor on the host")
      ->envname("WARREN_CGROUP_PARENT")
      ->check(CLI::Validator(
          [](const std::string& name) {
            return name.empty() || name.find('/') != std::string::npos || name[0] == '.'
                       ? std::string("must be a name, not a path")
                       : std::string();
          },
          "NAME"))
      ->default_val("warren");
  app.add_option("--runtime-dir", flags.runtime_dir,
                 "Directory for what lives as long as the supervisor")
      ->envname("WARREN_RUNTIME_DIR")
      ->default_val("/run/warren");
  app.add_option("--log-level", flags.log_level, "debug, info, warn or error")
      ->envname("WARREN_LOG_LEVEL")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->default_val("info");
  app.add_option("--limits-policy", flags.limits_policy,
                 "Name of the limits policy, share/warren/policies/limits/NAME.textproto")
      ->envname("WARREN_LIMITS_POLICY")
      ->default_val("default");
  app.add_option("--egress-policy", flags.egress_policy,
                 "The egress policy, which holds for the network of every sandbox: NAME for "
                 "share/warren/policies/egress/NAME.textproto, or, with a '/' in it, the path of "
                 "such a file")
      ->envname("WARREN_EGRESS_POLICY")
      ->default_val("default");
  DeclarePackages(app, flags);
  DeclareKeys(app, flags);
  DeclareTls(app, flags);
  DeclareConfig(app, flags);
  DeclareGateway(app, flags.gateway);
  app.add_option(
         "--profile", flags.profile,
         "Profile of all sandboxes, share/warren/policies/profiles/NAME.textproto: user, or "
         "root of its sandbox, which the default template must grant")
      ->envname("WARREN_PROFILE")
      ->check(CLI::IsMember({kUserProfile, kRootProfile}))
      ->default_val(kUserProfile);
}

}  // namespace

absl::StatusOr<std::pair<std::string, ReadyBounds>> ParsePoolEntry(const std::string& text) {
  const std::pair<std::string, std::string> entry = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::pair<std::string, std::string> range =
      absl::StrSplit(entry.second, absl::MaxSplits(':', 1));
  const bool open_ended = entry.second.find(':') == std::string::npos;
  ReadyBounds bounds{-1, kMaxReady};
  if (entry.first.empty() || !absl::SimpleAtoi(range.first, &bounds.minimum) ||
      (!open_ended && !absl::SimpleAtoi(range.second, &bounds.maximum)) || bounds.minimum < 0 ||
      bounds.maximum < bounds.minimum || bounds.maximum > kMaxReady) {
    return absl::InvalidArgumentError(
        absl::StrCat("--pool: \"", text,
                     "\" is neither NAME=MIN nor NAME=MIN:MAX, with numbers up to ", kMaxReady));
  }
  return std::make_pair(entry.first, bounds);
}

ParsedFlags ParseFlags(int argc, char** argv) {
  CLI::App app(
      "The Warren supervisor: serves sandboxes over gRPC. Start it as root; it gives root up "
      "before it serves.",
      "warrend");
  ParsedFlags result;
  std::vector<std::string> pool;
  int64_t pool_mebibytes = 0;
  int64_t buffer_mebibytes = 0;
  Declare(app, result.flags, pool, pool_mebibytes, buffer_mebibytes);
  try {
    app.parse(argc, argv);
    for (const std::string& entry : pool) {
      auto parsed = ParsePoolEntry(entry);
      if (!parsed.ok()) throw CLI::ValidationError(std::string(parsed.status().message()));
      result.flags.pool.insert(*std::move(parsed));
    }
  } catch (const CLI::ParseError& error) {
    result.finished = true;
    result.exit_code = app.exit(error) == 0 ? 0 : kUsageError;
  }
  result.flags.pool_memory_bytes = pool_mebibytes * kMebibyte;
  result.flags.buffer_memory_bytes = buffer_mebibytes * kMebibyte;
  return result;
}

}  // namespace warren
