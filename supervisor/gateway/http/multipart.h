#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_MULTIPART_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_MULTIPART_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace warren {

// Reads a multipart/form-data body as it comes (RFC 7578, as browsers write it): nothing of a part
// is held but the piece that was given last, and a boundary's length.
//
// Thread-compatible. Lifecycle: Make → (Next until kMore, Give)* → Next says kEnd.
class Multipart {
 public:
  // At most, in one body.
  static constexpr size_t kMaxParts = 1024;
  static constexpr size_t kMaxPartHeaders = 16 << 10;

  struct Part {
    // The field's name.
    std::string name;
    // Unset: a field that is no file.
    std::optional<std::string> filename;
  };
  enum class Event {
    // Give is next.
    kMore,
    // part() has changed.
    kPart,
    // data() is the next of the part.
    kData,
    kPartEnd,
    // The body is whole.
    kEnd,
  };

  // Of a request's Content-Type. INVALID_ARGUMENT where it is none of a form, or has no boundary.
  static absl::StatusOr<Multipart> Make(absl::string_view content_type);

  void Give(absl::string_view bytes) { input_.append(bytes.data(), bytes.size()); }
  // INVALID_ARGUMENT, from then on: it is malformed, or goes over a bound.
  absl::StatusOr<Event> Next();
  const Part& part() const { return part_; }
  const std::string& data() const { return data_; }
  // The same, for who keeps it.
  std::string TakeData() { return std::move(data_); }

 private:
  enum class State { kPreamble, kHeaders, kBody, kDelimiter, kEnd };
  explicit Multipart(absl::string_view boundary);
  absl::StatusOr<Event> ReadHeaders();
  Event ReadBody();
  absl::StatusOr<Event> ReadDelimiter();

  // "\r\n--boundary".
  std::string delimiter_;
  // A body may begin with a delimiter, whose line break is the one before the body.
  std::string input_ = "\r\n";
  State state_ = State::kPreamble;
  Part part_;
  std::string data_;
  size_t parts_ = 0;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_MULTIPART_H_
