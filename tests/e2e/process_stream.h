#ifndef WARREN_TESTS_E2E_PROCESS_STREAM_H_
#define WARREN_TESTS_E2E_PROCESS_STREAM_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "warren/v1/process.grpc.pb.h"

namespace warren {

// A process of a sandbox as one of its clients sees it: its events as far as they were read.
// Lifecycle: constructor (starts it, or connects) → reads → Wait or Cancel, else the destructor
// cancels.
class ProcessStream {
 public:
  using Reader = grpc::ClientReader<v1::ProcessEvent>;
  ProcessStream(v1::ProcessService::Stub& stub, const v1::StartProcessRequest& request)
      : reader_(stub.StartProcess(&context_, request)) {}
  ProcessStream(v1::ProcessService::Stub& stub, const v1::ConnectProcessRequest& request)
      : reader_(stub.ConnectProcess(&context_, request)) {}
  ~ProcessStream() {
    if (!finished_) Cancel();
  }

  // Reads until `holds`, or the end.
  bool ReadUntil(const std::function<bool()>& holds) {
    while (!holds()) {
      v1::ProcessEvent event;
      if (!reader_->Read(&event)) {
        Finish();
        return holds();
      }
      Take(event);
    }
    return true;
  }
  std::string Started() {
    ReadUntil([this] { return !id_.empty(); });
    return id_;
  }
  bool ReadUntilSaid(const std::string& text) {
    return ReadUntil([&] { return absl::StrContains(out_ + err_ + terminal_, text); });
  }
  grpc::Status Wait() {
    ReadUntil([this] { return finished_; });
    return status_;
  }
  void Cancel() {
    context_.TryCancel();
    v1::ProcessEvent event;
    while (reader_->Read(&event)) {
    }
    Finish();
  }

  const std::string& id() const { return id_; }
  int32_t pid() const { return pid_; }
  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }
  const std::string& terminal() const { return terminal_; }
  int64_t missed_bytes() const { return missed_; }
  int started() const { return started_; }
  const v1::Termination& termination() const { return exited_.termination(); }
  const v1::Usage& usage() const { return exited_.usage(); }
  const grpc::Status& status() const { return status_; }

 private:
  void Finish() {
    if (!std::exchange(finished_, true)) status_ = reader_->Finish();
  }
  void Take(const v1::ProcessEvent& event) {
    EXPECT_GT(event.time_unix_nanos(), 0);
    if (event.has_started()) {
      ++started_;
      id_ = event.started().process_id();
      pid_ = event.started().pid();
    }
    if (event.has_missed()) missed_ += event.missed().bytes();
    if (event.has_exited()) exited_ = event.exited();
    if (!event.has_output()) return;
    switch (event.output().stream()) {
      case v1::ProcessEvent::Output::STDOUT:
        out_ += event.output().data();
        break;
      case v1::ProcessEvent::Output::STDERR:
        err_ += event.output().data();
        break;
      default:
        terminal_ += event.output().data();
    }
  }

  grpc::ClientContext context_;
  std::unique_ptr<Reader> reader_;
  std::string id_;
  int32_t pid_ = 0;
  int started_ = 0;
  std::string out_;
  std::string err_;
  std::string terminal_;
  int64_t missed_ = 0;
  v1::ProcessEvent::Exited exited_;
  bool finished_ = false;
  grpc::Status status_;
};

}  // namespace warren

#endif  // WARREN_TESTS_E2E_PROCESS_STREAM_H_
