#ifndef WARREN_TOOLS_WARREN_DOCTOR_BACKEND_RESULTS_H_
#define WARREN_TOOLS_WARREN_DOCTOR_BACKEND_RESULTS_H_

#include <vector>

#include "tools/warren/doctor/report.h"
#include "warren/v1/backend.pb.h"

namespace warren::doctor {

// Whether each backend of a server answers, which was just asked. One that does not is a warning:
// the others serve.
std::vector<Result> BackendResults(const v1::ListBackendsResponse& response);

}  // namespace warren::doctor

#endif  // WARREN_TOOLS_WARREN_DOCTOR_BACKEND_RESULTS_H_
