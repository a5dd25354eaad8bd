#ifndef WARREN_RUNTIME_FETCHER_FILE_LINK_H_
#define WARREN_RUNTIME_FETCHER_FILE_LINK_H_

#include <cstdint>
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
// them, and no sandbox makes it fetch what no index has told of. What they say is encrypted and
// authenticated (AES-256-GCM): where an index is, is not for sandboxes. Thread-safe.
class LinkSealer {
 public:
  // `key`: the same for every fetcher that is to know the links of the others. `layers_off`:
  // TestLayer bits; 0 but in test builds.
  explicit LinkSealer(const std::string& key, uint32_t layers_off = 0);

  // "/files/SEAL/DESCRIPTION/FILENAME", the same for the same file; with ".metadata" behind it, it
  // asks for those. SEAL and DESCRIPTION are of A-Z, a-z, 0-9, '-' and '_'.
  std::string PathOf(const FileLink& link) const;
  // NOT_FOUND: it is no path that PathOf has made with this key.
  absl::StatusOr<FileQuery> Read(absl::string_view path) const;

 private:
  // Of its key; empty where the library failed.
  const std::string encryption_key_;
  const std::string nonce_key_;
  const uint32_t layers_off_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_FETCHER_FILE_LINK_H_
