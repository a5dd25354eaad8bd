#include "tools/warren/flags.h"

#include "tools/warren/client.h"

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

void AddAddressOption(CLI::App& command, std::string* address) {
  *address = kDefaultAddress;
  command.add_option("--address", *address, "Where warrend listens: unix:///PATH or HOST:PORT")
      ->type_name("ADDR")
      ->envname("WARREN_ADDRESS")
      ->capture_default_str();
}

void AddServerOptions(CLI::App& command, ServerOptions* options) {
  command.add_flag("--json", options->json, "Print JSON, one object a line");
  AddAddressOption(command, &options->address);
}

CLI::Option* AddSandboxOperand(CLI::App& command, std::string* sandbox_id) {
  return command.add_option("sandbox", *sandbox_id, "The sandbox, as `warren ps` lists it")
      ->type_name(kSandboxType)
      ->required();
}

}  // namespace warren
