#ifndef WARREN_RUNTIME_PLAN_IMPORTABLE_MODULES_H_
#define WARREN_RUNTIME_PLAN_IMPORTABLE_MODULES_H_

#include <functional>
#include <set>
#include <string>

#include "runtime/plan/template_store.h"

namespace warren {

// The top-level modules that the Python of a template can import, by the files and folders in the
// interpreter's import path: some milliseconds and a thousand names. Of a template that cannot be
// used now, what its recipe preloads. A template whose interpreter does not say its version in its
// name (python3.13, or a link to that) has none.
std::set<std::string, std::less<>> ImportableModules(const Template& from);

}  // namespace warren

#endif  // WARREN_RUNTIME_PLAN_IMPORTABLE_MODULES_H_
