#ifndef WARREN_RUNTIME_STORE_PACKAGE_STREAM_H_
#define WARREN_RUNTIME_STORE_PACKAGE_STREAM_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "warren/internal/store.pb.h"

namespace warren {

// Whether a package may have a file of that path (store.proto says which). INVALID_ARGUMENT quotes
// it.
absl::Status CheckPackagePath(absl::string_view path);

struct PackageLimits {
  // Of the content of its files.
  int64_t max_bytes = 0;
  // And of its directories just as many.
  int64_t max_files = 0;
  // TestLayer bits; 0 but in test builds.
  uint32_t layers_off = 0;
};

// Reads what a builder sandbox sends of one package (PackageFile in store.proto), whatever pieces
// it comes in. What reaches the sink has a sound path that no other file has, and whose parents are
// no files; of a file come as many bytes as it said, in order.
//
// INVALID_ARGUMENT: what came is none; RESOURCE_EXHAUSTED: there is too much of it; and the sink's
// errors. After an error it is of no use. Not thread-safe.
class PackageStream {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // The next file. It ends with EndFile, before the next begins.
    virtual absl::Status BeginFile(const internal::PackageFile& file) = 0;
    virtual absl::Status Write(absl::string_view content) = 0;
    virtual absl::Status EndFile() = 0;
  };

  PackageStream(PackageLimits limits, Sink& sink) : limits_(limits), sink_(sink) {}

  absl::Status Feed(absl::string_view bytes);
  // All of it has come.
  bool complete() const { return complete_; }

 private:
  enum class Kind : char { kFile, kDirectory };

  absl::Status FeedHead(absl::string_view& bytes);
  absl::Status FeedContent(absl::string_view& bytes);
  absl::Status OnFrame(absl::string_view frame);
  absl::Status OnEnd(const internal::PackageFile& end);
  absl::Status OnFile(const internal::PackageFile& file);
  absl::Status AddPath(absl::string_view path);
  absl::Status AddEntry(absl::string_view path, Kind kind);

  const PackageLimits limits_;
  Sink& sink_;
  // A frame, with its length before it.
  std::string head_;
  bool in_file_ = false;
  int64_t left_ = 0;
  bool complete_ = false;
  absl::flat_hash_map<std::string, Kind> entries_;
  int64_t files_ = 0;
  int64_t directories_ = 0;
  int64_t bytes_ = 0;
  size_t path_bytes_ = 0;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_PACKAGE_STREAM_H_
