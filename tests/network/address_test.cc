#include "runtime/network/address.h"

#include <gmock/gmock.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/network/network_testing.h"

namespace warren::testing {
namespace {

using ::testing::HasSubstr;

bool IsIn(absl::string_view network, absl::string_view address) {
  auto parsed = ParseNetwork(network);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed.ok() && parsed->Contains(At(address));
}

TEST(ParseAddressTest, TakesBothFamilies) {
  EXPECT_EQ(At("203.0.113.7").to_string(), "203.0.113.7");
  EXPECT_EQ(At("0.0.0.0").to_string(), "0.0.0.0");
  EXPECT_EQ(At("255.255.255.255").to_string(), "255.255.255.255");
  EXPECT_EQ(At("2001:DB8:0:0:0:0:0:1").to_string(), "2001:db8::1");
  EXPECT_EQ(At("::").to_string(), "::");
  EXPECT_EQ(At("::ffff:127.0.0.1").to_string(), "::ffff:127.0.0.1");
  EXPECT_EQ(At("1111:2222:3333:4444:5555:6666:123.123.123.123").to_string(),
            "1111:2222:3333:4444:5555:6666:7b7b:7b7b");
}

// What some parser somewhere takes for an address, and what only looks like one.
TEST(ParseAddressTest, RefusesEveryOtherForm) {
  const std::string cases[] = {
      "",
      " ",
      "127.1",
      "127.0.1",
      "2130706433",
      "0x7f.1",
      "0x7f000001",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "127.0.0.01",
      "127.0.0.1.",
      ".127.0.0.1",
      "127.0.0.1 ",
      " 127.0.0.1",
      "127.0.0.1\n",
      "+127.0.0.1",
      "127.0.0.-1",
      "127.0.0.256",
      "127.0.0.0.1",
      "127..0.1",
      "[::1]",
      "::1]",
      "::1:80:",
      ":::1",
      "1::2::3",
      "::1/128",
      "12345::",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "fe80::1%eth0",
      "fe80::1%1",
      "::1%25lo",
      "::ffff:127.1",
      "::ffff:0177.0.0.1",
      "①②⑦.0.0.1",
      "１２７.0.0.1",
      "127。0。0。1",
      "127.0.0.1%0d%0a",
      "127.0.0.1:80",
      "localhost",
      "abcd",
      std::string("127.0.0.1\0", 10),
      std::string("127.0.0.1\0.example.com", 22),
      std::string("\0", 1),
      std::string(46, '0'),
      std::string(100000, '1'),
  };
  for (const std::string& text : cases) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseAddress(text).status()))
        << absl::CHexEscape(text.substr(0, 60));
  }
}

