#ifndef WARREN_TOOLS_WARREN_TEXT_RENDERER_H_
#define WARREN_TOOLS_WARREN_TEXT_RENDERER_H_

#include <optional>

#include "tools/warren/output.h"
#include "tools/warren/renderer.h"
#include "tools/warren/saved_displays.h"

namespace warren {

// For people and pipes: a cell's standard output and results on ours, its standard error,
// tracebacks and everything that Warren itself says on our standard error.
class TextRenderer : public Renderer {
 public:
  enum class UsageLines { kHide, kShow };

  TextRenderer(Output out, Output err, std::optional<SavedDisplays> saved, UsageLines usage)
      : out_(std::move(out)), err_(std::move(err)), saved_(std::move(saved)), usage_(usage) {}

  absl::Status OnSandbox(const v1::Sandbox& sandbox, absl::Duration create) override;
  absl::Status OnEvent(int cell, const v1::ExecutionEvent& event) override;
  absl::Status OnDetached(const v1::ExecutionEvent::Started& started) override;

 private:
  absl::Status OnDisplay(const v1::ExecutionEvent::Display& display);
  absl::Status OnOutputFile(const v1::ExecutionEvent::OutputFile& file);
  absl::Status OnError(const v1::ExecutionEvent::Error& error);
  absl::Status OnFinished(int cell, const v1::ExecutionEvent::Finished& finished);
  // "cell 2", or "script".
  std::string Subject(int cell) const;

  Output out_;
  Output err_;
  std::optional<SavedDisplays> saved_;
  UsageLines usage_;
  // What runs is a process of its own.
  bool is_script_ = false;
};

}  // namespace warren

#endif  // WARREN_TOOLS_WARREN_TEXT_RENDERER_H_
