#include "runtime/packages/version.h"

#include <algorithm>
#include <span>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "runtime/network/quote.h"

namespace warren {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }
bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

struct Spelling {
  absl::string_view text;
  absl::string_view normal;
};
// What another one begins with stands behind it.
constexpr Spelling kPre[] = {{"preview", "rc"}, {"alpha", "a"}, {"beta", "b"}, {"pre", "rc"},
                             {"rc", "rc"},      {"a", "a"},     {"b", "b"},    {"c", "rc"}};
constexpr Spelling kPost[] = {{"post", "post"}, {"rev", "post"}, {"r", "post"}};
constexpr Spelling kDev[] = {{"dev", "dev"}};

// What is still to be read of a version in lower case. A number that does not fit is not read, and
// so is left behind.
class Reader {
 public:
  explicit Reader(absl::string_view text) : rest_(text) {}

  absl::string_view rest() const { return rest_; }
  bool Skip(absl::string_view text) { return absl::ConsumePrefix(&rest_, text); }

  std::optional<uint64_t> Number() {
    const auto* end = std::find_if_not(rest_.begin(), rest_.end(), IsDigit);
    const size_t length = static_cast<size_t>(end - rest_.begin());
    uint64_t number = 0;
    if (length == 0 || !absl::SimpleAtoi(rest_.substr(0, length), &number)) return std::nullopt;
    rest_.remove_prefix(length);
    return number;
  }

  // "-rc.1", with both separators or without, and with the number or without, which is 0 then.
  std::optional<std::pair<std::string, uint64_t>> Suffix(std::span<const Spelling> spellings) {
    Reader at = *this;
    at.SkipSeparator();
    for (const Spelling& spelling : spellings) {
      if (!at.Skip(spelling.text)) continue;
      at.SkipSeparator();
      const uint64_t number = at.Number().value_or(0);
      *this = at;
      return std::pair(std::string(spelling.normal), number);
    }
    return std::nullopt;
  }

  // "-1", or "post1" in any spelling.
  std::optional<uint64_t> Post() {
    Reader at = *this;
    if (at.Skip("-")) {
      if (auto number = at.Number()) {
        *this = at;
        return number;
      }
    }
    auto suffix = Suffix(kPost);
    return suffix ? std::optional(suffix->second) : std::nullopt;
  }

  // "1.2.3"; empty where there is none.
  std::vector<uint64_t> Release() {
    std::vector<uint64_t> release;
    for (auto number = Number(); number; number = NumberBehindDot()) release.push_back(*number);
    return release;
  }

 private:
  void SkipSeparator() {
    if (!rest_.empty() && absl::StrContains("-_.", rest_.substr(0, 1))) rest_.remove_prefix(1);
  }

  std::optional<uint64_t> NumberBehindDot() {
    Reader at = *this;
    if (!at.Skip(".")) return std::nullopt;
    auto number = at.Number();
    if (number) *this = at;
    return number;
  }

  absl::string_view rest_;
};

bool IsNumber(absl::string_view text) { return std::all_of(text.begin(), text.end(), IsDigit); }

// "ubuntu.1", its numbers without zeros in front; empty where it is none.
std::vector<std::string> LocalParts(absl::string_view text) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(text, absl::ByAnyChar("-_."))) {
    if (part.empty() || !std::all_of(part.begin(), part.end(), IsAlphanumeric)) return {};
    if (IsNumber(part)) {
      part.remove_prefix(std::min(part.find_first_not_of('0'), part.size() - 1));
    }
    parts.emplace_back(part);
  }
  return parts;
}

// Trailing zeros make no difference.
std::strong_ordering CompareReleases(const std::vector<uint64_t>& a,
                                     const std::vector<uint64_t>& b) {
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const uint64_t of_a = i < a.size() ? a[i] : 0;
    const uint64_t of_b = i < b.size() ? b[i] : 0;
    if (of_a != of_b) return of_a <=> of_b;
  }
  return std::strong_ordering::equal;
}

// Numbers come behind words. Of any length, and without zeros in front: the longer one is greater.
std::strong_ordering CompareLocalParts(const std::string& a, const std::string& b) {
  const bool of_a = IsNumber(a);
  const bool of_b = IsNumber(b);
  if (of_a != of_b) return of_a <=> of_b;
  if (of_a && a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

}  // namespace

absl::StatusOr<Version> Version::Parse(absl::string_view text) {
  if (text.size() > kMaxVersionBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the version ", Quoted(text), " is longer than ", kMaxVersionBytes, " bytes"));
  }
  const auto wrong = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat(Quoted(text), " is not a version as PEP 440 has them, such as \"1.4.2\""));
  };
  const std::string lower = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  Reader reader(lower);
  reader.Skip("v");
  Version version;
  Reader behind_epoch = reader;
  const std::optional<uint64_t> epoch = behind_epoch.Number();
  if (epoch && behind_epoch.Skip("!")) {
    version.epoch_ = *epoch;
    reader = behind_epoch;
  }
  version.release_ = reader.Release();
  if (version.release_.empty()) return wrong();
  version.pre_ = reader.Suffix(kPre);
  version.post_ = reader.Post();
  if (auto dev = reader.Suffix(kDev)) version.dev_ = dev->second;
  if (reader.Skip("+")) {
    version.local_ = LocalParts(reader.rest());
    if (version.local_.empty()) return wrong();
    return version;
  }
  if (!reader.rest().empty()) return wrong();
  return version;
}

std::string Version::Text() const {
  std::string text = absl::StrJoin(release_, ".");
  if (epoch_ != 0) text = absl::StrCat(epoch_, "!", text);
  if (pre_) absl::StrAppend(&text, pre_->first, pre_->second);
  if (post_) absl::StrAppend(&text, ".post", *post_);
  if (dev_) absl::StrAppend(&text, ".dev", *dev_);
  if (!local_.empty()) absl::StrAppend(&text, "+", absl::StrJoin(local_, "."));
  return text;
}

bool Version::IsPrerelease() const { return pre_.has_value() || dev_.has_value(); }

std::strong_ordering Version::operator<=>(const Version& other) const {
  if (epoch_ != other.epoch_) return epoch_ <=> other.epoch_;
  const std::strong_ordering release = CompareReleases(release_, other.release_);
  if (release != 0) return release;
  // Of one release: "1.dev1" comes first, then what has a prerelease, then all others.
  const auto stage = [](const Version& version) {
    if (version.pre_) return 1;
    return version.dev_ && !version.post_ ? 0 : 2;
  };
  // What has no "post" comes before what has one; what has no "dev" comes behind.
  const auto key = [&](const Version& version) {
    return std::tuple(stage(version), version.pre_, version.post_, !version.dev_.has_value(),
                      version.dev_);
  };
  const std::strong_ordering suffixes = key(*this) <=> key(other);
  if (suffixes != 0) return suffixes;
  return std::lexicographical_compare_three_way(local_.begin(), local_.end(), other.local_.begin(),
                                                other.local_.end(), CompareLocalParts);
}

}  // namespace warren
