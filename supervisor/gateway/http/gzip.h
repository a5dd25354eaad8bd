#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_GZIP_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_GZIP_H_

#include <zlib.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// Content-Encoding: gzip, on its way in. What comes out at a time is bounded by the caller: a few
// bytes can stand for gigabytes. Thread-compatible.
class Gunzip {
 public:
  static absl::StatusOr<Gunzip> Make();

  // The next compressed bytes; they stay the caller's, and are taken by Take before more are given.
  void Give(absl::string_view compressed);
  // At most `limit` bytes of what they stand for; empty: they are used up. INVALID_ARGUMENT: they
  // are no gzip, or something follows it.
  absl::StatusOr<std::string> Take(size_t limit);
  // The stream has come to its end.
  bool ended() const { return ended_; }

 private:
  struct Free {
    void operator()(z_stream* stream) const;
  };
  explicit Gunzip(std::unique_ptr<z_stream, Free> stream) : stream_(std::move(stream)) {}
  std::unique_ptr<z_stream, Free> stream_;
  bool ended_ = false;
};

// The same, on its way out. Thread-compatible.
class Gzip {
 public:
  static absl::StatusOr<Gzip> Make();

  // What the bytes come to so far; may be empty.
  std::string Add(absl::string_view plain);
  // The rest of it.
  std::string Finish();

 private:
  struct Free {
    void operator()(z_stream* stream) const;
  };
  explicit Gzip(std::unique_ptr<z_stream, Free> stream) : stream_(std::move(stream)) {}
  std::string Run(absl::string_view plain, int flush);
  std::unique_ptr<z_stream, Free> stream_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_GZIP_H_
