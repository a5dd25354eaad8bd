#include "tools/warren/sandbox_flags.h"

#include <utility>
#include <vector>

#include "tools/warren/network_text.h"
#include "tools/warren/units.h"

namespace warren {
namespace {

CLI::Option* AddCount(CLI::App& command, const std::string& name, const std::string& description,
                      const std::function<void(int32_t)>& store) {
  return command
      .add_option_function<int32_t>(
          name, [store](const int32_t& n) { store(n); }, description)
      ->type_name("N");
}

CLI::Option* AddSize(CLI::App& command, const std::string& name, const std::string& description,
                     const std::function<void(int64_t)>& store) {
  return AddParsed<int64_t>(command, name, "SIZE", description, ParseBytes, store);
}

void AddMemoryCpuPids(CLI::App& command, v1::Limits* limits) {
  AddSize(command, "--memory", "Memory of the sandbox, e.g. 512M",
          [limits](int64_t bytes) { limits->set_memory_bytes(bytes); });
  AddParsed<int32_t>(command, "--cpus", "N", "Cores that it may use, e.g. 0.5", ParseCpuMillis,
                     [limits](int32_t millis) { limits->set_cpu_millis(millis); });
  AddCount(command, "--pids", "Processes and threads that it may have",
           [limits](int32_t n) { limits->set_pids(n); });
}

void AddOutputLimit(CLI::App& command, v1::Limits* limits) {
  AddSize(command, "--output", "Output of an execution that asks for no bound of its own",
          [limits](int64_t bytes) { limits->set_output_bytes(bytes); });
}

// An option HOST[:PORTS], to be given as often as there are rules; each goes into what `add` adds.
void AddRules(CLI::App& command, const std::string& name, const std::string& description,
              const std::function<v1::NetworkRule*()>& add) {
  auto store = [name, add](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      absl::StatusOr<v1::NetworkRule> rule = ParseNetworkRule(text);
      if (!rule.ok()) throw CLI::ValidationError(name, std::string(rule.status().message()));
      *add() = *std::move(rule);
    }
  };
  // Without extra arguments: each takes one, and "[2001:db8::1]" is not taken apart.
  command.add_option_function<std::vector<std::string>>(name, store, description)
      ->type_name("HOST[:PORTS]")
      ->allow_extra_args(false);
}

}  // namespace

void AddChangeableLimits(CLI::App& command, v1::Limits* limits) {
  AddMemoryCpuPids(command, limits);
  AddOutputLimit(command, limits);
}

void AddSandboxOptions(CLI::App& command, v1::CreateSandboxRequest* create) {
  AddText(command, "--template", "NAME",
          "Template of the sandbox; default: the server's, see `warren templates`",
          create->mutable_template_id());
  v1::Limits* limits = create->mutable_limits();
  AddMemoryCpuPids(command, limits);
  AddSize(command, "--disk", "Size of its writable layer, e.g. 256M",
          [limits](int64_t bytes) { limits->set_disk_bytes(bytes); });
  AddNetworkOptions(command, [create] { return create->mutable_network(); });
}

void AddNetworkOptions(CLI::App& command, const std::function<v1::NetworkPolicy*()>& policy) {
  command
      .add_option_function<std::string>(
          "--network", [policy](const std::string& preset) { policy()->set_preset(preset); },
          "What it reaches outside: none, index, internet, or another preset of the server; "
          "default: none")
      ->type_name("PRESET");
  AddRules(command, "--allow", "It may connect there: HOST[:PORTS], e.g. pip.test:443",
           [policy] { return policy()->add_allow(); });
  AddRules(command, "--deny", "It may not, whatever else allows it: HOST[:PORTS]",
           [policy] { return policy()->add_deny(); });
  AddSize(command, "--bandwidth", "Bytes a second of all its connections, each way, e.g. 1M",
          [policy](int64_t bytes) { policy()->set_bytes_per_second(bytes); });
  AddCount(command, "--connections", "Connections that it may have at a time",
           [policy](int32_t n) { policy()->set_max_connections(n); });
}

void AddFurtherLimits(CLI::App& command, v1::Limits* limits) {
  AddCount(command, "--inodes", "Files and directories that it may have",
           [limits](int32_t n) { limits->set_disk_inodes(n); });
  AddCount(command, "--open-files", "Open files of each process",
           [limits](int32_t n) { limits->set_open_files(n); });
  AddSize(command, "--file-size", "Largest file that a process can write",
          [limits](int64_t bytes) { limits->set_file_size_bytes(bytes); });
  command
      .add_option_function<int64_t>(
          "--cpu-seconds", [limits](const int64_t& n) { limits->set_cpu_seconds(n); },
          "CPU seconds that it may use in its life")
      ->type_name("N");
  AddOutputLimit(command, limits);
}

void AddLifetimeOptions(CLI::App& command,
                        const std::function<void(v1::LifetimeFrom)>& lifetime_from,
                        const std::function<void(v1::OnExpiry)>& on_expiry) {
  AddChoice<v1::LifetimeFrom>(
      command, "--lifetime-from",
      {{"use", v1::LIFETIME_FROM_LAST_USE}, {"creation", v1::LIFETIME_FROM_CREATION}},
      "What the lifetime counts from: the last use, or the call that sets it", lifetime_from);
  AddChoice<v1::OnExpiry>(command, "--on-expiry",
                          {{"kill", v1::ON_EXPIRY_KILL}, {"pause", v1::ON_EXPIRY_PAUSE}},
                          "What happens at its end", on_expiry);
}

void AddOwnSandboxOptions(CLI::App& command, CLI::Option* named, SandboxChoice* choice) {
  AddSandboxOptions(command, &choice->create);
  for (const char* name : {"--template", "--memory", "--cpus", "--pids", "--disk", "--network",
                           "--allow", "--deny", "--bandwidth", "--connections"}) {
    command.get_option(name)->excludes(named);
  }
}

CLI::Option* AddSandboxOption(CLI::App& command, std::string* sandbox_id) {
  return AddText(command, "--sandbox", kSandboxType,
                 "Run it in this sandbox; default: in one of its own, gone at the end", sandbox_id);
}

}  // namespace warren
