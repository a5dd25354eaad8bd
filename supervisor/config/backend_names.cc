#include "supervisor/config/backend_names.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/network/quote.h"
#include "supervisor/backend/tenant.h"

namespace warren {
namespace {

constexpr size_t kMaxBackendName = 63;
// What a slip of the fingers makes of a name.
constexpr size_t kMostSlips = 2;

// How many characters must be put in, taken out or changed to make one name of the other
// (Levenshtein's distance).
size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

BackendNames::BackendNames(const config::Configuration& configuration, const ConfigSection& file) {
  for (int i = 0; i < configuration.backends_size(); ++i) {
    Add(configuration.backends(i), i, file.Nested(config::Configuration::kBackendsFieldNumber, i));
  }
}

void BackendNames::Add(const config::Backend& backend, int index, const ConfigSection& section) {
  const ConfigSection::Place place = section.At(config::Backend::kNameFieldNumber);
  const std::string& name = backend.name();
  if (name.empty()) {
    section.Complain(place, "the backend has no name", "give it one: name: \"cloud\"");
    return;
  }
  // Tenants are named in the same way.
  if (!IsTenant(name)) {
    section.Complain(
        place, absl::StrCat(Quoted(name), " cannot be the name of a backend"),
        absl::StrCat("write 1 to ", kMaxBackendName, " of a-z, 0-9 and -, the first no -"));
    return;
  }
  const auto [entry, added] = names_.try_emplace(name, Entry{index, section.Here().line});
  if (added) return;
  section.Complain(
      place,
      absl::StrCat("the backend of line ", entry->second.line, " is called ", Quoted(name), " too"),
      "give it another name");
}

std::optional<int> BackendNames::Find(absl::string_view name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) return std::nullopt;
  return found->second.index;
}

void BackendNames::CheckReference(absl::string_view name, const ConfigSection& section,
                                  ConfigSection::Place place) const {
  if (name.empty()) {
    section.Complain(place, "it names no backend", Remedy(name));
  } else if (!Find(name)) {
    section.Complain(place, absl::StrCat("no backend is named ", Quoted(name)), Remedy(name));
  }
}

std::string BackendNames::Remedy(absl::string_view wrong) const {
  if (names_.empty()) return "add a backend with a name";
  std::string nearest;
  // A name of three letters is two away from too many others.
  size_t best = std::min(kMostSlips, wrong.size() / 2) + 1;
  for (const auto& [name, entry] : names_) {
    if (wrong.size() > name.size() + kMostSlips) continue;
    const size_t distance = Distance(wrong, name);
    if (distance >= best) continue;
    best = distance;
    nearest = name;
  }
  if (!nearest.empty()) return absl::StrCat("do you mean ", Quoted(nearest), "?");
  return absl::StrCat("name one of ", absl::StrJoin(names_, ", ", [](auto* out, const auto& entry) {
                        out->append(entry.first);
                      }));
}

}  // namespace warren
