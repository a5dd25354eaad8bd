#include "supervisor/session/public_events.h"

#include <string>
#include <utility>

#include "supervisor/base/text.h"

namespace warren {
namespace {

using warren::v1::ExecutionEvent;

constexpr size_t kMaxErrorName = 1 << 10;
constexpr size_t kMaxErrorValue = 64 << 10;
constexpr size_t kMaxTraceback = 256 << 10;
constexpr size_t kMaxId = 256;
constexpr size_t kMaxFileError = 256;

ExecutionEvent::Comm::Kind ToKind(internal::WorkerComm::Kind kind) {
  switch (kind) {
    case internal::WorkerComm::OPEN:
      return ExecutionEvent::Comm::OPEN;
    case internal::WorkerComm::CLOSE:
      return ExecutionEvent::Comm::CLOSE;
    default:
      return ExecutionEvent::Comm::MESSAGE;
  }
}

}  // namespace

void FillExecute(const warren::v1::ExecuteCodeRequest& from, internal::WorkerExecute* to) {
  if (from.silent()) to->set_silent(true);
  if (from.has_store_history() && from.store_history() == from.silent()) {
    to->set_store_history(from.store_history());
  }
  if (from.colors()) to->set_colors(true);
  if (from.allow_stdin()) to->set_allow_stdin(true);
  if (from.display_style() == warren::v1::DISPLAY_STYLE_CODE_INTERPRETER)
    to->set_display_style(internal::WorkerExecute::CODE_INTERPRETER);
  FillNamedTexts(from.user_expressions(), to->mutable_user_expressions());
  FillNamedTexts(from.env(), to->mutable_env());
  for (const std::string& pattern : from.output_files()) to->add_output_files(pattern);
}

void MoveInputFiles(InputFiles from, internal::WorkerExecute* to) {
  for (warren::v1::InputFile& file : from) {
    internal::WorkerInputFile& moved = *to->add_input_files();
    moved.set_path(std::move(*file.mutable_path()));
    moved.set_data(std::move(*file.mutable_data()));
  }
}

internal::WorkerConfigure ToConfigure(const ContextSpec& spec) {
  internal::WorkerConfigure configure;
  if (spec.language != kDefaultLanguage) configure.set_language(spec.language);
  if (spec.working_directory != kDefaultDirectory) {
    configure.set_working_directory(spec.working_directory);
  }
  FillNamedTexts(spec.env, configure.mutable_environment());
  return configure;
}

size_t FillDisplay(const internal::WorkerDisplay& from, ExecutionEvent::Display* to) {
  size_t bytes = 0;
  for (const auto& part : from.parts()) {
    if (!IsMimeType(part.mime_type())) continue;
    std::string& data = (*to->mutable_data())[part.mime_type()];
    data = IsTextMimeType(part.mime_type()) ? ToValidUtf8(part.data(), part.data().size())
                                            : part.data();
    bytes += part.mime_type().size() + data.size();
  }
  to->set_is_result(from.is_result());
  to->set_update(from.update());
  if (!from.metadata_json().empty()) to->set_metadata_json(from.metadata_json());
  if (!from.display_id().empty()) to->set_display_id(ToValidUtf8(from.display_id(), kMaxId));
  return to->data().empty() ? 0 : bytes + from.metadata_json().size() + from.display_id().size();
}

size_t FillComm(const internal::WorkerComm& from, ExecutionEvent::Comm* to) {
  to->set_kind(ToKind(from.kind()));
  to->set_comm_id(ToValidUtf8(from.comm_id(), kMaxId));
  to->set_target_name(ToValidUtf8(from.target_name(), kMaxId));
  to->set_data_json(from.data_json());
  to->set_metadata_json(from.metadata_json());
  *to->mutable_buffers() = from.buffers();
  return to->ByteSizeLong();
}

void FillOutputFile(const internal::WorkerOutputFile& from, ExecutionEvent::OutputFile* to) {
  to->set_path(EscapeFileName(from.path()));
  to->set_size_bytes(from.size());
  to->set_sha256(from.sha256());
  to->set_error(ToValidUtf8(from.error(), kMaxFileError));
}

void FillError(const internal::WorkerError& from, ExecutionEvent::Error* to) {
  to->set_name(ToValidUtf8(from.name(), kMaxErrorName));
  to->set_value(ToValidUtf8(from.value(), kMaxErrorValue));
  to->set_traceback(ToValidUtf8(from.traceback(), kMaxTraceback));
}

void FillExpressionValues(const internal::WorkerDone& from, const Expressions& asked,
                          ExpressionValues* to) {
  for (const auto& value : from.user_expressions()) {
    if (asked.find(value.name()) == asked.end()) continue;
    ExecutionEvent::ExpressionValue& result = (*to)[value.name()];
    if (value.has_display()) FillDisplay(value.display(), result.mutable_display());
    if (value.has_error()) FillError(value.error(), result.mutable_error());
  }
}

}  // namespace warren
