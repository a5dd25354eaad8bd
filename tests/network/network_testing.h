#ifndef WARREN_TESTS_NETWORK_NETWORK_TESTING_H_
#define WARREN_TESTS_NETWORK_NETWORK_TESTING_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "runtime/network/address.h"

namespace warren::testing {

// A message of protobuf's text format.
template <typename Message>
Message FromText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// An address that is known to parse.
inline IpAddress At(absl::string_view text) {
  auto address = ParseAddress(text);
  EXPECT_TRUE(address.ok()) << address.status();
  return address.value_or(IpAddress());
}

inline std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

}  // namespace warren::testing

#endif  // WARREN_TESTS_NETWORK_NETWORK_TESTING_H_
