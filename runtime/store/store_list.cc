#include "runtime/store/store_list.h"

#include <utility>

namespace warren {
namespace {

constexpr size_t kMaxPage = 100 << 10;
// Of an entry's tag and length.
constexpr size_t kEntryBytes = 8;
constexpr int64_t kNanoOfSecond = 1'000'000'000;

}  // namespace

std::vector<internal::StoreContents> ListPages(const Catalog& catalog, const Space& space) {
  std::vector<internal::StoreContents> pages(1);
  size_t taken = 0;
  // The page that has room for one more.
  const auto page_for = [&](size_t bytes) -> internal::StoreContents& {
    if (taken > 0 && taken + bytes + kEntryBytes > kMaxPage) {
      pages.back().set_more(true);
      pages.emplace_back();
      taken = 0;
    }
    taken += bytes + kEntryBytes;
    return pages.back();
  };
  for (const auto& [digest, entry] : catalog.sets()) {
    internal::StoredSet set = entry->info;
    set.set_used_at(entry->used_at / kNanoOfSecond);
    set.set_uses(catalog.Uses(digest));
    *page_for(set.ByteSizeLong()).add_sets() = std::move(set);
  }
  for (const auto& [key, entry] : catalog.packages())
    *page_for(entry->info.ByteSizeLong()).add_packages() = entry->info;
  for (internal::StoreContents& page : pages) {
    page.set_bytes(space.used());
    page.set_max_bytes(space.max_bytes());
  }
  return pages;
}

}  // namespace warren
