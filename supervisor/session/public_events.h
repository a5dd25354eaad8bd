#ifndef WARREN_SUPERVISOR_SESSION_PUBLIC_EVENTS_H_
#define WARREN_SUPERVISOR_SESSION_PUBLIC_EVENTS_H_

#include <cstddef>

#include "supervisor/session/context_spec.h"
#include "warren/internal/worker.pb.h"
#include "warren/v1/execution.pb.h"

// Between the public messages of an execution and those of the worker. What comes from the worker
// has been through ParseWorkerEvent; here it is cut and made UTF-8 where the contract says so. Pure
// functions; those that return a size return the payload's bytes, which count as output.
namespace warren {

// All of a request but its code and its input files: nothing for a plain cell.
void FillExecute(const warren::v1::ExecuteCodeRequest& from, internal::WorkerExecute* to);

// Takes their contents.
using InputFiles = google::protobuf::RepeatedPtrField<warren::v1::InputFile>;
void MoveInputFiles(InputFiles from, internal::WorkerExecute* to);

internal::WorkerConfigure ToConfigure(const ContextSpec& spec);
// `from`: a map of names to texts.
template <class Map>
void FillNamedTexts(const Map& from,
                    google::protobuf::RepeatedPtrField<internal::WorkerNamedText>* to) {
  for (const auto& [name, text] : from) {
    internal::WorkerNamedText& named = *to->Add();
    named.set_name(name);
    named.set_text(text);
  }
}

// 0 where nothing can be shown.
size_t FillDisplay(const internal::WorkerDisplay& from, warren::v1::ExecutionEvent::Display* to);
size_t FillComm(const internal::WorkerComm& from, warren::v1::ExecutionEvent::Comm* to);
void FillOutputFile(const internal::WorkerOutputFile& from,
                    warren::v1::ExecutionEvent::OutputFile* to);
// All but the hint.
void FillError(const internal::WorkerError& from, warren::v1::ExecutionEvent::Error* to);

// Values of the expressions that were asked for, and of no others.
using Expressions = google::protobuf::Map<std::string, std::string>;
using ExpressionValues =
    google::protobuf::Map<std::string, warren::v1::ExecutionEvent::ExpressionValue>;
void FillExpressionValues(const internal::WorkerDone& from, const Expressions& asked,
                          ExpressionValues* to);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_SESSION_PUBLIC_EVENTS_H_
