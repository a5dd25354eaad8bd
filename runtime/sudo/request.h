#ifndef WARREN_RUNTIME_SUDO_REQUEST_H_
#define WARREN_RUNTIME_SUDO_REQUEST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the client and the server of `sudo` say to each other over a stream socket: one request with
// descriptors; then signals one way and replies the other.
namespace warren::sudo {

inline constexpr size_t kMaxRequestBytes = 512 << 10;
inline constexpr uint32_t kMaxStrings = 8192;
inline constexpr uint32_t kMaxGroups = 1024;

// Descriptors that come with the request's first byte: standard input, output and error, and the
// directory that it is started in.
inline constexpr size_t kRequestFds = 4;
inline constexpr size_t kDirectoryFd = 3;

struct Request {
  // Who the command becomes.
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;
  uint32_t umask = 022;
  // Bit N: descriptor N is the terminal that becomes its controlling one.
  uint32_t terminals = 0;
  // Empty for that of the descriptor.
  std::string directory;
  // Looked up in the PATH of `environment` where it has no slash.
  std::string file;
  std::vector<std::string> argv;
  std::vector<std::string> environment;
};

// How many bytes there are in front that say how long the request is.
inline constexpr size_t kRequestHeaderBytes = 12;
// Of all of it; empty where that is no request's header.
std::optional<size_t> RequestBytes(std::string_view header);

// Empty where it is too large, or a string has a NUL in it.
std::optional<std::string> EncodeRequest(const Request& request);
// Empty where it is none. Believes nothing.
std::optional<Request> DecodeRequest(std::string_view bytes);

// Server → client.
enum class ReplyKind : uint32_t {
  // The command ended: `value` as wait(2) has it.
  kExited = 1,
  // It was stopped, by the signal `value`.
  kStopped = 2,
  // It is not run, and why stands in what follows, up to the end of the stream.
  kRefused = 3,
};
struct Reply {
  ReplyKind kind = ReplyKind::kExited;
  int32_t value = 0;
};

}  // namespace warren::sudo

#endif  // WARREN_RUNTIME_SUDO_REQUEST_H_
