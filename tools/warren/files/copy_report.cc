#include "tools/warren/files/copy_report.h"

#include <unistd.h>

#include <iostream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tools/warren/json_lines.h"
#include "tools/warren/report.h"
#include "tools/warren/terminal_text.h"

namespace warren {

CopyReport::CopyReport(const Client& client, Format format, Progress::Visibility progress)
    : client_(client), format_(format), progress_(STDERR_FILENO, progress) {}

void CopyReport::OnCopied(const std::string& source, const std::string& destination,
                          const Transfer& done) {
  if (format_ == Format::kText) return;
  nlohmann::ordered_json object;
  PutBytes(object, "source", "source_base64", source);
  PutBytes(object, "destination", "destination_base64", destination);
  object["size_bytes"] = done.size_bytes;
  object["sha256"] = absl::BytesToHexString(done.sha256);
  std::cout << JsonLine(object);
}

bool CopyReport::OnFailed(const std::string& what, const Transfer& failed) {
  // The cause first: a call that was cancelled for our own failure says only that.
  return failed.local.ok() ? OnFailed(what, failed.remote) : OnFailed(what, failed.local);
}

bool CopyReport::OnFailed(const std::string& what, const absl::Status& local) {
  progress_.Clear();
  Say(absl::StrCat(Safe(what), ": ", Safe(local.message())));
  return false;
}

bool CopyReport::OnFailed(const std::string& what, const grpc::Status& remote) {
  progress_.Clear();
  FailCall(client_, Safe(what), remote);
  return false;
}

void CopyReport::OnSkipped(const std::string& name, const char* why) {
  progress_.Clear();
  Say(absl::StrCat("left out ", Safe(name), ": ", why));
  skipped_ = true;
}

}  // namespace warren
