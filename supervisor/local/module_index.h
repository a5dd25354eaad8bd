#ifndef WARREN_SUPERVISOR_LOCAL_MODULE_INDEX_H_
#define WARREN_SUPERVISOR_LOCAL_MODULE_INDEX_H_

#include <map>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "runtime/plan/template_store.h"

namespace warren {

// Which modules the Python of each template can import, to answer one question: who has the module
// that a cell has missed? Asked after such an error only; immutable, thread-safe.
//
// The names are Template::modules; a template without any is in no hint.
class ModuleIndex {
 public:
  ModuleIndex() = default;
  static ModuleIndex Of(const std::map<std::string, Template>& templates);

  // What to do about top-level `module`, which is missing in `template_id`: "the template
  // data-science has pandas: ...". Empty when no other template has it, or this one has it after
  // all. `module` is in the answer only where it is one of the names read.
  std::string Hint(const std::string& template_id, absl::string_view module) const;

 private:
  struct Entry {
    std::set<std::string, std::less<>> modules;
    // Template::unavailable.
    std::string unavailable;
  };
  std::map<std::string, Entry> templates_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_MODULE_INDEX_H_
