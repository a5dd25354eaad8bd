#ifndef WARREN_TOOLS_WARREN_JSON_RENDERER_H_
#define WARREN_TOOLS_WARREN_JSON_RENDERER_H_

#include <optional>

#include "nlohmann/json.hpp"
#include "tools/warren/output.h"
#include "tools/warren/renderer.h"
#include "tools/warren/saved_displays.h"
#include "tools/warren/terminal_text.h"

namespace warren {

// For programs: one JSON object a line for each event, ASCII only. Every object has "type"
// (sandbox, started, stdout, stderr, display, error, finished; clear_output, comm, input_request,
// missed, output_file where they come) and, but for the sandbox, "cell" and "sequence", the event's
// place among those of its execution. Durations are seconds. Nothing is lost of what is not UTF-8:
//   stdout, stderr  "text"; where bytes of it are not UTF-8, these are U+FFFD there, and "base64"
//                   has all of them. A character that arrives in two parts is in one text, with the
//                   "sequence" of its last part.
//   display         "data" by MIME type: text, or base64 for the types that "base64" lists: the
//                   binary ones, and text that is not UTF-8.
class JsonRenderer : public Renderer {
 public:
  JsonRenderer(Output out, std::optional<SavedDisplays> saved)
      : out_(std::move(out)), saved_(std::move(saved)) {}

  absl::Status OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) override;
  absl::Status OnEvent(int cell, const v1::ExecutionEvent& event) override;
  absl::Status OnDetached(const v1::ExecutionEvent::Started& started) override;

 private:
  // Its "type", "cell" and "sequence", to which the rest is added.
  nlohmann::ordered_json Begin(const char* type) const;
  absl::Status OnOutput(const v1::ExecutionEvent::Output& output);
  absl::Status OnDisplay(const v1::ExecutionEvent::Display& display);
  absl::Status OnComm(const v1::ExecutionEvent::Comm& comm);
  absl::Status OnFinished(const v1::ExecutionEvent::Finished& finished);
  absl::Status OnOther(const v1::ExecutionEvent& event);
  absl::Status WriteOutput(const char* type, const std::string& bytes);
  absl::Status WriteLine(const nlohmann::ordered_json& object);

  Output out_;
  // Of the event at hand.
  int cell_ = 0;
  int64_t sequence_ = 0;
  std::optional<SavedDisplays> saved_;
  Utf8Splitter stdout_;
  Utf8Splitter stderr_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_JSON_RENDERER_H_
