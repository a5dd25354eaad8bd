#ifndef WARREN_RUNTIME_PACKAGES_VERSION_SPECIFIER_H_
#define WARREN_RUNTIME_PACKAGES_VERSION_SPECIFIER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/packages/version.h"

namespace warren {

// Clauses as PEP 440 has them, all of which must hold: ">=1.24,<3", "==2.*", "~=1.4.2", "!=1.5",
// "===1.0"; empty holds for every version. A prerelease fits as any other version does: whether one
// is wanted is for who chooses.
class VersionSpecifier {
 public:
  // INVALID_ARGUMENT names the clause. Behind "===" may be whatever is of letters, digits and
  // "-_.+!*", at most kMaxVersionBytes; only a release stands before ".*".
  static absl::StatusOr<VersionSpecifier> Parse(absl::string_view text);
  bool Fits(const Version& version) const;
  bool empty() const { return clauses_.empty(); }

 private:
  struct Clause {
    std::string op;
    Version version;
    // "==2.*"
    bool prefix = false;
    // Of "===".
    std::string text;
  };
  static absl::StatusOr<Clause> ParseClause(absl::string_view text);
  static bool Fits(const Clause& clause, const Version& version);
  static bool Equals(const Clause& clause, const Version& version);
  static bool IsBelow(const Version& version, const Version& wanted);
  static bool IsAbove(const Version& version, const Version& wanted);
  static bool SameRelease(const Version& a, const Version& b, size_t count);
  static Version WithoutLocal(Version version);

  std::vector<Clause> clauses_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_PACKAGES_VERSION_SPECIFIER_H_
