#ifndef WARREN_RUNTIME_FETCHER_SIMPLE_PAGE_H_
#define WARREN_RUNTIME_FETCHER_SIMPLE_PAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "runtime/fetcher/package_file.h"

namespace warren {

// A file and where a sandbox finds it: a path of the fetcher's own that needs no escape.
struct SimpleLink {
  PackageFile file;
  std::string path;
};

// A package's page as PEP 503 has it, with the attributes of PEP 592, 658 and 714.
std::string SimplePage(absl::string_view package, const std::vector<SimpleLink>& links);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_SIMPLE_PAGE_H_
