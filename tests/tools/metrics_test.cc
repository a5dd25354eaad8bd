#include "tools/warren/metrics.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

namespace warren {
namespace {

TEST(Metrics, SumSandboxesAndSayWhatPoolsHold) {
  v1::ListSandboxesResponse response;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        sandboxes { template_id: "base" state: RUNNING memory_bytes: 1000000 }
        sandboxes { template_id: "base" state: RUNNING memory_bytes: 2000000 }
        sandboxes { template_id: "base" state: DEAD }
        pools {
          template_id: "a\"b"
          ready: 3
          starting: 1
          target: 4
          zygote_generation: 2
          zygote_forks: 17
          hits: 123456789
          misses: 5
        }
      )pb",
      &response));
  v1::ListBackendsResponse backends;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        backends {
          name: "cloud"
          kind: E2B
          circuit: OPEN
          creates: 5
          failures: 3
          passed_on: 2
          sandboxes: 1
          budget_used { seconds: 61 }
          budget { seconds: 30000 }
        }
        backends { name: "local" kind: LOCAL circuit: CLOSED creates: 2 }
        backends { name: "all" kind: FAILOVER members: "cloud" members: "local" }
      )pb",
      &backends));
  EXPECT_EQ(RenderMetrics(response, backends),
            R"(# HELP warren_sandboxes Sandboxes in use.
# TYPE warren_sandboxes gauge
warren_sandboxes{template="base",state="dead"} 1
warren_sandboxes{template="base",state="running"} 2
# HELP warren_sandbox_memory_bytes Memory of the sandboxes in use, together.
# TYPE warren_sandbox_memory_bytes gauge
warren_sandbox_memory_bytes{template="base",state="dead"} 0
warren_sandbox_memory_bytes{template="base",state="running"} 3000000
# HELP warren_pool_ready Sandboxes that are ready to be handed out.
# TYPE warren_pool_ready gauge
warren_pool_ready{template="a\"b"} 3
# HELP warren_pool_starting Sandboxes in the making for the pool.
# TYPE warren_pool_starting gauge
warren_pool_starting{template="a\"b"} 1
# HELP warren_pool_target Ready sandboxes that the pool aims at.
# TYPE warren_pool_target gauge
warren_pool_target{template="a\"b"} 4
# HELP warren_zygote_generation Generation of the zygote that new sandboxes fork from.
# TYPE warren_zygote_generation gauge
warren_zygote_generation{template="a\"b"} 2
# HELP warren_zygote_forks Contexts that this zygote has forked.
# TYPE warren_zygote_forks gauge
warren_zygote_forks{template="a\"b"} 17
# HELP warren_creates_total Creates answered, by where the sandbox came from: the pool, or made on demand.
# TYPE warren_creates_total counter
warren_creates_total{template="a\"b",source="pool"} 123456789
warren_creates_total{template="a\"b",source="demand"} 5
# HELP warren_backend_up Whether a backend gets creates.
# TYPE warren_backend_up gauge
warren_backend_up{backend="cloud"} 0
warren_backend_up{backend="local"} 1
# HELP warren_backend_creates_total Creates by backend: served, failed, and passed on to the next.
# TYPE warren_backend_creates_total counter
warren_backend_creates_total{backend="cloud",outcome="served"} 5
warren_backend_creates_total{backend="cloud",outcome="failed"} 3
warren_backend_creates_total{backend="cloud",outcome="passed_on"} 2
warren_backend_creates_total{backend="local",outcome="served"} 2
warren_backend_creates_total{backend="local",outcome="failed"} 0
warren_backend_creates_total{backend="local",outcome="passed_on"} 0
# HELP warren_backend_sandboxes Sandboxes that are known to live on a backend.
# TYPE warren_backend_sandboxes gauge
warren_backend_sandboxes{backend="cloud"} 1
warren_backend_sandboxes{backend="local"} 0
# HELP warren_backend_budget_used_seconds This month's sandbox time of a backend with a budget.
# TYPE warren_backend_budget_used_seconds gauge
warren_backend_budget_used_seconds{backend="cloud"} 61
)");
}

}  // namespace
}  // namespace warren
