#include "supervisor/config/failover_check.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

using config::Backend;
using config::FailoverBackend;

constexpr int kFewestMembers = 2;

ConfigSection ListSection(const ConfigSection& file, int backend) {
  return file.Nested(config::Configuration::kBackendsFieldNumber, backend)
      .Nested(Backend::kFailoverFieldNumber);
}

// Follows the lists, each once. Lifecycle: CycleFinder → Look.
class CycleFinder {
 public:
  CycleFinder(const config::Configuration& configuration, const BackendNames& names,
              const ConfigSection& file)
      : configuration_(configuration), names_(names), file_(file) {
    seen_.resize(static_cast<size_t>(configuration.backends_size()));
  }

  void Look() {
    for (int i = 0; i < configuration_.backends_size(); ++i) Follow(i);
  }

 private:
  // As deep as there are backends, of which there are few.
  void Follow(int backend) {  // NOLINT(misc-no-recursion)
    if (seen_[static_cast<size_t>(backend)]) return;
    seen_[static_cast<size_t>(backend)] = true;
    path_.push_back(backend);
    const FailoverBackend& list = configuration_.backends(backend).failover();
    for (int i = 0; i < list.backends_size(); ++i) {
      const std::optional<int> member = names_.Find(list.backends(i));
      if (!member) continue;
      const auto above = std::find(path_.begin(), path_.end(), *member);
      if (above == path_.end()) {
        Follow(*member);
      } else {
        Tell(backend, i, {above, path_.end()});
      }
    }
    path_.pop_back();
  }

  void Tell(int backend, int index, std::vector<int> round) const {
    const ConfigSection section = ListSection(file_, backend);
    const ConfigSection::Place place = section.At(FailoverBackend::kBackendsFieldNumber, index);
    if (round.size() == 1) {
      section.Complain(place,
                       absl::StrCat("the list ", Quoted(configuration_.backends(backend).name()),
                                    " names itself"),
                       "remove it");
      return;
    }
    round.push_back(round.front());
    const std::string text = absl::StrJoin(round, " → ", [this](std::string* out, int i) {
      out->append(configuration_.backends(i).name());
    });
    section.Complain(place, absl::StrCat("the lists lead in a circle: ", text),
                     "remove one of these names from its list");
  }

  const config::Configuration& configuration_;
  const BackendNames& names_;
  const ConfigSection& file_;
  std::vector<bool> seen_;
  // From the list where it began to the one that is looked at.
  std::vector<int> path_;
};

void CheckMembers(const FailoverBackend& list, const BackendNames& names,
                  const ConfigSection& section) {
  if (list.backends_size() < kFewestMembers) {
    section.Complain(section.Here(),
                     absl::StrCat("the list has fewer than ", kFewestMembers, " backends"),
                     "name another, or the one itself instead of the list");
  }
  std::set<std::string> seen;
  for (int i = 0; i < list.backends_size(); ++i) {
    const ConfigSection::Place place = section.At(FailoverBackend::kBackendsFieldNumber, i);
    names.CheckReference(list.backends(i), section, place);
    if (seen.insert(list.backends(i)).second) continue;
    section.Complain(place, absl::StrCat(Quoted(list.backends(i)), " is in the list twice"),
                     "remove one of them");
  }
}

}  // namespace

void CheckFailover(const config::Configuration& configuration, const BackendNames& names,
                   const ConfigSection& file) {
  for (int i = 0; i < configuration.backends_size(); ++i) {
    if (!configuration.backends(i).has_failover()) continue;
    CheckMembers(configuration.backends(i).failover(), names, ListSection(file, i));
  }
  CycleFinder(configuration, names, file).Look();
}

}  // namespace warren
