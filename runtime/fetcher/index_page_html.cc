#include <libxml/HTMLparser.h>
#include <libxml/parser.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runtime/fetcher/index_page.h"

namespace warren {
namespace {

// Of a page's elements that are open at a time, and of all: what libxml2 does with an end tag grows
// with the first.
constexpr int kMaxHtmlDepth = 256;
constexpr size_t kMaxElements = 10 * kMaxPackageFiles;
constexpr size_t kPieceBytes = 64 << 10;

struct FreeParser {
  void operator()(htmlParserCtxtPtr parser) const { ::htmlFreeParserCtxt(parser); }
};
using Parser = std::unique_ptr<htmlParserCtxt, FreeParser>;

// Of PEP 714, "true" or "sha256=…".
std::string Sha256Of(const std::string& text) {
  absl::string_view digits(text);
  return absl::ConsumePrefix(&digits, "sha256=") ? NormalizedSha256(std::string(digits)) : "";
}

// What the page's tags say; no tree is built.
class TagReader {
 public:
  explicit TagReader(const WebUrl& page) : base_(page) {}

  void Open(absl::string_view name, const xmlChar** attributes) {
    if (!error_.empty()) return;
    if (++elements_ > kMaxElements || ++depth_ > kMaxHtmlDepth) {
      error_ = "its page has too many elements";
      return;
    }
    if (name == "a") OnAnchor(attributes);
    if (name == "base" && !has_base_) OnBase(attributes);
  }
  void Close() { --depth_; }

  std::vector<PackageFile> TakeFiles() { return std::move(files_); }
  bool HasUnusableAlone() const { return has_links_ && files_.empty(); }
  const std::string& error() const { return error_; }

 private:
  // Null where the element has no such attribute; empty of one without a value.
  static std::optional<std::string> Find(const xmlChar** attributes, absl::string_view name) {
    for (; attributes != nullptr && attributes[0] != nullptr; attributes += 2) {
      if (reinterpret_cast<const char*>(attributes[0]) != name) continue;
      return attributes[1] == nullptr ? "" : reinterpret_cast<const char*>(attributes[1]);
    }
    return std::nullopt;
  }

  void OnBase(const xmlChar** attributes) {
    const std::optional<std::string> href = Find(attributes, "href");
    if (!href) return;
    has_base_ = true;
    absl::StatusOr<WebUrl> base = ResolveWebUrl(base_, *href);
    if (base.ok()) base_ = *std::move(base);
  }

  void OnAnchor(const xmlChar** attributes) {
    const std::optional<std::string> href = Find(attributes, "href");
    if (!href || href->empty()) return;
    has_links_ = true;
    absl::StatusOr<WebUrl> url = ResolveWebUrl(base_, *href);
    if (!url.ok()) return;
    PackageFile file;
    file.filename = FileNameOf(*url);
    if (!IsPlainFileName(file.filename)) return;
    if (files_.size() >= kMaxPackageFiles) {
      error_ = "its page has too many files";
      return;
    }
    file.url = std::move(url->text);
    file.sha256 = Sha256Of(FragmentOf(*href));
    file.requires_python = Find(attributes, "data-requires-python").value_or("");
    file.yanked = Find(attributes, "data-yanked");
    std::optional<std::string> metadata = Find(attributes, "data-core-metadata");
    if (!metadata) metadata = Find(attributes, "data-dist-info-metadata");
    if (metadata && *metadata != "false") file.metadata = Sha256Of(*metadata);
    files_.push_back(std::move(file));
  }

  WebUrl base_;
  bool has_base_ = false;
  bool has_links_ = false;
  size_t elements_ = 0;
  int depth_ = 0;
  std::vector<PackageFile> files_;
  std::string error_;
};

void OnStart(void* reader, const xmlChar* name, const xmlChar** attributes) {
  static_cast<TagReader*>(reader)->Open(reinterpret_cast<const char*>(name), attributes);
}
void OnEnd(void* reader, const xmlChar*) { static_cast<TagReader*>(reader)->Close(); }

}  // namespace

void PrepareIndexPages() { ::xmlInitParser(); }

absl::StatusOr<std::vector<PackageFile>> ParseHtmlPage(absl::string_view body, const WebUrl& page) {
  TagReader reader(page);
  htmlSAXHandler handler = {};
  handler.startElement = OnStart;
  handler.endElement = OnEnd;
  const Parser parser(
      ::htmlCreatePushParserCtxt(&handler, &reader, nullptr, 0, nullptr, XML_CHAR_ENCODING_UTF8));
  if (parser == nullptr) return absl::ResourceExhaustedError("no memory for its page");
  // Its own word about its encoding would make the C library look for converters.
  ::htmlCtxtUseOptions(parser.get(), HTML_PARSE_RECOVER | HTML_PARSE_NOERROR |
                                         HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
                                         HTML_PARSE_IGNORE_ENC);
  while (!body.empty() && reader.error().empty()) {
    const absl::string_view piece = body.substr(0, kPieceBytes);
    body.remove_prefix(piece.size());
    ::htmlParseChunk(parser.get(), piece.data(), static_cast<int>(piece.size()), 0);
  }
  if (reader.error().empty()) ::htmlParseChunk(parser.get(), nullptr, 0, 1);
  if (!reader.error().empty()) return absl::InvalidArgumentError(reader.error());
  if (reader.HasUnusableAlone()) return absl::InvalidArgumentError(kNoUsableFile);
  return reader.TakeFiles();
}

}  // namespace warren
