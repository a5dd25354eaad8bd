#ifndef WARREN_SUPERVISOR_LOCAL_PACKAGE_LIST_H_
#define WARREN_SUPERVISOR_LOCAL_PACKAGE_LIST_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "warren/v1/package.pb.h"

namespace warren {

// The Python distributions of a sandbox, by the names of their metadata directories. Whoever is in
// the sandbox makes these names: what does not read as one is passed over, and there is a bound.
// Thread-compatible.
class PackageList {
 public:
  // Bounds of the contract.
  static constexpr size_t kMaxPackages = 4096;
  static constexpr size_t kMaxName = 128;
  static constexpr size_t kMaxVersion = 64;

  // An entry of a directory of the import path, by its whole path; directories come in the order
  // of that. False when it is a package that there is no room for.
  bool Add(absl::string_view path);
  // Sorted by name.
  void MoveTo(google::protobuf::RepeatedPtrField<warren::v1::Environment::Package>* packages);

 private:
  // By normalized name: the version.
  std::map<std::string, std::string> packages_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_PACKAGE_LIST_H_
