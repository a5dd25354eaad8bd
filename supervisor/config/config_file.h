#ifndef WARREN_SUPERVISOR_CONFIG_CONFIG_FILE_H_
#define WARREN_SUPERVISOR_CONFIG_CONFIG_FILE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/config/backend_secrets.h"
#include "supervisor/config/config_problem.h"
#include "warren/config/backends.pb.h"

// The file of `warrend --config`, and of `warren config check`.
namespace warren {

// A configuration that can be served.
struct LoadedConfiguration {
  // With the defaults filled in.
  config::Configuration configuration;
  // By the names of backends; each has an entry.
  std::map<std::string, BackendSecrets> secrets;
};

// A configuration, and all that is wrong with it, in the order of the file.
struct CheckedConfiguration {
  // To be served only where there is no problem.
  LoadedConfiguration loaded;
  ConfigProblems problems;
};

// Whether keys and certificates are read too: whoever writes a file need not have what the server
// has.
enum class SecretFiles { kRead, kLeave };

// Checks a text. One that cannot be parsed has no other problems than that. Pure with kLeave.
CheckedConfiguration CheckConfigurationText(const std::string& text, SecretFiles secrets);

// The same of a file of at most a megabyte; an error only where that cannot be read.
absl::StatusOr<CheckedConfiguration> CheckConfigurationFile(const std::string& path,
                                                            SecretFiles secrets);

// Reads all of it. INVALID_ARGUMENT has a line for each problem, "PATH:LINE:COLUMN: …". Thread-safe
// but for setenv.
absl::StatusOr<LoadedConfiguration> LoadConfiguration(const std::string& path);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_CONFIG_FILE_H_
