#ifndef WARREN_TOOLS_WARREN_RENDERER_H_
#define WARREN_TOOLS_WARREN_RENDERER_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "warren/v1/execution.pb.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// Shows what happens to a sandbox and its cells, as it happens.
// Owner: a command that runs code. Thread-compatible. Lifecycle: OnSandbox → OnEvent*. A status
// that is not OK means that nobody takes the output any more (UNAVAILABLE for a closed pipe): the
// run is to be cancelled.
class Renderer {
 public:
  virtual ~Renderer() = default;
  // `create` is how long the call took, seen from here.
  virtual absl::Status OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) = 0;
  // `cell` counts from 1.
  virtual absl::Status OnEvent(int cell, const v1::ExecutionEvent& event) = 0;
  // Instead of the events of a run that is left to itself.
  virtual absl::Status OnDetached(const v1::ExecutionEvent::Started& started) = 0;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_RENDERER_H_
