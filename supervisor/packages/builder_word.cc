#include "supervisor/packages/builder_word.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/control/json_check.h"
#include "runtime/packages/distribution_file.h"
#include "runtime/packages/package_name.h"
#include "supervisor/base/text.h"

namespace warren {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxProgress = 256;
constexpr size_t kMaxWhy = 4096;
constexpr size_t kMaxUrl = 8192;
constexpr size_t kDigestDigits = 64;

absl::Status Malformed(absl::string_view what) {
  return absl::InternalError(absl::StrCat("the builder's word is malformed: ", what));
}

// Empty where there is none, or it is no text.
std::string TextOf(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// In URLs "+" and the like may be written as %2B.
absl::StatusOr<std::string> FileNameOf(absl::string_view url) {
  const absl::string_view last = url.substr(url.rfind('/') + 1);
  std::string name;
  for (size_t i = 0; i < last.size(); ++i) {
    if (last[i] != '%') {
      name.push_back(last[i]);
      continue;
    }
    if (i + 2 >= last.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(last[i + 1])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(last[i + 2]))) {
      return Malformed("a file's URL");
    }
    name.push_back(static_cast<char>(std::stoi(std::string(last.substr(i + 1, 2)), nullptr, 16)));
    i += 2;
  }
  const bool plain = !name.empty() && name[0] != '.' && name[0] != '-' &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isgraph(c) && c != '/' && c != '\\';
                     });
  if (!plain) return Malformed("a file's name");
  return name;
}

absl::StatusOr<ResolvedFile> ParseFile(const Json& item) {
  if (!item.is_object()) return Malformed("a file that is none");
  ResolvedFile file;
  file.name = NormalizedPackageName(TextOf(item, "name"));
  file.url = TextOf(item, "url");
  file.sha256 = TextOf(item, "sha256");
  if (!IsNormalizedPackageName(file.name) || !IsIndexFileUrl(file.url) ||
      !IsArchiveDigest(file.sha256))
    return Malformed("a file without a name, URL or sha256 of the index's");
  WARREN_ASSIGN_OR_RETURN(file.filename, FileNameOf(file.url));
  // A hostile build may say anything of a file; what its name says is what the fetcher has decided.
  absl::StatusOr<DistributionFile> named = ParseDistributionFile(file.filename, file.name);
  if (!named.ok()) return Malformed("a file that is not of its package");
  file.version = named->version.Text();
  const auto requested = item.find("requested");
  file.requested = requested != item.end() && requested->is_boolean() && requested->get<bool>();
  return file;
}

absl::StatusOr<BuilderWord> ParseResolved(const Json& list) {
  if (!list.is_array()) return Malformed("no list of files");
  if (list.size() > kMaxResolvedFiles) {
    return BuilderWord(BuilderRefused{absl::ResourceExhaustedError(absl::StrCat(
        "it takes ", list.size(), " packages, and at most ", kMaxResolvedFiles, " go together"))});
  }
  BuilderResolved resolved;
  for (const Json& item : list) {
    WARREN_ASSIGN_OR_RETURN(ResolvedFile file, ParseFile(item));
    resolved.files.push_back(std::move(file));
  }
  std::sort(resolved.files.begin(), resolved.files.end(),
            [](const ResolvedFile& a, const ResolvedFile& b) { return a.name < b.name; });
  const bool twice = std::adjacent_find(resolved.files.begin(), resolved.files.end(),
                                        [](const ResolvedFile& a, const ResolvedFile& b) {
                                          return a.name == b.name;
                                        }) != resolved.files.end();
  if (twice) return Malformed("a package twice");
  return BuilderWord(std::move(resolved));
}

absl::StatusOr<BuilderWord> ParseRequires(const Json& list) {
  if (!list.is_array() || list.size() > kMaxRequiredNames) return Malformed("no list of names");
  BuilderRequires required;
  for (const Json& item : list) {
    std::string name = item.is_string() ? NormalizedPackageName(item.get<std::string>()) : "";
    if (!IsNormalizedPackageName(name)) return Malformed("a name that is none");
    required.names.push_back(std::move(name));
  }
  return BuilderWord(std::move(required));
}

BuilderWord ParseError(const Json& error) {
  const std::string kind = error.is_object() ? TextOf(error, "kind") : std::string();
  std::string message = error.is_object() ? ToValidUtf8(TextOf(error, "message"), kMaxWhy) : "";
  if (message.empty()) message = "the builder did not say what is wrong";
  if (kind == "invalid") return BuilderRefused{absl::InvalidArgumentError(message)};
  if (kind == "denied") return BuilderRefused{absl::PermissionDeniedError(message)};
  if (kind == "full") return BuilderRefused{absl::ResourceExhaustedError(message)};
  if (kind == "unavailable") return BuilderRefused{absl::UnavailableError(message)};
  // "missing", "conflict", "hash", and what it failed at.
  return BuilderRefused{absl::FailedPreconditionError(message)};
}

}  // namespace

bool IsArchiveDigest(absl::string_view text) {
  return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

bool IsIndexFileUrl(absl::string_view url) {
  const std::string root = absl::StrCat("http://", kPackageIndexHost, "/files/");
  return absl::StartsWith(url, root) && url.size() <= kMaxUrl &&
         std::all_of(url.begin(), url.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) ||
                  absl::string_view(":/._-~%+=!").find(static_cast<char>(c)) !=
                      absl::string_view::npos;
         });
}

absl::StatusOr<BuilderWord> ParseBuilderWord(absl::string_view line) {
  if (line.size() > kMaxBuilderLine || !IsJsonObject(line)) return Malformed("no JSON object");
  const Json word = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!word.is_object()) return Malformed("no JSON object");
  if (word.contains("progress"))
    return BuilderWord(BuilderProgress{ToValidUtf8(TextOf(word, "progress"), kMaxProgress)});
  if (word.contains("error")) return ParseError(word["error"]);
  if (word.contains("resolved")) return ParseResolved(word["resolved"]);
  if (word.contains("requires")) return ParseRequires(word["requires"]);
  if (word.contains("sent")) return BuilderWord(BuilderSent{});
  if (word.contains("listening")) {
    const Json& port = word["listening"];
    if (!port.is_number_unsigned() || port.get<uint64_t>() == 0 || port.get<uint64_t>() > 65535)
      return Malformed("no port");
    return BuilderWord(BuilderListens{port.get<uint16_t>()});
  }
  return Malformed("of no kind");
}

}  // namespace warren
