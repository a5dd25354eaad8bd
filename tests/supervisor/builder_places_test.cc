#include "supervisor/packages/builder_places.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace warren {
namespace {

using Place = BuilderPlaces::Place;

TEST(BuilderPlacesTest, PlacesGoInOrderOfArrival) {
  BuilderPlaces places(1);
  std::optional<Place> held;
  std::string served;
  places.Take([&](Place place) { held.emplace(std::move(place)); });
  ASSERT_TRUE(held.has_value());
  EXPECT_FALSE(places.has_free());
  places.Take([&](Place) { served += "a"; });
  places.Take([&](Place) { served += "b"; });
  EXPECT_EQ(served, "");
  held.reset();
  // Each has given its place back at once.
  EXPECT_EQ(served, "ab");
  EXPECT_TRUE(places.has_free());
}

TEST(BuilderPlacesTest, WhoIsCancelledIsNotServedAndHoldsNothing) {
  BuilderPlaces places(1);
  std::optional<Place> held;
  places.Take([&](Place place) { held.emplace(std::move(place)); });
  auto what = std::make_shared<int>();
  bool served = false;
  auto ticket = places.Take([&served, what](Place) { served = true; });
  places.Cancel(ticket);
  EXPECT_EQ(what.use_count(), 2);
  ticket.reset();
  EXPECT_EQ(what.use_count(), 1);
  held.reset();
  EXPECT_FALSE(served);
  EXPECT_TRUE(places.has_free());
  places.Cancel(nullptr);
}

TEST(BuilderPlacesTest, ManyThatLetGoAtOnceAreNoRecursion) {
  BuilderPlaces places(1);
  std::optional<Place> held;
  places.Take([&](Place place) { held.emplace(std::move(place)); });
  constexpr int kMany = 300'000;
  int served = 0;
  for (int i = 0; i < kMany; ++i) places.Take([&served](Place) { ++served; });
  held.reset();
  EXPECT_EQ(served, kMany);
}

}  // namespace
}  // namespace warren
