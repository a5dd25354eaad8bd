#include "runtime/packages/version_specifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

// What another one begins with stands behind it.
constexpr absl::string_view kOperators[] = {"===", "~=", "==", "!=", "<=", ">=", "<", ">"};

absl::Status WrongClause(absl::string_view clause, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(clause), ": ", what));
}

// Of any version, those of old kinds that only "===" has included.
bool IsOfVersions(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::StrContains("-_.+!*", absl::string_view(&c, 1));
}

}  // namespace

absl::StatusOr<VersionSpecifier> VersionSpecifier::Parse(absl::string_view text) {
  VersionSpecifier specifier;
  if (absl::StripAsciiWhitespace(text).empty()) return specifier;
  for (absl::string_view clause : absl::StrSplit(text, ',')) {
    WARREN_ASSIGN_OR_RETURN(Clause parsed, ParseClause(absl::StripAsciiWhitespace(clause)));
    specifier.clauses_.push_back(std::move(parsed));
  }
  return specifier;
}

absl::StatusOr<VersionSpecifier::Clause> VersionSpecifier::ParseClause(absl::string_view text) {
  const auto* op = std::find_if(std::begin(kOperators), std::end(kOperators),
                                [&](absl::string_view o) { return absl::StartsWith(text, o); });
  if (op == std::end(kOperators)) {
    return WrongClause(text, "versions begin with ==, !=, >=, <=, >, <, ~= or ===, as \">=1.24\"");
  }
  Clause clause;
  clause.op = std::string(*op);
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(text.substr(op->size()));
  if (rest.empty() || rest.size() > kMaxVersionBytes ||
      !std::all_of(rest.begin(), rest.end(), IsOfVersions)) {
    return WrongClause(text, absl::StrCat("there must be one version behind ", clause.op));
  }
  if (clause.op == "===") {
    clause.text = absl::AsciiStrToLower(rest);
    return clause;
  }
  const bool equality = clause.op == "==" || clause.op == "!=";
  clause.prefix = equality && absl::ConsumeSuffix(&rest, ".*");
  absl::StatusOr<Version> version = Version::Parse(rest);
  if (!version.ok()) return WrongClause(text, version.status().message());
  clause.version = *std::move(version);
  const Version& v = clause.version;
  if (clause.prefix && (v.pre_ || v.post_ || v.dev_ || !v.local_.empty())) {
    return WrongClause(text, "what stands before \".*\" must be a release, as \"==2.1.*\"");
  }
  if (!equality && !v.local_.empty()) {
    return WrongClause(text, "only == and != take a version with \"+\"");
  }
  if (clause.op == "~=" && v.release_.size() < 2) {
    return WrongClause(text, "~= takes a release of two numbers or more, as \"~=2.1\"");
  }
  return clause;
}

bool VersionSpecifier::Fits(const Version& version) const {
  return std::all_of(clauses_.begin(), clauses_.end(),
                     [&](const Clause& clause) { return Fits(clause, version); });
}

// The first `count` numbers of both releases; what a version does not have is 0.
bool VersionSpecifier::SameRelease(const Version& a, const Version& b, size_t count) {
  const auto number = [](const Version& version, size_t i) {
    return i < version.release_.size() ? version.release_[i] : 0;
  };
  if (a.epoch_ != b.epoch_) return false;
  for (size_t i = 0; i < count; ++i) {
    if (number(a, i) != number(b, i)) return false;
  }
  return true;
}

bool VersionSpecifier::Equals(const Clause& clause, const Version& version) {
  const Version& wanted = clause.version;
  if (clause.prefix) return SameRelease(wanted, version, wanted.release_.size());
  return (wanted.local_.empty() ? WithoutLocal(version) : version) == wanted;
}

Version VersionSpecifier::WithoutLocal(Version version) {
  version.local_.clear();
  return version;
}

// "<3.1" is not for 3.1's own prereleases.
bool VersionSpecifier::IsBelow(const Version& version, const Version& wanted) {
  if (version >= wanted) return false;
  if (wanted.IsPrerelease() || !version.IsPrerelease()) return true;
  return !SameRelease(version, wanted, std::max(version.release_.size(), wanted.release_.size()));
}

// ">3.1" is not for 3.1's own post-releases, nor for "3.1+local".
bool VersionSpecifier::IsAbove(const Version& version, const Version& wanted) {
  if (version <= wanted) return false;
  if ((wanted.post_ || !version.post_) && version.local_.empty()) return true;
  return !SameRelease(version, wanted, std::max(version.release_.size(), wanted.release_.size()));
}

bool VersionSpecifier::Fits(const Clause& clause, const Version& version) {
  const Version& wanted = clause.version;
  const std::string& op = clause.op;
  if (op == "===") return version.Text() == clause.text;
  if (op == "==") return Equals(clause, version);
  if (op == "!=") return !Equals(clause, version);
  if (op == "<") return IsBelow(version, wanted);
  if (op == ">") return IsAbove(version, wanted);
  const Version without_local = WithoutLocal(version);
  if (op == "<=") return without_local <= wanted;
  if (op == ">=") return without_local >= wanted;
  // "~=2.2.1" is ">=2.2.1,==2.2.*".
  return without_local >= wanted && SameRelease(version, wanted, wanted.release_.size() - 1);
}

}  // namespace warren
