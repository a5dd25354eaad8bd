#ifndef WARREN_TESTS_SUPERVISOR_SESSION_TESTING_H_
#define WARREN_TESTS_SUPERVISOR_SESSION_TESTING_H_

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "supervisor/backend/validate.h"
#include "supervisor/session/detached_executions.h"
#include "supervisor/session/sandbox.h"
#include "supervisor/session/sandbox_table.h"
#include "tests/supervisor/fake_launcher.h"
#include "tests/supervisor/fake_sink.h"
#include "tests/supervisor/fake_worker.h"

namespace warren {

// An IO loop that runs on a thread of its own for as long as a test.
class LoopTest : public ::testing::Test {
 protected:
  LoopTest() : loop(*IoLoop::Create()), thread_([this] { loop->Run(); }) {}
  ~LoopTest() override { StopLoop(); }
  // Before anything of the test goes that the loop may still use.
  void TearDown() override { StopLoop(); }
  void StopLoop() {
    if (!thread_.joinable()) return;
    loop->Stop();
    thread_.join();
  }
  // Runs `task` on the IO thread and waits for it: what was posted before has run then too.
  void OnLoop(std::function<void()> task) {
    std::promise<void> done;
    loop->Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // What was posted before has run, what is readable has been read, and what came of that has run.
  void Settle() {
    for (int i = 0; i < 5; ++i) OnLoop([] {});
  }
  // Runs `what` on the test's thread while the loop stands still: it finds all of it at once.
  void WhileItStands(const std::function<void()>& what) {
    std::promise<void> stands, over;
    loop->Post([&stands, going_on = over.get_future().share()] {
      stands.set_value();
      going_on.wait();
    });
    stands.get_future().wait();
    what();
    over.set_value();
  }
  std::unique_ptr<IoLoop> loop;

 private:
  std::thread thread_;
};

inline warren::v1::ExecuteCodeRequest Cell(const std::string& code) {
  warren::v1::ExecuteCodeRequest request;
  request.set_code(code);
  // Its sandbox may have been made without limits.
  request.set_max_output_bytes(64 << 20);
  EXPECT_TRUE(ValidateExecute(request).ok());
  return request;
}
inline warren::v1::ExecuteCodeRequest WithTimeout(warren::v1::ExecuteCodeRequest request,
                                                  int milliseconds) {
  request.mutable_timeout()->set_seconds(milliseconds / 1000);
  request.mutable_timeout()->set_nanos(milliseconds % 1000 * 1'000'000);
  return request;
}

// Sandboxes whose launcher and workers the test plays.
class SessionTest : public LoopTest {
 protected:
  // Nothing that waits gives up before the test does; and everything does, at once.
  static constexpr double kPatient = 1000;
  static constexpr double kHasty = 0.001;

  explicit SessionTest(int64_t memory = int64_t{1} << 30,
                       int further_contexts = std::numeric_limits<int>::max(),
                       int process_descriptors = std::numeric_limits<int>::max(),
                       int port_connections = std::numeric_limits<int>::max())
      : budget(memory),
        detached(*loop, memory / 4, &budget),
        link(*loop, launcher.TakeClient()),
        host{*loop,
             link,
             budget,
             *detached.budget(),
             kPatient,
             [](const std::string&, absl::string_view) { return std::string(); },
             Allotment(further_contexts),
             Allotment(process_descriptors),
             Allotment(port_connections)},
        table(*loop) {
    OnLoop([this] {
      absl::Status started = link.Start(
          [this](LauncherMessage message) {
            const internal::LauncherReply& event = message.reply;
            if (event.has_relay_started()) host.relay.Start(std::move(message.fds.at(0)));
            if (event.has_process_exited()) table.OnProcessExited(event.process_exited());
            if (event.has_sandbox_gone()) table.OnGone(event.sandbox_gone());
            OnEvent(event);
          },
          [](absl::Status) {});
      EXPECT_TRUE(started.ok()) << started;
    });
  }
  ~SessionTest() override { StopLoop(); }

  // What is under way in a sandbox keeps it, until it ends.
  void EndSandbox() {
    internal::SandboxGone gone;
    gone.set_sandbox_id("sb1");
    OnLoop([&] { table.OnGone(gone); });
    Settle();
  }

  // Any event, on the IO thread.
  virtual void OnEvent(const internal::LauncherReply&) {}

  void SetPace(double pace) {
    OnLoop([&] { host.pace = pace; });
  }

  // Made, and in the table; its worker has said nothing.
  std::shared_ptr<Sandbox> MakeSandbox(FakeWorker& worker, warren::v1::Limits limits = {},
                                       SandboxStats stats = {}) {
    auto sandbox = std::make_shared<Sandbox>(host, Sandbox::Identity{"sb1", "base", limits},
                                             std::move(stats), worker.TakePipes());
    OnLoop([&] {
      table.Add(sandbox);
      absl::Status started = sandbox->Start(
          [this](absl::Status status) {
            ready_status = std::move(status);
            ready.store(true);
          },
          [this] { died.store(true); });
      EXPECT_TRUE(started.ok()) << started;
    });
    return sandbox;
  }
  std::shared_ptr<Sandbox> MakeReadySandbox(FakeWorker& worker, warren::v1::Limits limits = {},
                                            SandboxStats stats = {}) {
    auto sandbox = MakeSandbox(worker, std::move(limits), std::move(stats));
    worker.SendReady();
    EXPECT_TRUE(Eventually([this] { return ready.load(); }));
    EXPECT_TRUE(ready_status.ok()) << ready_status;
    return sandbox;
  }

  std::shared_ptr<Execution> NewExecution(warren::v1::ExecuteCodeRequest request,
                                          std::shared_ptr<FakeSink> sink) {
    return std::make_shared<Execution>(std::move(request), std::move(sink), detached);
  }
  // A cell that its worker has read.
  std::shared_ptr<Execution> Begin(Context& context, FakeWorker& worker,
                                   std::shared_ptr<FakeSink> sink,
                                   warren::v1::ExecuteCodeRequest request = Cell("1")) {
    auto execution = NewExecution(std::move(request), std::move(sink));
    absl::Status accepted = context.Execute(execution);
    EXPECT_TRUE(accepted.ok()) << accepted;
    worker.NextRequest();
    return execution;
  }

  FakeLauncher launcher;
  MemoryBudget budget;
  DetachedExecutions detached;
  LauncherLink link;
  SandboxHost host;
  SandboxTable table;
  std::atomic<bool> ready{false};
  absl::Status ready_status;
  std::atomic<bool> died{false};
};

}  // namespace warren

#endif  // WARREN_TESTS_SUPERVISOR_SESSION_TESTING_H_
