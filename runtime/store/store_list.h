#ifndef WARREN_RUNTIME_STORE_STORE_LIST_H_
#define WARREN_RUNTIME_STORE_STORE_LIST_H_

#include <vector>

#include "runtime/store/catalog.h"
#include "runtime/store/space.h"
#include "warren/internal/store.pb.h"

namespace warren {

// All that the store holds, in pages of at most 100 KiB; one at least. For the loop's thread.
std::vector<internal::StoreContents> ListPages(const Catalog& catalog, const Space& space);

}  // namespace warren

#endif  // WARREN_RUNTIME_STORE_STORE_LIST_H_
