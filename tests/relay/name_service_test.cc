#include "runtime/relay/name_service.h"

#include <ldns/ldns.h>

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "runtime/loop/io_loop.h"
#include "runtime/network/network_rules.h"
#include "runtime/packages/package_name.h"

namespace warren {
namespace {

std::string Question(const char* name, ldns_rr_type type) {
  const std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)> packet(
      ldns_pkt_query_new(ldns_dname_new_frm_str(name), type, LDNS_RR_CLASS_IN, LDNS_RD),
      ldns_pkt_free);
  uint8_t* bytes = nullptr;
  size_t size = 0;
  EXPECT_EQ(ldns_pkt2wire(&bytes, packet.get(), &size), LDNS_STATUS_OK);
  std::string wire(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return wire;
}

// The loop does not run: what is answered in place was not asked for outside.
class NameServiceTest : public ::testing::Test {
 protected:
  NameServiceTest() {
    egress_.set_enabled(true);
    policy_.add_allow()->set_host("*");
    rules_.emplace(*NetworkRules::Compile(policy_, egress_));
    service_.SetRules(&*rules_);
  }

  struct Reply {
    bool in_place = false;
    int code = -1;
    size_t answers = 0;
  };
  Reply Ask(const char* name, ldns_rr_type type = LDNS_RR_TYPE_A) {
    auto reply = std::make_shared<Reply>();
    service_.Ask(Question(name, type), [reply](const std::string& message) {
      ldns_pkt* packet = nullptr;
      ASSERT_EQ(
          ldns_wire2pkt(&packet, reinterpret_cast<const uint8_t*>(message.data()), message.size()),
          LDNS_STATUS_OK);
      *reply = {true, static_cast<int>(ldns_pkt_get_rcode(packet)), ldns_pkt_ancount(packet)};
      ldns_pkt_free(packet);
    });
    return *reply;
  }

  config::EgressPolicy egress_;
  v1::NetworkPolicy policy_;
  std::unique_ptr<IoLoop> loop_ = *IoLoop::Create();
  std::unique_ptr<Resolver> resolver_ = *Resolver::Create(*loop_, egress_, 1);
  std::optional<NetworkRules> rules_;
  std::vector<std::string> told_;
  NameService service_{*resolver_, 0, [this](const std::string& name, uint32_t) {
                         told_.push_back(name);
                         return true;
                       }};
};

TEST_F(NameServiceTest, ThePackageIndexIsAskedForNowhere) {
  const Reply reply = Ask(kPackageIndexHost);
  EXPECT_TRUE(reply.in_place);
  EXPECT_EQ(reply.code, LDNS_RCODE_NOERROR);
  EXPECT_EQ(reply.answers, 1u);
  EXPECT_EQ(told_, std::vector<std::string>{kPackageIndexHost});
  // And its IPv6 address is not there, rather than its name.
  const Reply none = Ask(kPackageIndexHost, LDNS_RR_TYPE_AAAA);
  EXPECT_TRUE(none.in_place);
  EXPECT_EQ(none.code, LDNS_RCODE_NOERROR);
  EXPECT_EQ(none.answers, 0u);
}

TEST_F(NameServiceTest, AnAllowedNameIs) { EXPECT_FALSE(Ask("origin.test").in_place); }

TEST_F(NameServiceTest, ADeniedNameIsNot) {
  policy_.clear_allow();
  policy_.add_allow()->set_host("other.test");
  rules_.emplace(*NetworkRules::Compile(policy_, egress_));
  const Reply reply = Ask("origin.test");
  EXPECT_TRUE(reply.in_place);
  EXPECT_EQ(reply.answers, 1u);
}

}  // namespace
}  // namespace warren
