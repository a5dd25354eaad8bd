#include "supervisor/gateway/http/target.h"

#include <boost/url.hpp>

#include "absl/strings/str_cat.h"

namespace warren {
namespace {

namespace urls = boost::urls;

absl::Status NotATarget(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("the request's target ", why));
}

std::string Decoded(urls::pct_string_view text, bool plus_is_blank) {
  urls::encoding_opts options;
  options.space_as_plus = plus_is_blank;
  const urls::decode_view view(text, options);
  return std::string(view.begin(), view.end());
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> TakeParameters(
    urls::params_encoded_view parameters) {
  if (parameters.size() > Target::kMaxParameters)
    return NotATarget(absl::StrCat("has more than ", Target::kMaxParameters, " parameters"));
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& parameter : parameters)
    result.emplace_back(Decoded(parameter.key, true), Decoded(parameter.value, true));
  return result;
}

}  // namespace

std::optional<std::string> Target::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseForm(absl::string_view form) {
  if (form.empty()) return std::vector<std::pair<std::string, std::string>>();
  auto parsed = urls::parse_query({form.data(), form.size()});
  if (!parsed) return absl::InvalidArgumentError("it is not \"name=value&name=value\"");
  return TakeParameters(*parsed);
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text) {
  auto view = urls::make_pct_string_view({text.data(), text.size()});
  if (!view) return absl::InvalidArgumentError("a \"%\" without two hex digits behind it");
  return Decoded(*view, false);
}

absl::StatusOr<Target> ParseTarget(absl::string_view target) {
  if (target.size() > Target::kMaxBytes)
    return NotATarget(absl::StrCat("has more than ", Target::kMaxBytes, " bytes"));
  auto parsed = urls::parse_origin_form({target.data(), target.size()});
  if (!parsed) return NotATarget("is no path with a query");
  Target result;
  for (urls::pct_string_view segment : parsed->encoded_segments()) {
    std::string decoded = Decoded(segment, false);
    // The SDKs' base addresses may end in a slash.
    if (decoded.empty()) continue;
    if (decoded == "." || decoded == ".." || decoded.find('/') != std::string::npos ||
        decoded.find('\0') != std::string::npos) {
      return NotATarget("has a path that goes where it does not say");
    }
    if (result.segments.size() == Target::kMaxSegments) return NotATarget("has too long a path");
    result.segments.push_back(std::move(decoded));
  }
  if (parsed->has_query()) {
    auto query = TakeParameters(parsed->encoded_params());
    if (!query.ok()) return query.status();
    result.query = *std::move(query);
  }
  return result;
}

}  // namespace warren
