#ifndef WARREN_TESTS_E2B_HTTP_HTTP_TESTING_H_
#define WARREN_TESTS_E2B_HTTP_HTTP_TESTING_H_

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "runtime/base/mutex.h"
#include "runtime/loop/io_loop.h"
#include "supervisor/e2b/http/http_client.h"
#include "tests/e2b_http/scripted_server.h"
#include "tests/support/patience.h"

namespace warren::testing {

// An IoLoop on a thread of its own.
class LoopThread {
 public:
  LoopThread() : loop_(*IoLoop::Create()), thread_([this] { loop_->Run(); }) {}
  ~LoopThread() { Join(); }

  // The loop does nothing any more.
  void Join() {
    loop_->Stop();
    if (thread_.joinable()) thread_.join();
  }

  IoLoop& loop() { return *loop_; }
  // There, and waits until it is done.
  void Do(std::function<void()> task) {
    std::promise<void> done;
    loop_->Post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  std::unique_ptr<IoLoop> loop_;
  std::thread thread_;
};

// What came of one call.
struct Heard {
  int heads = 0;
  HttpHead head;
  std::string bytes;
  size_t largest = 0;
  int rooms = 0;
  int ends = 0;
  absl::Status status;
  bool sent = false;
};

class HearingSink : public HttpSink {
 public:
  // What else it does, on the loop's thread.
  std::function<void()> on_head = [] {};
  std::function<Flow()> on_bytes = [] { return Flow::kContinue; };
  std::function<void()> on_room = [] {};
  std::function<void()> on_end = [] {};

  Heard heard() {
    MutexLock lock(&mu_);
    return heard_;
  }
  // Without a copy of all that was heard: those that wait look often.
  bool has_ended() {
    MutexLock lock(&mu_);
    return heard_.ends > 0;
  }

  void OnHead(const HttpHead& head) override {
    {
      MutexLock lock(&mu_);
      ++heard_.heads;
      heard_.head = head;
    }
    on_head();
  }
  Flow OnBytes(absl::string_view bytes) override {
    {
      MutexLock lock(&mu_);
      heard_.bytes.append(bytes.data(), bytes.size());
      heard_.largest = std::max(heard_.largest, bytes.size());
    }
    return on_bytes();
  }
  void OnRoom() override {
    {
      MutexLock lock(&mu_);
      ++heard_.rooms;
    }
    on_room();
  }
  void OnEnd(absl::Status status, bool sent) override {
    {
      MutexLock lock(&mu_);
      heard_.status = std::move(status);
      heard_.sent = sent;
    }
    on_end();
    MutexLock lock(&mu_);
    ++heard_.ends;
  }

 private:
  Mutex mu_;
  Heard heard_ ABSL_GUARDED_BY(mu_);
};

// A client, whose calls a test names by their sinks. All of it lives on the loop's thread.
class HttpTest : public ::testing::Test {
 protected:
  using SinkPtr = std::shared_ptr<HearingSink>;

  HttpTest() {
    // Of whoever runs the tests.
    for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
      ::unsetenv(name);
  }
  ~HttpTest() override {
    Do([this] {
      calls_.clear();
      client_ = nullptr;
    });
  }

  void Do(std::function<void()> task) { loop_.Do(std::move(task)); }
  IoLoop& loop() { return loop_.loop(); }
  void Make(HttpOptions options) {
    options.name = "cloud";
    absl::StatusOr<std::unique_ptr<HttpClient>> made = HttpClient::Make(loop(), options);
    ASSERT_TRUE(made.ok()) << made.status();
    client_ = *std::move(made);
  }
  // The default one where no other was made.
  HttpClient& client() {
    if (client_ == nullptr) Make({});
    return *client_;
  }

  // For the loop's thread.
  void StartHere(HttpRequest request, const SinkPtr& sink) {
    std::unique_ptr<HttpCall> call = client().Start(std::move(request), sink);
    if (call != nullptr) calls_[sink.get()] = std::move(call);
  }
  HttpCall& CallOf(const SinkPtr& sink) { return *calls_.at(sink.get()); }
  bool HasCall(const SinkPtr& sink) { return calls_.count(sink.get()) > 0; }
  void CancelHere(const SinkPtr& sink) { calls_.erase(sink.get()); }

  SinkPtr Start(HttpRequest request, SinkPtr sink = std::make_shared<HearingSink>()) {
    Do([&] { StartHere(std::move(request), sink); });
    return sink;
  }
  void Cancel(const SinkPtr& sink) {
    Do([&] { CancelHere(sink); });
  }
  Heard End(const SinkPtr& sink) {
    EXPECT_TRUE(Eventually([&] { return sink->has_ended(); }));
    return sink->heard();
  }
  Heard Ask(HttpRequest request) { return End(Start(std::move(request))); }
  // All that the loop was to do is done.
  void Pass() {
    for (int i = 0; i < 3; ++i) Do([] {});
  }
  int ClientConnections() {
    int open = 0;
    Do([&] { open = client().connections(); });
    return open;
  }

  LoopThread loop_;
  std::unique_ptr<HttpClient> client_;
  std::map<HearingSink*, std::unique_ptr<HttpCall>> calls_;
};

}  // namespace warren::testing

#endif  // WARREN_TESTS_E2B_HTTP_HTTP_TESTING_H_
