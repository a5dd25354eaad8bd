#ifndef WARREN_TOOLS_WARREN_FLAGS_H_
#define WARREN_TOOLS_WARREN_FLAGS_H_

#include <google/protobuf/map.h>

#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/warren/client.h"

// The options that several commands have. A type name says what an option takes, for people and for
// the completion of shells: kSandboxType, "FILE", "DIR", or choices as "one|two".
namespace warren {

inline constexpr char kSandboxType[] = "SANDBOX";

// Adds an option whose text `parse` turns into a T for `store`; what it refuses becomes a usage
// error with its message.
template <typename T, typename Parse, typename Store>
CLI::Option* AddParsed(CLI::App& command, const std::string& name, const std::string& type,
                       const std::string& description, Parse parse, Store store) {
  auto convert = [name, parse, store](const std::string& text) {
    absl::StatusOr<T> value = parse(text);
    if (!value.ok()) throw CLI::ValidationError(name, std::string(value.status().message()));
    store(*std::move(value));
  };
  return command.add_option_function<std::string>(name, convert, description)->type_name(type);
}

template <typename T>
using Choices = std::vector<std::pair<std::string, T>>;

template <typename T>
std::string NamesOf(const Choices<T>& choices) {
  return absl::StrJoin(choices, "|",
                       [](std::string* out, const auto& choice) { out->append(choice.first); });
}

template <typename T>
absl::StatusOr<T> ParseChoice(const Choices<T>& choices, const std::string& text) {
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is none of ", NamesOf(choices)));
}

// Adds an option that takes one of `choices`.
template <typename T, typename Store>
CLI::Option* AddChoice(CLI::App& command, const std::string& name, const Choices<T>& choices,
                       const std::string& description, Store store) {
  auto parse = [choices](const std::string& text) { return ParseChoice(choices, text); };
  return AddParsed<T>(command, name, NamesOf(choices), description, parse, store);
}

using StringMap = google::protobuf::Map<std::string, std::string>;
// Adds an option NAME KEY=VALUE, to be given as often as there are entries.
CLI::Option* AddEntries(CLI::App& command, const std::string& name, const std::string& description,
                        StringMap* entries);

// Adds text that goes into `value`.
CLI::Option* AddText(CLI::App& command, const std::string& name, const std::string& type,
                     const std::string& description, std::string* value);

// What every command that talks to a server has.
struct ServerOptions {
  ServerAddress address;
  bool json = false;
};
// --address, --api-key and --json.
void AddServerOptions(CLI::App& command, ServerOptions* options);
void AddAddressOptions(CLI::App& command, ServerAddress* address);

// The sandbox that a command is about: its first operand.
CLI::Option* AddSandboxOperand(CLI::App& command, std::string* sandbox_id);

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FLAGS_H_
