#ifndef WARREN_TOOLS_WARREN_FLAGS_H_
#define WARREN_TOOLS_WARREN_FLAGS_H_

#include <string>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"

namespace warren {

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

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_FLAGS_H_
