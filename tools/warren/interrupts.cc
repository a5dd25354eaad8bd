#include "tools/warren/interrupts.h"

#include <csignal>

namespace warren {

Interrupts::Interrupts() : listener_({SIGINT, SIGTERM, SIGHUP}) {
  listener_.SetHandler([this](int signal) { OnSignal(signal); });
}

int Interrupts::signal() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return signal_;
}

void Interrupts::OnSignal(int signal) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (signal_ == 0) signal_ = signal;
  for (grpc::ClientContext* call : calls_) call->TryCancel();
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
