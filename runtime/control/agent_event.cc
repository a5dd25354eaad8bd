#include "runtime/control/agent_event.h"

#include "absl/strings/str_cat.h"
#include "runtime/base/status.h"
#include "runtime/control/agent_stream.h"

namespace warren {
namespace {

using internal::AgentEvent;

constexpr size_t kMaxDetail = 256;
// Of a user or group.
constexpr size_t kMaxName = 256;
constexpr int kMaxAttributes = 256;
constexpr size_t kMaxAttributeName = 255;
constexpr int kMaxErrno = 4095;
// As FileEvent.Kind numbers them.
constexpr uint32_t kMaxWatchKind = 16;
constexpr size_t kSha256 = 32;

absl::Status Refuse(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("an agent's event: ", what));
}

bool IsErrno(int32_t error) { return error >= 0 && error <= kMaxErrno; }

bool IsPath(const std::string& path) {
  return path.size() <= kMaxAgentPath && path.find('\0') == std::string::npos;
}

absl::Status CheckFile(const internal::FileFacts& file) {
  if (!IsPath(file.path()) || !IsPath(file.symlink_target())) return Refuse("a path");
  if (file.owner().size() > kMaxName || file.group().size() > kMaxName) return Refuse("an owner");
  if (file.attributes_size() > kMaxAttributes) return Refuse("too many attributes");
  for (const auto& [name, value] : file.attributes()) {
    if (name.empty() || name.size() > kMaxAttributeName) return Refuse("an attribute's name");
  }
  return absl::OkStatus();
}

absl::Status CheckFailed(const internal::CommandFailed& failed) {
  if (!internal::CommandFailed::Step_IsValid(failed.step()) ||
      failed.step() == internal::CommandFailed::STEP_UNSPECIFIED || !IsErrno(failed.error())) {
    return Refuse("a failure of no known kind");
  }
  return failed.detail().size() <= kMaxDetail ? absl::OkStatus() : Refuse("a detail too long");
}

absl::Status CheckData(const internal::StreamData& data) {
  if (data.data().size() > kMaxStreamData) return Refuse("too much data");
  if (data.data().empty() && !data.last()) return Refuse("no data");
  return absl::OkStatus();
}

absl::Status CheckWatchEvent(const internal::StreamWatchEvent& event) {
  if (event.kind() < 1 || event.kind() > kMaxWatchKind) return Refuse("a change of no known kind");
  if (!IsPath(event.path()) || !IsPath(event.destination())) return Refuse("a path");
  return absl::OkStatus();
}

absl::Status CheckEnd(const internal::StreamEnd& end) {
  if (!internal::StreamEnd::Outcome_IsValid(end.outcome()) ||
      end.outcome() == internal::StreamEnd::OUTCOME_UNSPECIFIED || !IsErrno(end.error())) {
    return Refuse("an outcome of no known kind");
  }
  if (end.detail().size() > kMaxDetail) return Refuse("a detail too long");
  if (!end.sha256().empty() && end.sha256().size() != kSha256) return Refuse("a digest");
  return CheckFile(end.file());
}

}  // namespace

absl::Status ParseAgentEvent(absl::string_view frame, AgentEvent* event) {
  if (!event->ParseFromArray(frame.data(), static_cast<int>(frame.size())))
    return Refuse("no message");
  switch (event->event_case()) {
    case AgentEvent::kStarted:
      return event->started().pid() > 0 ? absl::OkStatus() : Refuse("a pid");
    case AgentEvent::kFailed:
      return CheckFailed(event->failed());
    case AgentEvent::kData:
      return CheckData(event->data());
    case AgentEvent::kEntry:
      return CheckFile(event->entry().file());
    case AgentEvent::kWatchEvent:
      return CheckWatchEvent(event->watch_event());
    case AgentEvent::kCredit:
      return event->credit().bytes() > 0 ? absl::OkStatus() : Refuse("a credit of nothing");
    case AgentEvent::kEnd:
      return CheckEnd(event->end());
    case AgentEvent::kRootWanted:
      return absl::OkStatus();
    case AgentEvent::EVENT_NOT_SET:
      break;
  }
  return Refuse("of no known kind");
}

}  // namespace warren
