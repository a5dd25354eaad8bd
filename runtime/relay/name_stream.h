#ifndef WARREN_RUNTIME_RELAY_NAME_STREAM_H_
#define WARREN_RUNTIME_RELAY_NAME_STREAM_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "runtime/base/unique_fd.h"
#include "runtime/loop/io_loop.h"
#include "runtime/relay/name_service.h"

namespace warren {

// A sandbox's connection that asks for names over TCP: one question after another, each behind its
// length. It ends with its client, with what it cannot understand, or when nothing comes.
//
// For the loop's thread.
class NameStream {
 public:
  // `on_end` destroys it, in a task of its own.
  static absl::StatusOr<std::unique_ptr<NameStream>> Open(IoLoop& loop, double pace,
                                                          NameService& names, UniqueFd client,
                                                          absl::AnyInvocable<void()> on_end);
  ~NameStream();

 private:
  NameStream(IoLoop& loop, NameService& names, UniqueFd client, absl::AnyInvocable<void()> on_end)
      : loop_(loop), names_(names), client_(std::move(client)), on_end_(std::move(on_end)) {}
  void OnReady();
  // False when it is over.
  bool TakeQuestion();
  void OnAnswer(const std::string& answer);
  void End();

  IoLoop& loop_;
  NameService& names_;
  UniqueFd client_;
  absl::AnyInvocable<void()> on_end_;
  IoLoop::WatchId watch_ = IoLoop::kNoWatch;
  TimerId timer_ = 0;
  std::string received_;
  // One at a time: the next is read when it is answered.
  bool asking_ = false;
  // The client has said all.
  bool ended_ = false;
  std::shared_ptr<NameStream*> self_ = std::make_shared<NameStream*>(this);
};

}  // namespace warren

#endif  // WARREN_RUNTIME_RELAY_NAME_STREAM_H_
