#ifndef WARREN_RUNTIME_FETCHER_FILE_LINK_H_
#define WARREN_RUNTIME_FETCHER_FILE_LINK_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// What a link of a page of the fetcher's says of the file behind it.
struct FileLink {
  // Of the policy's indexes.
  size_t index = 0;
  // As PackageFile has them.
  std::string filename;
  std::string url;
  std::string sha256;
  std::optional<std::string> metadata;
};

// What a request for a file asks for.
struct FileQuery {
  enum class Part { kFile, kMetadata };
  FileLink link;
  Part part = Part::kFile;
};

// Links that the fetcher has made itself, and no others: so that nothing need be remembered of
// them, and no sandbox makes it fetch what no index has told of. Thread-safe.
class LinkSigner {
 public:
  // The same for every fetcher that is to know the links of the others.
  explicit LinkSigner(std::string key) : key_(std::move(key)) {}

  // "/files/SIGNATURE/DESCRIPTION/FILENAME"; the same with ".metadata" behind it asks for those.
  std::string PathOf(const FileLink& link) const;
  // NOT_FOUND: it is no path that PathOf has made with this key.
  absl::StatusOr<FileQuery> Read(absl::string_view path) const;

 private:
  std::string SignatureOf(absl::string_view description) const;

  const std::string key_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_FILE_LINK_H_
