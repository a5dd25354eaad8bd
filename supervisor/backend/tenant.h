#ifndef WARREN_SUPERVISOR_BACKEND_TENANT_H_
#define WARREN_SUPERVISOR_BACKEND_TENANT_H_

#include "absl/strings/string_view.h"

namespace warren {

// gRPC metadata by which one Warren tells another for which tenant it calls. The operator alone may
// send it.
inline constexpr char kTenantMetadata[] = "warren-tenant";

// What stands for the operator in configurations, and so for no tenant that has a key.
inline constexpr char kOperatorName[] = "operator";

// Whether a tenant can have this name: [a-z0-9][a-z0-9-]{0,62}. The operator's, which is empty, is
// none.
bool IsTenant(absl::string_view name);

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_TENANT_H_
