#ifndef WARREN_SUPERVISOR_LOCAL_DONE_OPERATION_H_
#define WARREN_SUPERVISOR_LOCAL_DONE_OPERATION_H_

#include "supervisor/backend/backend.h"

namespace warren {

// For what was answered in place.
class DoneOperation final : public Operation {
 public:
  void Resume() override {}
  void Cancel() override {}
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_LOCAL_DONE_OPERATION_H_
