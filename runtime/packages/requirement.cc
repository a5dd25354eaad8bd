#include "runtime/packages/requirement.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/base/status.h"
#include "runtime/network/quote.h"
#include "runtime/packages/package_name.h"
#include "runtime/packages/version_specifier.h"

namespace warren {
namespace {

constexpr absl::string_view kWanted =
    "; a requirement is a package's name with versions, such as \"httpx[http2]>=0.27\"";
constexpr absl::string_view kHash = "--hash=";

absl::Status Refused(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(Quoted(text), " ", what));
}

// Options of pip's that people have in their files, and what to do instead.
struct Option {
  absl::string_view name;
  absl::string_view instead;
};
constexpr absl::string_view kIndexes =
    "the server's operator says which indexes there are (policies/packages)";
constexpr absl::string_view kKinds =
    "the server's operator says whether packages may be built (policies/packages)";
constexpr Option kOptions[] = {
    {"-r", "write that file's lines in its place"},
    {"--requirement", "write that file's lines in its place"},
    {"-c", "constraints are given apart"},
    {"--constraint", "constraints are given apart"},
    {"-e", "a package comes from an index, by its name"},
    {"--editable", "a package comes from an index, by its name"},
    {"-i", kIndexes},
    {"--index-url", kIndexes},
    {"--extra-index-url", kIndexes},
    {"-f", kIndexes},
    {"--find-links", kIndexes},
    {"--no-index", kIndexes},
    {"--trusted-host", kIndexes},
    {"--no-binary", kKinds},
    {"--only-binary", kKinds},
    {"--prefer-binary", kKinds},
    {"--pre", "name a prerelease by its version, as \">=2.0rc1\""},
};

absl::Status OptionRefused(absl::string_view word) {
  // "-rother.txt", "--index-url=..."
  const absl::string_view name =
      absl::StartsWith(word, "--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
  const auto* option = std::find_if(std::begin(kOptions), std::end(kOptions),
                                    [&](const Option& o) { return o.name == name; });
  return absl::InvalidArgumentError(
      absl::StrCat("the option ", Quoted(name), " is not taken here",
                   option == std::end(kOptions) ? kWanted : absl::StrCat("; ", option->instead)));
}

absl::Status CheckCharacters(absl::string_view line) {
  if (!std::all_of(line.begin(), line.end(),
                   [](unsigned char c) { return absl::ascii_isprint(c) || c == '\t'; })) {
    return Refused(line, "has characters that are not printable ASCII");
  }
  if (absl::StrContains(line, '\\'))
    return Refused(line, "has a backslash, which nothing here needs");
  // pip puts the variable's value in its place.
  if (absl::StrContains(line, "${")) {
    return Refused(line, "has an environment variable; write what it stands for");
  }
  return absl::OkStatus();
}

// Ends that make a file of whatever stands before them, for pip.
constexpr absl::string_view kArchives[] = {
    ".zip", ".whl", ".tar.bz2", ".tbz", ".tar.gz", ".tgz",
    ".tar", ".txz", ".tar.xz",  ".tlz", ".tar.lz", ".tar.lzma",
};

// What pip would take from elsewhere: `head` is what stands before the marker.
absl::Status CheckPlace(absl::string_view head) {
  if (absl::StrContains(head, ':') || absl::StrContains(head, '@')) {
    return Refused(head, absl::StrCat("is a URL, which is not taken here", kWanted));
  }
  const bool path =
      absl::StartsWith(head, ".") || absl::StartsWith(head, "~") || absl::StrContains(head, '/');
  // "name.whl[extra]" is one too.
  const std::string all = absl::AsciiStrToLower(head);
  const absl::string_view before_extras =
      absl::StripAsciiWhitespace(absl::string_view(all).substr(0, all.rfind('[')));
  const bool archive = std::any_of(std::begin(kArchives), std::end(kArchives), [&](auto end) {
    return absl::EndsWith(all, end) || absl::EndsWith(before_extras, end);
  });
  if (path || archive) {
    return Refused(head, absl::StrCat("is the path of a file, which is not taken here", kWanted));
  }
  return absl::OkStatus();
}

// "[http2, socks]" as "[http2,socks]", and takes it from the front of `rest`; nothing where there
// is none.
absl::StatusOr<std::string> TakeExtras(absl::string_view& rest) {
  if (!absl::StartsWith(rest, "[")) return std::string();
  const size_t end = rest.find(']');
  if (end == absl::string_view::npos) return Refused(rest, "has no \"]\"");
  const absl::string_view inside = absl::StripAsciiWhitespace(rest.substr(1, end - 1));
  std::vector<absl::string_view> extras;
  if (!inside.empty()) extras = absl::StrSplit(inside, ',');
  for (absl::string_view& extra : extras) {
    extra = absl::StripAsciiWhitespace(extra);
    if (!IsPackageName(extra)) return Refused(extra, "is no extra's name");
  }
  rest = absl::StripAsciiWhitespace(rest.substr(end + 1));
  return extras.empty() ? std::string() : absl::StrCat("[", absl::StrJoin(extras, ","), "]");
}

// "( >=1, <2 )" as ">=1,<2".
absl::StatusOr<std::string> Versions(absl::string_view text) {
  if (absl::ConsumePrefix(&text, "(") && !absl::ConsumeSuffix(&text, ")")) {
    return Refused(text, "has no \")\" at its end");
  }
  WARREN_RETURN_IF_ERROR(VersionSpecifier::Parse(text).status());
  return absl::StrReplaceAll(text, {{" ", ""}});
}

absl::Status CheckMarker(absl::string_view marker) {
  if (marker.empty()) return absl::InvalidArgumentError("there is no marker behind its \";\"");
  // Behind the space before it, a dash would begin an option and "#" a comment.
  if (!absl::ascii_isalpha(static_cast<unsigned char>(marker.front())) &&
      !absl::StrContains("'\"(", marker.substr(0, 1))) {
    return Refused(marker, "is no marker, such as \"python_version >= '3.9'\"");
  }
  char open = 0;
  for (char c : marker) {
    if (c != '\'' && c != '"') continue;
    if (open == 0) {
      open = c;
    } else if (open == c) {
      open = 0;
    }
  }
  return open == 0 ? absl::OkStatus() : Refused(marker, "has a quote that is not closed");
}

// Name, extras, versions and marker.
absl::Status ReadRequirement(absl::string_view text, Requirement& requirement) {
  const size_t semicolon = std::min(text.find(';'), text.size());
  const absl::string_view head = absl::StripAsciiWhitespace(text.substr(0, semicolon));
  WARREN_RETURN_IF_ERROR(CheckPlace(head));
  const size_t end = std::min(head.find_first_of(" [(=!<>~"), head.size());
  if (!IsPackageName(head.substr(0, end))) {
    return Refused(head.substr(0, end), absl::StrCat("is no package's name", kWanted));
  }
  requirement.name = NormalizedPackageName(head.substr(0, end));
  absl::string_view rest = absl::StripAsciiWhitespace(head.substr(end));
  WARREN_ASSIGN_OR_RETURN(std::string extras, TakeExtras(rest));
  WARREN_ASSIGN_OR_RETURN(std::string versions, Versions(rest));
  requirement.text = absl::StrCat(requirement.name, extras, versions);
  // Without its parentheses, "a (===1.zip)" is one.
  WARREN_RETURN_IF_ERROR(CheckPlace(requirement.text));
  if (semicolon == text.size()) return absl::OkStatus();
  const absl::string_view marker = absl::StripAsciiWhitespace(text.substr(semicolon + 1));
  WARREN_RETURN_IF_ERROR(CheckMarker(marker));
  absl::StrAppend(&requirement.text, "; ", marker);
  return absl::OkStatus();
}

bool IsHash(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const auto& [algorithm, hex] = parts;
  const size_t digits = algorithm == "sha256"   ? 64
                        : algorithm == "sha384" ? 96
                        : algorithm == "sha512" ? 128
                                                : 0;
  return digits != 0 && hex.size() == digits && std::all_of(hex.begin(), hex.end(), [](char c) {
           return absl::ascii_isxdigit(static_cast<unsigned char>(c));
         });
}

// The options, each of which is a hash: " --hash=..." of each.
absl::StatusOr<std::string> Hashes(std::span<const absl::string_view> options) {
  std::string text;
  for (absl::string_view word : options) {
    absl::string_view hash = word;
    if (!absl::StartsWith(word, "-")) return Refused(word, "stands behind an option");
    if (!absl::ConsumePrefix(&hash, kHash)) return OptionRefused(word);
    if (!IsHash(hash)) {
      return Refused(word, "must be --hash=ALGORITHM:HEX, of sha256, sha384 or sha512");
    }
    absl::StrAppend(&text, " ", kHash, absl::AsciiStrToLower(hash));
  }
  return text;
}

}  // namespace

absl::StatusOr<Requirement> ParseRequirement(absl::string_view line) {
  WARREN_RETURN_IF_ERROR(CheckCharacters(line));
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.empty()) return absl::InvalidArgumentError(absl::StrCat("it is empty", kWanted));
  // As pip does: whatever begins with "#" is a comment, and whatever begins with a dash begins the
  // options, in a marker's quotes too.
  if (std::any_of(words.begin(), words.end(), [](auto w) { return absl::StartsWith(w, "#"); })) {
    return Refused(line, "has a comment");
  }
  const auto options = std::find_if(words.begin(), words.end(),
                                    [](auto word) { return absl::StartsWith(word, "-"); });
  if (options == words.begin()) return OptionRefused(*options);
  const std::string text = absl::StrJoin(words.begin(), options, " ");
  if (text.size() > kMaxRequirementBytes) {
    return Refused(text, absl::StrCat("is longer than ", kMaxRequirementBytes, " bytes"));
  }
  if (words.end() - options > static_cast<ptrdiff_t>(kMaxRequirementHashes)) {
    return Refused(text, absl::StrCat("has more than ", kMaxRequirementHashes, " hashes"));
  }
  WARREN_ASSIGN_OR_RETURN(std::string hashes, Hashes({options, words.end()}));
  Requirement requirement;
  WARREN_RETURN_IF_ERROR(ReadRequirement(text, requirement));
  requirement.hashed = !hashes.empty();
  absl::StrAppend(&requirement.text, hashes);
  return requirement;
}

}  // namespace warren
