#include "tools/warren/flags.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace warren {

CLI::Option* AddEntries(CLI::App& command, const std::string& name, const std::string& description,
                        StringMap* entries) {
  auto store = [name, entries](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      size_t equals = text.find('=');
      if (equals == 0 || equals == std::string::npos) {
        throw CLI::ValidationError(name, absl::StrCat("\"", text, "\" is not KEY=VALUE"));
      }
      (*entries)[text.substr(0, equals)] = text.substr(equals + 1);
    }
  };
  // Without extra arguments: each takes one, and "K=[1, 2]" is not taken apart.
  return command.add_option_function<std::vector<std::string>>(name, store, description)
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

CLI::Option* AddText(CLI::App& command, const std::string& name, const std::string& type,
                     const std::string& description, std::string* value) {
  return command
      .add_option_function<std::string>(
          name, [value](const std::string& text) { *value = text; }, description)
      ->type_name(type);
}

namespace {

// Of what else gRPC would take the process down. It is not repeated.
std::string CheckApiKey(const std::string& key) {
  const bool sendable = std::all_of(key.begin(), key.end(), absl::ascii_isgraph);
  return sendable ? "" : "has characters that no key has: is there a line's end in it?";
}

}  // namespace

void AddAddressOptions(CLI::App& command, ServerAddress* address) {
  command
      .add_option("--address", address->target,
                  "Where warrend listens: unix:///PATH, HOST:PORT or tls://HOST:PORT")
      ->type_name("ADDR")
      ->envname("WARREN_ADDRESS")
      ->capture_default_str();
  // No default is shown: that of the environment is a secret.
  command
      .add_option(
          "--api-key", address->api_key,
          "Key for a server that demands one; other users of this host can read it here, so "
          "better in the environment")
      ->type_name("KEY")
      ->envname("WARREN_API_KEY")
      ->check(CLI::Validator(CheckApiKey, ""));
}

void AddServerOptions(CLI::App& command, ServerOptions* options) {
  command.add_flag("--json", options->json, "Print JSON, one object a line");
  AddAddressOptions(command, &options->address);
}

CLI::Option* AddSandboxOperand(CLI::App& command, std::string* sandbox_id) {
  return command.add_option("sandbox", *sandbox_id, "The sandbox, as `warren ps` lists it")
      ->type_name(kSandboxType)
      ->required();
}

}  // namespace warren
