#ifndef WARREN_SUPERVISOR_GATEWAY_BASE_SANDBOX_NOTES_H_
#define WARREN_SUPERVISOR_GATEWAY_BASE_SANDBOX_NOTES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/map.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// What a sandbox was asked to be in E2B's terms and has no place of its own in Warren's. It is kept
// in the sandbox's metadata, under a name that E2B's clients neither see nor can set: the gateway
// itself remembers nothing.
struct SandboxNotes {
  // Its token must be shown for its processes, files and code.
  bool secured = true;
  // Whoever uses it while it is paused resumes it.
  bool auto_resume = false;
  // Its ports are for everybody who knows its name; of a sandbox that another door made they are
  // not.
  bool public_traffic = true;
  // The template as the client called it.
  std::string alias;
  // The Host that its servers see; empty: the one that the client names.
  std::string masked_host;
  // Its egress as it was asked for.
  bool internet = true;
};

// Keys of metadata that begin with it are Warren's own.
inline constexpr char kReservedMetadata[] = "warren.";

bool IsReservedMetadata(absl::string_view key);
void WriteNotes(const SandboxNotes& notes,
                google::protobuf::Map<std::string, std::string>& metadata);
// Defaults for one that another door made.
SandboxNotes ReadNotes(const v1::Sandbox& sandbox);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_GATEWAY_BASE_SANDBOX_NOTES_H_
