#ifndef WARREN_SUPERVISOR_E2B_ENVD_CLOUD_OPERATION_H_
#define WARREN_SUPERVISOR_E2B_ENVD_CLOUD_OPERATION_H_

#include <memory>
#include <utility>

#include "supervisor/e2b/base/cloud.h"

namespace warren {

// What a client holds of something that goes on in the cloud: T, which has Resume and Cancel, and
// which is kept by what it waits for. Thread-safe: its calls go on on the loop's thread.
template <class T, class Base = Operation>
class CloudOperation : public Base {
 public:
  CloudOperation(std::shared_ptr<Cloud> cloud, std::weak_ptr<T> target)
      : cloud_(std::move(cloud)), target_(std::move(target)) {}

  void Resume() override { Post(&T::Resume); }
  void Cancel() override { Post(&T::Cancel); }

 protected:
  void Post(void (T::*call)()) {
    cloud_->Post([target = target_, call] {
      if (auto self = target.lock()) ((*self).*call)();
    });
  }

 private:
  const std::shared_ptr<Cloud> cloud_;
  const std::weak_ptr<T> target_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_ENVD_CLOUD_OPERATION_H_
