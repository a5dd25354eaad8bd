// What a package index says of a package's files. The first byte says in which of its languages.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "runtime/fetcher/file_link.h"
#include "runtime/fetcher/index_page.h"
#include "runtime/fetcher/simple_page.h"

namespace {

// What is passed on can be sent to a sandbox, and comes back as it was.
void CheckFile(const warren::PackageFile& file) {
  if (!warren::IsPlainFileName(file.filename)) std::abort();
  if (!warren::ParseWebUrl(file.url).ok()) std::abort();
  for (const std::string& digest : {file.sha256, file.metadata.value_or("")}) {
    if (!digest.empty() && warren::NormalizedSha256(digest) != digest) std::abort();
  }
  const warren::LinkSealer sealer("key");
  const std::string path = sealer.PathOf({1, file.filename, file.url, file.sha256, file.metadata});
  const auto query = sealer.Read(path);
  if (!query.ok() || query->link.url != file.url || query->link.metadata != file.metadata)
    std::abort();
  for (char c : warren::SimplePage("name", {{file, path}})) {
    if (c != '\n' && (c < ' ' || c > '~')) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  warren::PrepareIndexPages();
  static const warren::WebUrl& page =
      *new warren::WebUrl(*warren::ParseWebUrl("https://index.test/simple/name/"));
  // Of its own size, so that a sanitizer sees what is read behind it.
  const std::vector<char> exact(data + 1, data + size);
  const absl::string_view body(exact.data(), exact.size());
  const auto files =
      data[0] == 'J' ? warren::ParseJsonPage(body, page) : warren::ParseHtmlPage(body, page);
  if (!files.ok()) return 0;
  for (const warren::PackageFile& file : *files) CheckFile(file);
  return 0;
}