TEST(ParseAddressTest, EscapesAndCutsWhatItQuotes) {
  const std::string message =
      MessageOf(ParseAddress("a\r\n\"\x1b[31m" + std::string(999, 'x')).status());
  EXPECT_THAT(message, HasSubstr(R"("a\r\n\"\x1b[31mxxx)"));
  EXPECT_THAT(message, HasSubstr(R"(xxx..." is not an IP address)"));
  EXPECT_LT(message.size(), 120u);
}

TEST(IpNetworkTest, ContainsWhatHasItsPrefix) {
  EXPECT_TRUE(IsIn("198.18.0.0/15", "198.18.0.0"));
  EXPECT_TRUE(IsIn("198.18.0.0/15", "198.19.255.255"));
  EXPECT_FALSE(IsIn("198.18.0.0/15", "198.20.0.0"));
  EXPECT_FALSE(IsIn("198.18.0.0/15", "198.17.255.255"));
  EXPECT_TRUE(IsIn("203.0.113.7", "203.0.113.7"));
  EXPECT_FALSE(IsIn("203.0.113.7", "203.0.113.6"));
  EXPECT_TRUE(IsIn("0.0.0.0/0", "255.1.2.3"));
  EXPECT_TRUE(IsIn("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(IsIn("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(IsIn("::1", "::1"));
  EXPECT_FALSE(IsIn("::1", "::"));
}

TEST(IpNetworkTest, FamiliesAreApartButForMappedAddresses) {
  EXPECT_TRUE(IsIn("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_FALSE(IsIn("10.0.0.0/8", "::10.1.2.3"));
  EXPECT_FALSE(IsIn("::/0", "10.1.2.3"));
  EXPECT_FALSE(IsIn("::/0", "::ffff:10.1.2.3"));
  EXPECT_FALSE(IsIn("0.0.0.0/0", "::1"));
  // A network of mapped addresses is the network that they map, or it would contain nothing.
  EXPECT_TRUE(IsIn("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_TRUE(IsIn("::ffff:10.0.0.0/104", "::ffff:10.1.2.3"));
  EXPECT_TRUE(IsIn("::ffff:0:0/96", "8.8.8.8"));
  EXPECT_TRUE(IsIn("::ffff:10.0.0.7", "10.0.0.7"));
}

TEST(IpNetworkTest, IsPrintedAsItIsParsed) {
  EXPECT_EQ(ParseNetwork("203.0.113.0/24")->ToString(), "203.0.113.0/24");
  EXPECT_EQ(ParseNetwork("203.0.113.7/32")->ToString(), "203.0.113.7");
  EXPECT_EQ(ParseNetwork("2001:DB8:0::/32")->ToString(), "2001:db8::/32");
  EXPECT_EQ(ParseNetwork("::1/128")->ToString(), "::1");
  EXPECT_EQ(ParseNetwork("::ffff:10.0.0.0/104")->ToString(), "10.0.0.0/8");
}

TEST(IpNetworkTest, RefusesWhatIsNoNetwork) {
  for (const char* text : {"",
                           "/",
                           "/8",
                           "10.0.0.0/",
                           "10.0.0.0/33",
                           "10.0.0.0/-1",
                           "10.0.0.0/+8",
                           "10.0.0.0/08",
                           "10.0.0.0/ 8",
                           "10.0.0.0/8 ",
                           "10.0.0.0/8/8",
                           "10/8",
                           "10.0.0.0/255.0.0.0",
                           "10.0.0.0/4294967304",
                           "::/129",
                           "fe80::%lo/10",
                           "fe80::/10%lo",
                           "10.0.0.0/\xff",
                           "10.0.0.1/8",
                           "2001:db8::1/64"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseNetwork(text).status())) << text;
  }
  EXPECT_THAT(MessageOf(ParseNetwork("10.0.0.1/8").status()),
              HasSubstr("it has bits set behind the first 8"));
  EXPECT_THAT(MessageOf(ParseNetwork("10.0.0.0/33").status()), HasSubstr("a number up to 32"));
}

TEST(EmbeddedIpv4Test, IsWhereThePacketEnds) {
  EXPECT_EQ(EmbeddedIpv4(At("::ffff:8.8.8.8")), At("8.8.8.8"));
  EXPECT_EQ(EmbeddedIpv4(At("64:ff9b::8.8.8.8")), At("8.8.8.8"));
  EXPECT_EQ(EmbeddedIpv4(At("2002:808:808::1")), At("8.8.8.8"));
  for (const char* none : {"8.8.8.8", "::8.8.8.8", "64:ff9b:1::8.8.8.8", "64:ff9b:0:1::8.8.8.8",
                           "2003:808:808::1", "2001:4860:4860::8888"}) {
    EXPECT_EQ(EmbeddedIpv4(At(none)), std::nullopt) << none;
  }
}

TEST(AddressTextTest, HasNeitherZoneNorMapping) {
  for (const char* same : {"203.0.113.7", "0.0.0.0", "2001:db8::1", "::", "::1"}) {
    EXPECT_EQ(AddressText(At(same)), same);
  }
  EXPECT_EQ(AddressText(At("::ffff:203.0.113.7")), "203.0.113.7");
  auto zoned = At("fe80::1").to_v6();
  zoned.scope_id(1);
  EXPECT_EQ(AddressText(zoned), "fe80::1");
}

TEST(UnmappedTest, LeavesOthersAsTheyAre) {
  EXPECT_EQ(Unmapped(At("::ffff:8.8.8.8")), At("8.8.8.8"));
  for (const char* same : {"8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "::ffff:0:8.8.8.8"}) {
    EXPECT_EQ(Unmapped(At(same)), At(same));
  }
}

struct Block {
  const char* first;
  const char* last;
  const char* what;
};

// Both ends of every block, as IANA's registries have them.
constexpr Block kBlocks[] = {
    {"0.0.0.0", "0.255.255.255", "an address of this host (RFC 791)"},
    {"10.0.0.0", "10.255.255.255", "a private address (RFC 1918)"},
    {"100.64.0.0", "100.127.255.255", "a shared address (RFC 6598)"},
    {"127.0.0.0", "127.255.255.255", "a loopback address (RFC 1122)"},
    {"169.254.0.0", "169.254.255.255", "a link-local address (RFC 3927)"},
    {"169.254.169.254", "169.254.169.254",
     "the address of a cloud's metadata (link-local, RFC 3927)"},
    {"172.16.0.0", "172.31.255.255", "a private address (RFC 1918)"},
    {"192.0.0.0", "192.0.0.255", "an address for protocols (RFC 6890)"},
    {"192.0.2.0", "192.0.2.255", "an address for documentation (RFC 5737)"},
    {"192.88.99.0", "192.88.99.255", "an address of 6to4 relays (RFC 7526)"},
    {"192.168.0.0", "192.168.255.255", "a private address (RFC 1918)"},
    {"198.18.0.0", "198.19.255.255", "an address for benchmarks (RFC 2544)"},
    {"198.51.100.0", "198.51.100.255", "an address for documentation (RFC 5737)"},
    {"203.0.113.0", "203.0.113.255", "an address for documentation (RFC 5737)"},
    {"224.0.0.0", "239.255.255.255", "a multicast address (RFC 5771)"},
    {"240.0.0.0", "255.255.255.254", "a reserved address (RFC 1112)"},
    {"255.255.255.255", "255.255.255.255", "the broadcast address (RFC 919)"},

    {"::", "::", "the unspecified address (RFC 4291)"},
    {"::1", "::1", "a loopback address (RFC 4291)"},
    {"::2", "::255.255.255.255", "an IPv4-compatible address (RFC 4291)"},
    {"::127.0.0.1", "::8.8.8.8", "an IPv4-compatible address (RFC 4291)"},
    {"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
     "an address of a local translator to IPv4 (RFC 8215)"},
    {"100::", "100::ffff:ffff:ffff:ffff", "an address that discards (RFC 6666)"},
    {"100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", "a dummy address (RFC 9780)"},
    {"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "a Teredo address (RFC 4380)"},
    {"2001:1::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "an address for protocols (RFC 2928)"},
    {"2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "an address for benchmarks (RFC 5180)"},
    {"2001:10::", "2001:3f:ffff::", "an address for protocols (RFC 2928)"},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
     "an address for documentation (RFC 3849)"},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "an address for documentation (RFC 9637)"},
    {"5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a segment identifier (RFC 9602)"},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a private address (RFC 4193)"},
    {"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a link-local address (RFC 4291)"},
    {"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a site-local address (RFC 3879)"},
    {"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a multicast address (RFC 4291)"},
};

TEST(SpecialAddressTest, BlocksOfTheRegistriesAreSpecialToTheirEnds) {
  for (const Block& block : kBlocks) {
    EXPECT_EQ(SpecialAddress(At(block.first)), block.what) << block.first;
    EXPECT_EQ(SpecialAddress(At(block.last)), block.what) << block.last;
  }
}

TEST(SpecialAddressTest, NothingElseOfIpv4IsSpecial) {
  for (const char* text :
       {"1.0.0.0",        "8.8.8.8",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",    "126.255.255.255", "128.0.0.0",       "169.253.255.255", "169.255.0.0",
        "172.15.255.255", "172.32.0.0",      "191.255.255.255", "192.0.1.0",       "192.0.3.0",
        "192.88.98.255",  "192.88.100.0",    "192.167.255.255", "192.169.0.0",     "198.17.255.255",
        "198.20.0.0",     "198.51.99.255",   "198.51.101.0",    "203.0.112.255",   "203.0.114.0",
        "223.255.255.255"}) {
    EXPECT_EQ(SpecialAddress(At(text)), "") << text;
  }
}

TEST(SpecialAddressTest, OfIpv6OnlyGlobalUnicastIsNot) {
  for (const char* text : {"2000::", "2001:200::", "2001:4860:4860::8888",
                           "2001:db7:ffff::", "2001:db9::", "2606:4700::1",
                           "3ffe::", "3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_EQ(SpecialAddress(At(text)), "") << text;
  }
  for (const char* text :
       {"::1:0:0:1", "::ffff:0:8.8.8.8", "64:ff9b:0:1::8.8.8.8", "64:ff9b:2::1",
        "100:0:0:2::", "1fff:ffff::", "4000::", "5eff::", "5f01::", "fbff::", "fe00::", "fe7f::"}) {
    EXPECT_EQ(SpecialAddress(At(text)), "an address outside of what IPv6 gives out (RFC 4291)")
        << text;
  }
}

TEST(SpecialAddressTest, WhatEmbedsAnAddressIsAsSpecialAsThat) {
  for (const Block& block : kBlocks) {
    const IpAddress inside = At(block.first);
    if (!inside.is_v4()) continue;
    const auto bytes = inside.to_v4().to_bytes();
    const std::string hex =
        absl::StrCat(absl::Hex(bytes[0] << 8 | bytes[1]), ":", absl::Hex(bytes[2] << 8 | bytes[3]));
    for (const std::string& text :
         {absl::StrCat("::ffff:", block.first), absl::StrCat("::ffff:", hex),
          absl::StrCat("64:ff9b::", block.first), absl::StrCat("2002:", hex, "::1")}) {
      EXPECT_EQ(SpecialAddress(At(text)), block.what) << text;
    }
  }
  EXPECT_EQ(SpecialAddress(At("::ffff:8.8.8.8")), "");
  EXPECT_EQ(SpecialAddress(At("64:ff9b::8.8.8.8")), "");
  EXPECT_EQ(SpecialAddress(At("2002:808:808::1")), "");
}

TEST(SpecialAddressTest, TeredoIsSpecialWhateverItEmbeds) {
  // Server 8.8.8.8, and a client whose address is stored with every bit turned: 127.0.0.1, 8.8.4.4.
  EXPECT_EQ(SpecialAddress(At("2001:0:808:808::80ff:fffe")), "a Teredo address (RFC 4380)");
  EXPECT_EQ(SpecialAddress(At("2001:0:808:808::f7f7:fbfb")), "a Teredo address (RFC 4380)");
}

TEST(SpecialAddressTest, AZoneChangesNothing) {
  auto address = At("::1").to_v6();
  address.scope_id(2);
  EXPECT_EQ(SpecialAddress(address), "a loopback address (RFC 4291)");
}

}  // namespace
}  // namespace warren::testing
