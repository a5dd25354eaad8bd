#ifndef WARREN_TOOLS_WARREN_PROCESS_PROCESS_RENDERER_H_
#define WARREN_TOOLS_WARREN_PROCESS_PROCESS_RENDERER_H_

#include <utility>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tools/warren/output.h"
#include "warren/v1/process.pb.h"
#include "warren/v1/sandbox.pb.h"

namespace warren {

// Shows what happens to a process, as it happens.
// Owner: a command. Thread-compatible. A status that is not OK means that nobody takes the output
// any more (UNAVAILABLE for a closed pipe).
class ProcessRenderer {
 public:
  virtual ~ProcessRenderer() = default;
  // Its sandbox, where the command has made it.
  virtual absl::Status OnSandbox(const v1::Sandbox& sandbox) = 0;
  virtual absl::Status OnEvent(const v1::ProcessEvent& event) = 0;
  // Instead of the events of a process that is left to itself.
  virtual absl::Status OnDetached(const v1::ProcessEvent::Started& started) = 0;
};

// Its standard output on ours, its standard error on ours; what a terminal of its own gets goes to
// our standard output as it is, for that is what the user asked for.
class TextProcessRenderer : public ProcessRenderer {
 public:
  TextProcessRenderer(Output out, Output err) : out_(std::move(out)), err_(std::move(err)) {}

  absl::Status OnSandbox(const v1::Sandbox& sandbox) override;
  absl::Status OnEvent(const v1::ProcessEvent& event) override;
  absl::Status OnDetached(const v1::ProcessEvent::Started& started) override;

 private:
  absl::Status OnOutput(const v1::ProcessEvent::Output& output);
  absl::Status OnExited(const v1::Termination& end);

  Output out_;
  Output err_;
};

// One JSON object a line, with a "type": sandbox, started, stdout, stderr, terminal, missed,
// exited, detached. Output is told as JsonRenderer tells it.
class JsonProcessRenderer : public ProcessRenderer {
 public:
  explicit JsonProcessRenderer(Output out) : out_(std::move(out)) {}

  absl::Status OnSandbox(const v1::Sandbox& sandbox) override;
  absl::Status OnEvent(const v1::ProcessEvent& event) override;
  absl::Status OnDetached(const v1::ProcessEvent::Started& started) override;

 private:
  struct Stream {
    const char* type;
    Utf8Splitter splitter;
  };
  Stream& StreamOf(v1::ProcessEvent::Output::Stream stream);
  absl::Status OnExited(const v1::ProcessEvent::Exited& exited);
  absl::Status WriteOutput(const char* type, const std::string& bytes);
  absl::Status WriteLine(const nlohmann::ordered_json& object);

  Output out_;
  Stream streams_[3] = {{"stdout", {}}, {"stderr", {}}, {"terminal", {}}};
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_PROCESS_PROCESS_RENDERER_H_
