// What a zygote says to its launcher, with the descriptors that come along.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "runtime/launch/launcher/zygote_process.h"

namespace warren {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Parse(const uint8_t* data, size_t size) {
  // The first byte says how many descriptors come along.
  if (size == 0) return;
  Message message;
  for (int i = 0; i < data[0] % 4; ++i) message.fds.emplace_back(::dup(STDIN_FILENO));
  size_t sent = message.fds.size();
  message.data.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto event = ZygoteProcess::Parse(std::move(message), "base");
  if (!event.ok()) {
    Require(!event.status().message().empty());
    return;
  }
  // It ends in logs.
  Require(std::all_of(event->text.begin(), event->text.end(),
                      [](char c) { return c >= 0x20 && c < 0x7f; }));
  Require(event->text.size() < 16384);
  bool forked = event->message.kind == ZygoteMessageKind::kForked;
  Require(forked == event->pidfd.valid());
  Require(!forked || sent == 1);
}

}  // namespace
}  // namespace warren

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  warren::Parse(data, size);
  return 0;
}
