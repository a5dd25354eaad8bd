#include "tools/warren/signal_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <utility>

namespace warren {
namespace {

UniqueFd BlockAndWatch(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
}

}  // namespace

SignalListener::SignalListener(std::initializer_list<int> signals)
    : signals_(BlockAndWatch(signals)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      listener_([this] { Listen(); }) {
  // A closed standard output is an error of write(2), not the end before the sandbox is destroyed.
  ::signal(SIGPIPE, SIG_IGN);
}

SignalListener::~SignalListener() {
  uint64_t one = 1;
  // An eventfd that counts from 0 takes its first 8 bytes at once.
  if (::write(stop_.get(), &one, sizeof(one)) == sizeof(one)) listener_.join();
}

void SignalListener::SetHandler(Handler handler) {
  std::lock_guard<std::mutex> lock(mutex_);
  handler_ = std::move(handler);
  if (!handler_) return;
  for (int signal : std::exchange(waiting_, {})) handler_(signal);
}

void SignalListener::Listen() {
  pollfd watched[] = {{signals_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (true) {
    if (::poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo info;
    if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) continue;
    std::lock_guard<std::mutex> lock(mutex_);
    int signal = static_cast<int>(info.ssi_signo);
    if (handler_) {
      handler_(signal);
    } else {
      waiting_.push_back(signal);
    }
  }
}

}  // namespace warren
