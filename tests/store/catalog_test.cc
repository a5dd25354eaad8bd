#include "runtime/store/catalog.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runtime/store/space.h"
#include "runtime/store/store_list.h"

namespace warren {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CatalogPackage& AddPackage(Catalog& catalog, const std::string& key) {
  internal::StoredPackage info;
  info.set_key(key);
  CatalogPackage& package = catalog.AddPackage(info);
  catalog.Touch(package);
  return package;
}

CatalogSet& AddSet(Catalog& catalog, const std::string& digest,
                   const std::vector<std::string>& keys) {
  internal::StoredSet info;
  info.set_digest(digest);
  for (const std::string& key : keys) info.add_packages()->set_key(key);
  CatalogSet& set = catalog.AddSet(info);
  catalog.Touch(set);
  return set;
}

std::vector<std::string> UnusedNames(const Catalog& catalog) {
  std::vector<std::string> names;
  for (const Catalog::Victim& victim : catalog.Unused()) names.push_back(victim.name);
  return names;
}

TEST(Catalog, LeastRecentlyUsedGoesFirstAndSetsBeforeTheirPackages) {
  Catalog catalog;
  AddPackage(catalog, "a");
  AddPackage(catalog, "b");
  AddPackage(catalog, "c");
  AddSet(catalog, "ab", {"a", "b"});
  EXPECT_THAT(UnusedNames(catalog), ElementsAre("c", "ab", "a", "b"));
  catalog.Touch(*catalog.FindPackage("c"));
  EXPECT_THAT(UnusedNames(catalog), ElementsAre("ab", "a", "b", "c"));
}

TEST(Catalog, WhatIsUsedOrPinnedStays) {
  Catalog catalog;
  AddPackage(catalog, "a");
  CatalogPackage& b = AddPackage(catalog, "b");
  AddPackage(catalog, "c");
  AddSet(catalog, "s", {"a"});
  catalog.Use("s");
  catalog.Use("s");
  ++b.pins;
  EXPECT_THAT(UnusedNames(catalog), ElementsAre("c"));
  EXPECT_TRUE(catalog.Release("s"));
  EXPECT_THAT(UnusedNames(catalog), ElementsAre("c"));
  EXPECT_TRUE(catalog.Release("s"));
  EXPECT_FALSE(catalog.Release("s"));
  --b.pins;
  EXPECT_THAT(UnusedNames(catalog), ElementsAre("b", "c", "s", "a"));
}

TEST(Catalog, UsesAreOfTheDigestAndOutliveTheEntry) {
  Catalog catalog;
  AddPackage(catalog, "a");
  AddSet(catalog, "s", {"a"});
  catalog.Use("s");
  EXPECT_NE(catalog.TakeSet("s"), nullptr);
  AddSet(catalog, "s", {"a"});
  EXPECT_EQ(catalog.Uses("s"), 1);
  EXPECT_THAT(UnusedNames(catalog), IsEmpty());
}

TEST(Catalog, OldestResolutionGoes) {
  Catalog catalog;
  catalog.PutResolution("one", {"s", 1});
  catalog.PutResolution("two", {"s", 1});
  // The same again is the newest.
  catalog.PutResolution("one", {"t", 2});
  EXPECT_EQ(catalog.ResolutionBeyond(2), std::nullopt);
  catalog.PutResolution("three", {"s", 1});
  EXPECT_EQ(catalog.ResolutionBeyond(2), "two");
  EXPECT_EQ(catalog.FindResolution("one")->set_digest, "t");
  catalog.DropResolution("two");
  EXPECT_EQ(catalog.FindResolution("two"), nullptr);
  EXPECT_EQ(catalog.ResolutionBeyond(2), std::nullopt);
}

TEST(ListPages, EachFitsIntoAMessage) {
  Catalog catalog;
  const Space space(1000, [] {});
  EXPECT_EQ(ListPages(catalog, space).size(), 1u);
  for (int i = 0; i < 40; ++i) {
    internal::StoredSet info;
    info.set_digest("set " + std::to_string(i));
    for (int k = 0; k < 100; ++k) info.add_packages()->set_key(std::string(64, 'k'));
    catalog.AddSet(info);
  }
  for (int i = 0; i < 2000; ++i) AddPackage(catalog, std::string(60, 'p') + std::to_string(i));
  const std::vector<internal::StoreContents> pages = ListPages(catalog, space);
  EXPECT_GT(pages.size(), 2u);
  int sets = 0;
  int packages = 0;
  for (size_t i = 0; i < pages.size(); ++i) {
    EXPECT_LE(pages[i].ByteSizeLong(), size_t{101} << 10);
    EXPECT_EQ(pages[i].more(), i + 1 < pages.size());
    EXPECT_EQ(pages[i].max_bytes(), 1000);
    sets += pages[i].sets_size();
    packages += pages[i].packages_size();
  }
  EXPECT_EQ(sets, 40);
  EXPECT_EQ(packages, 2000);
}

}  // namespace
}  // namespace warren
