#include "tools/warren/install_progress.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tools/warren/package_text.h"
#include "tools/warren/report.h"
#include "tools/warren/terminal_text.h"

namespace warren {

InstallProgress::Form InstallProgress::FormOfStderr() {
  return ::isatty(STDERR_FILENO) == 1 ? Form::kTerminal : Form::kLines;
}

InstallProgress::InstallProgress(Form form) : form_(form), line_(STDERR_FILENO) {}

void InstallProgress::Show(const v1::InstallPackageEvent::Progress& progress) {
  if (form_ == Form::kHidden) return;
  std::string text = FormatInstallProgress(progress);
  if (text == text_) return;
  text_ = std::move(text);
  if (form_ == Form::kLines) return Say(text_);
  const auto columns = static_cast<size_t>(std::max(line_.columns(), 0));
  // No sequence of UTF-8 is cut.
  line_.Show(Utf8Splitter().Take(text_.substr(0, columns)));
}

}  // namespace warren
