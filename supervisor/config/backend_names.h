#ifndef WARREN_SUPERVISOR_CONFIG_BACKEND_NAMES_H_
#define WARREN_SUPERVISOR_CONFIG_BACKEND_NAMES_H_

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "supervisor/config/config_section.h"
#include "warren/config/backends.pb.h"

namespace warren {

// Backends by their names, for the places that refer to them. Thread-compatible; immutable.
class BackendNames {
 public:
  // Complains of names that are missing, wrong or there twice, at most kMaxBackends of them.
  BackendNames(const config::Configuration& configuration, const ConfigSection& file);

  // Its index in the file; of two with one name the first.
  std::optional<int> Find(absl::string_view name) const;
  // Complains in `section` of a reference to a backend that is none, and names the nearest one.
  void CheckReference(absl::string_view name, const ConfigSection& section,
                      ConfigSection::Place place) const;

 private:
  void Add(const config::Backend& backend, int index, const ConfigSection& section);
  // What to do about a name that is none.
  std::string Remedy(absl::string_view wrong) const;

  struct Entry {
    int index;
    int line;
  };
  std::map<std::string, Entry, std::less<>> names_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_CONFIG_BACKEND_NAMES_H_
