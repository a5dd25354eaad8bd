#ifndef WARREN_SUPERVISOR_LOCAL_PROCESS_OPERATION_H_
#define WARREN_SUPERVISOR_LOCAL_PROCESS_OPERATION_H_

#include <memory>
#include <utility>

#include "runtime/loop/io_loop.h"
#include "supervisor/backend/backend.h"
#include "supervisor/session/process.h"

namespace warren {

// A process in the hands of one of its clients. Thread-safe: its calls go on on the IO thread,
// behind that which brought the client to the process.
class ProcessOperation final : public Operation {
 public:
  ProcessOperation(IoLoop& loop, std::shared_ptr<ProcessClient> client)
      : loop_(loop), client_(std::move(client)) {}

  void Resume() override {
    Post([](Process& process, ProcessClient& client) { process.Resume(client); });
  }
  void Cancel() override {
    Post([](Process& process, ProcessClient& client) {
      process.Leave(client, Process::Leaving::kGone);
    });
  }
  absl::Status Detach() override {
    Post([](Process& process, ProcessClient& client) {
      process.Leave(client, Process::Leaving::kDetached);
    });
    return absl::OkStatus();
  }

 private:
  void Post(void (*task)(Process&, ProcessClient&)) {
    loop_.Post([client = client_, task] {
      // Gone with its end.
      if (const std::shared_ptr<Process> process = client->process) task(*process, *client);
    });
  }

  IoLoop& loop_;
  const std::shared_ptr<ProcessClient> client_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_PROCESS_OPERATION_H_
