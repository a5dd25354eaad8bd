#include "runtime/fetcher/index_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace warren {

absl::StatusOr<std::vector<PackageFile>> ParseIndexPage(absl::string_view content_type,
                                                        absl::string_view body,
                                                        const WebUrl& page) {
  if (body.size() > kMaxIndexPage) return absl::InvalidArgumentError("its page is too large");
  const std::string type = absl::AsciiStrToLower(
      absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
  if (type == kSimpleJson) return ParseJsonPage(body, page);
  if (type == kSimpleHtml || type == "text/html") return ParseHtmlPage(body, page);
  return absl::InvalidArgumentError("its page is of a type that package indexes do not have");
}

}  // namespace warren
