#ifndef WARREN_SUPERVISOR_MAIN_TEMPLATE_CHOICE_H_
#define WARREN_SUPERVISOR_MAIN_TEMPLATE_CHOICE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/plan/template_store.h"
#include "supervisor/pool/pool.h"

// What the flags say about templates, held against those that there are. Pure; thread-safe.
namespace warren {

// The template of a sandbox whose request names none: `asked` (--default-template); where that is
// empty "data-science" if it can be used, else "base". An `asked` that there is not is NOT_FOUND,
// one that cannot be used now FAILED_PRECONDITION, with the remedy.
absl::StatusOr<std::string> ChooseDefaultTemplate(const std::string& asked,
                                                  const std::map<std::string, Template>& templates);

// The pools to hold ready: `asked` (--pool); where that is empty two sandboxes of the default
// template. INVALID_ARGUMENT for a template that there is not.
absl::StatusOr<std::map<std::string, ReadyBounds>> ChoosePools(
    const std::map<std::string, ReadyBounds>& asked, const std::string& default_template,
    const std::map<std::string, Template>& templates);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_MAIN_TEMPLATE_CHOICE_H_
