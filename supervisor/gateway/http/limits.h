#ifndef WARREN_SUPERVISOR_GATEWAY_HTTP_LIMITS_H_
#define WARREN_SUPERVISOR_GATEWAY_HTTP_LIMITS_H_

#include <cstddef>

#include "absl/time/time.h"

namespace warren {

// What one client may take of the gateway. Times are those of a host of pace 1 (docs/TIMING.md).

// A request's line and headers.
inline constexpr size_t kMaxHeaderBytes = 32 << 10;
inline constexpr size_t kMaxHeaders = 100;
// One body that is read whole (JSON); others say their own.
inline constexpr size_t kMaxJsonBytes = 1 << 20;
// What is read or written at a time of a body that is not.
inline constexpr size_t kPieceBytes = 256 << 10;

// From the first byte of a request to the end of its headers, and of a TLS handshake.
inline constexpr absl::Duration kHeaderTime = absl::Seconds(15);
// Between two requests of a connection: longer than what undici and pyqwest keep one open for, so
// that it is the client who closes, and no request crosses the end on its way.
inline constexpr absl::Duration kIdleTime = absl::Seconds(620);
// For the next piece of a body, or room for the next piece of an answer, of at most kPieceBytes.
inline constexpr absl::Duration kStallTime = absl::Seconds(60);
// How long a connection is still read behind its last answer, so that no reset crosses it on its
// way.
inline constexpr absl::Duration kLingerTime = absl::Seconds(2);
inline constexpr size_t kLingerBytes = 1 << 20;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_HTTP_LIMITS_H_
