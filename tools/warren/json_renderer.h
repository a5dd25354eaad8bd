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
// (sandbox, started, stdout, stderr, display, error, finished) and, but for the sandbox, "cell".
// Durations are seconds. Nothing is lost of what is not UTF-8:
//   stdout, stderr  "text"; where bytes of it are not UTF-8, these are U+FFFD there, and "base64"
//   has
//                   all of them. A character that arrives in two parts is in one text.
//   display         "data" by MIME type: text, or base64 for the types that "base64" lists: the
//                   binary ones, and text that is not UTF-8.
class JsonRenderer : public Renderer {
 public:
  JsonRenderer(Output out, std::optional<SavedDisplays> saved)
      : out_(std::move(out)), saved_(std::move(saved)) {}

  absl::Status OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) override;
  absl::Status OnEvent(int cell, const v1::ExecutionEvent& event) override;

 private:
  absl::Status OnOutput(int cell, const v1::ExecutionEvent::Output& output);
  absl::Status OnDisplay(int cell, const v1::ExecutionEvent::Display& display);
  absl::Status OnFinished(int cell, const v1::ExecutionEvent::Finished& finished);
  absl::Status WriteOutput(int cell, const char* type, const std::string& bytes);
  absl::Status WriteLine(const nlohmann::ordered_json& object);

  Output out_;
  std::optional<SavedDisplays> saved_;
  Utf8Splitter stdout_;
  Utf8Splitter stderr_;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_JSON_RENDERER_H_
