#include "tools/warren/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"

namespace warren {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily Family(const char* name, const char* help, MetricType type) {
  return {name, help, type, {}};
}

void Add(MetricFamily& family, Labels labels, int64_t value) {
  ClientMetric& metric = family.metric.emplace_back();
  metric.label = std::move(labels);
  (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) =
      static_cast<double>(value);
}

void AddSandboxes(const v1::ListSandboxesResponse& response, std::vector<MetricFamily>& families) {
  // By template and state: how many, and their memory.
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> groups;
  for (const v1::Sandbox& sandbox : response.sandboxes()) {
    auto& [count, memory] = groups[{
        sandbox.template_id(), absl::AsciiStrToLower(v1::Sandbox::State_Name(sandbox.state()))}];
    ++count;
    memory += sandbox.memory_bytes();
  }
  MetricFamily counts = Family("warren_sandboxes", "Sandboxes in use.", MetricType::Gauge);
  MetricFamily memories = Family("warren_sandbox_memory_bytes",
                                 "Memory of the sandboxes in use, together.", MetricType::Gauge);
  for (const auto& [key, sums] : groups) {
    Labels labels = {{"template", key.first}, {"state", key.second}};
    Add(counts, labels, sums.first);
    Add(memories, labels, sums.second);
  }
  families.push_back(std::move(counts));
  families.push_back(std::move(memories));
}

void AddPools(const v1::ListSandboxesResponse& response, std::vector<MetricFamily>& families) {
  MetricFamily ready =
      Family("warren_pool_ready", "Sandboxes that are ready to be handed out.", MetricType::Gauge);
  MetricFamily starting =
      Family("warren_pool_starting", "Sandboxes in the making for the pool.", MetricType::Gauge);
  MetricFamily target =
      Family("warren_pool_target", "Ready sandboxes that the pool aims at.", MetricType::Gauge);
  MetricFamily generation =
      Family("warren_zygote_generation", "Generation of the zygote that new sandboxes fork from.",
             MetricType::Gauge);
  MetricFamily forks =
      Family("warren_zygote_forks", "Contexts that this zygote has forked.", MetricType::Gauge);
  MetricFamily creates =
      Family("warren_creates_total",
             "Creates answered, by where the sandbox came from: the pool, or made on demand.",
             MetricType::Counter);
  for (const v1::PoolStatus& pool : response.pools()) {
    const std::string& id = pool.template_id();
    Add(ready, {{"template", id}}, pool.ready());
    Add(starting, {{"template", id}}, pool.starting());
    Add(target, {{"template", id}}, pool.target());
    Add(generation, {{"template", id}}, pool.zygote_generation());
    Add(forks, {{"template", id}}, pool.zygote_forks());
    Add(creates, {{"template", id}, {"source", "pool"}}, pool.hits());
    Add(creates, {{"template", id}, {"source", "demand"}}, pool.misses());
  }
  for (MetricFamily* family : {&ready, &starting, &target, &generation, &forks, &creates}) {
    families.push_back(std::move(*family));
  }
}

void AddBackends(const v1::ListBackendsResponse& response, std::vector<MetricFamily>& families) {
  MetricFamily up =
      Family("warren_backend_up", "Whether a backend gets creates.", MetricType::Gauge);
  MetricFamily creates =
      Family("warren_backend_creates_total",
             "Creates by backend: served, failed, and passed on to the next.", MetricType::Counter);
  MetricFamily sandboxes =
      Family("warren_backend_sandboxes", "Sandboxes that are known to live on a backend.",
             MetricType::Gauge);
  MetricFamily used =
      Family("warren_backend_budget_used_seconds",
             "This month's sandbox time of a backend with a budget.", MetricType::Gauge);
  for (const v1::BackendStatus& each : response.backends()) {
    if (each.kind() == v1::BackendStatus::FAILOVER) continue;
    const std::string& name = each.name();
    Add(up, {{"backend", name}}, each.circuit() == v1::BackendStatus::CLOSED ? 1 : 0);
    Add(creates, {{"backend", name}, {"outcome", "served"}}, each.creates());
    Add(creates, {{"backend", name}, {"outcome", "failed"}}, each.failures());
    Add(creates, {{"backend", name}, {"outcome", "passed_on"}}, each.passed_on());
    Add(sandboxes, {{"backend", name}}, each.sandboxes());
    if (each.has_budget()) Add(used, {{"backend", name}}, each.budget_used().seconds());
  }
  for (MetricFamily* family : {&up, &creates, &sandboxes, &used}) {
    if (!family->metric.empty()) families.push_back(std::move(*family));
  }
}

}  // namespace

std::string RenderMetrics(const v1::ListSandboxesResponse& response,
                          const v1::ListBackendsResponse& backends) {
  std::vector<MetricFamily> families;
  AddSandboxes(response, families);
  AddPools(response, families);
  AddBackends(backends, families);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace warren
