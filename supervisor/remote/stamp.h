#ifndef WARREN_SUPERVISOR_REMOTE_STAMP_H_
#define WARREN_SUPERVISOR_REMOTE_STAMP_H_

#include <string>

#include "warren/v1/execution.pb.h"
#include "warren/v1/process.pb.h"
#include "warren/v1/sandbox.pb.h"

// The other Warren tells the names of its backends; here the backend is that Warren.
namespace warren {

template <class Message>
void Stamp(const std::string&, Message&) {}

inline void Stamp(const std::string& name, v1::Sandbox& sandbox) { sandbox.set_backend(name); }
inline void Stamp(const std::string& name, v1::ListSandboxesResponse& list) {
  for (v1::Sandbox& sandbox : *list.mutable_sandboxes()) sandbox.set_backend(name);
}
inline void Stamp(const std::string& name, v1::DestroySandboxResponse& response) {
  response.mutable_usage()->set_backend(name);
}
inline void Stamp(const std::string& name, v1::ExecutionEvent& event) {
  if (event.has_finished()) event.mutable_finished()->mutable_usage()->set_backend(name);
}
inline void Stamp(const std::string& name, v1::ProcessEvent& event) {
  if (event.has_exited()) event.mutable_exited()->mutable_usage()->set_backend(name);
}

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_STAMP_H_
