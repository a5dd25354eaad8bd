#ifndef WARREN_RUNTIME_RELAY_CLIENT_HELLO_H_
#define WARREN_RUNTIME_RELAY_CLIENT_HELLO_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

// What the first message of a TLS client says of where it goes, read by OpenSSL. Nothing is
// negotiated, and nothing decrypted.
namespace warren {

// Bytes, with the records' headers. One that is not complete in so many is malformed.
inline constexpr size_t kMaxClientHello = 16 << 10;

struct ClientHello {
  enum class State {
    // Ask again with more bytes.
    kNeedMore,
    kNotTls,
    kMalformed,
    kComplete,
  };
  State state = State::kNeedMore;
  // Of a complete one, normalized (NormalizeHostName); empty where it has none.
  std::string server_name;
  // Of a complete one: it has an encrypted_client_hello extension, so there may be another name
  // inside. Browsers send such an extension with nothing in it too (GREASE), and nobody can tell.
  bool encrypted = false;
  // Of a malformed one, for people: what is wrong with it.
  std::string problem;
};

// Of the bytes that a client has said so far, from the first one; what comes behind the message is
// not looked at. Keeps nothing. The first call of the process sets OpenSSL up (getrandom, getpid
// and sysinfo; no file).
ClientHello InspectClientHello(absl::string_view first_bytes);

// What is sent to a client that is denied, before anything else: a fatal alert "access denied", 7
// bytes.
std::string AccessDeniedAlert();

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_CLIENT_HELLO_H_
