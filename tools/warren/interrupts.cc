#include "tools/warren/interrupts.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace warren {
namespace {

UniqueFd BlockAndWatch() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
}

}  // namespace

Interrupts::Interrupts()
    : signals_(BlockAndWatch()), stop_(::eventfd(0, EFD_CLOEXEC)), listener_([this] { Listen(); }) {
  // A closed standard output is an error of write(2), not the end before the sandbox is destroyed.
  ::signal(SIGPIPE, SIG_IGN);
}

Interrupts::~Interrupts() {
  uint64_t one = 1;
  // An eventfd that counts from 0 takes its first 8 bytes at once.
  if (::write(stop_.get(), &one, sizeof(one)) == sizeof(one)) listener_.join();
}

int Interrupts::signal() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return signal_;
}

void Interrupts::Listen() {
  pollfd watched[] = {{signals_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  while (true) {
    if (::poll(watched, 2, -1) < 0) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo info;
    if (::read(signals_.get(), &info, sizeof(info)) != sizeof(info)) continue;
    std::lock_guard<std::mutex> lock(mutex_);
    if (signal_ == 0) signal_ = static_cast<int>(info.ssi_signo);
    for (grpc::ClientContext* call : calls_) call->TryCancel();
  }
}

Interrupts::Scope::Scope(Interrupts& interrupts, grpc::ClientContext& call)
    : interrupts_(interrupts), call_(&call) {
  std::lock_guard<std::mutex> lock(interrupts_.mutex_);
  interrupts_.calls_.insert(call_);
  if (interrupts_.signal_ != 0) call.TryCancel();
}

Interrupts::Scope::~Scope() {
  std::lock_guard<std::mutex> lock(interrupts_.mutex_);
  interrupts_.calls_.erase(call_);
}

}  // namespace warren
