#ifndef WARREN_RUNTIME_FETCHER_PACKAGE_FILE_H_
#define WARREN_RUNTIME_FETCHER_PACKAGE_FILE_H_

#include <optional>
#include <string>

namespace warren {

// A file of a package, as its index tells of it.
struct PackageFile {
  std::string filename;
  // Absolute; of a directory the name of the file.
  std::string url;
  // Hexadecimal, lower case; empty where the index does not say.
  std::string sha256;
  // PEP 503's data-requires-python; empty for none.
  std::string requires_python;
  // Why it was taken back, which may be nothing (PEP 592); none of one that was not.
  std::optional<std::string> yanked;
  // Its metadata can be had by themselves (PEP 658): their sha256, empty where the index does not
  // say.
  std::optional<std::string> metadata;
};

// What the name of a file may be that is passed on: nothing in it needs an escape in a URL or a
// page.
bool IsPlainFileName(const std::string& name);
// 64 hexadecimal digits, in lower case then; empty of anything else.
std::string NormalizedSha256(const std::string& text);

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_PACKAGE_FILE_H_
