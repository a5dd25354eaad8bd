#include "runtime/fetcher/simple_page.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace warren {
namespace {

// Of an attribute that an index tells; a longer one is left out.
constexpr size_t kMaxAttribute = 1024;

void AppendEscaped(absl::string_view text, std::string& page) {
  for (char c : text) {
    switch (c) {
      case '&':
        page += "&amp;";
        break;
      case '<':
        page += "&lt;";
        break;
      case '>':
        page += "&gt;";
        break;
      case '"':
        page += "&quot;";
        break;
      default:
        page += absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?';
    }
  }
}

void AppendAttribute(absl::string_view name, absl::string_view value, std::string& page) {
  if (value.size() > kMaxAttribute) value = "";
  absl::StrAppend(&page, " ", name, "=\"");
  AppendEscaped(value, page);
  page += '"';
}

void AppendLink(const SimpleLink& link, std::string& page) {
  const PackageFile& file = link.file;
  absl::StrAppend(&page, "<a href=\"", link.path, "#sha256=", file.sha256, "\"");
  if (!file.requires_python.empty())
    AppendAttribute("data-requires-python", file.requires_python, page);
  if (file.yanked) AppendAttribute("data-yanked", *file.yanked, page);
  if (file.metadata) {
    const std::string value =
        file.metadata->empty() ? "true" : absl::StrCat("sha256=", *file.metadata);
    AppendAttribute("data-dist-info-metadata", value, page);
    AppendAttribute("data-core-metadata", value, page);
  }
  absl::StrAppend(&page, ">", file.filename, "</a><br>\n");
}

}  // namespace

std::string SimplePage(absl::string_view package, const std::vector<SimpleLink>& links) {
  std::string page = absl::StrCat("<!DOCTYPE html>\n<html>\n<head><title>Links for ", package,
                                  "</title></head>\n<body>\n");
  for (const SimpleLink& link : links) AppendLink(link, page);
  page += "</body>\n</html>\n";
  return page;
}

}  // namespace warren
