#ifndef WARREN_SUPERVISOR_E2B_CONTROL_WARM_SANDBOXES_H_
#define WARREN_SUPERVISOR_E2B_CONTROL_WARM_SANDBOXES_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "supervisor/e2b/base/cloud.h"
#include "supervisor/e2b/control/cloud_lives.h"
#include "supervisor/e2b/control/create_call.h"

namespace warren {

// Sandboxes of the cloud's that are kept ready. The cloud changes neither metadata nor variables of
// one that is there, so only a create that asks for nothing of its own can have one: the
// operator's, with a template alone. Its lifetime has to be the default one, for that is noted in
// the metadata, and what is noted there counts when this server starts anew. They cost what
// sandboxes cost, from their making on.
//
// Of the loop's thread. Lifecycle: constructor → Start → Take* → Stop.
class WarmSandboxes : public std::enable_shared_from_this<WarmSandboxes> {
 public:
  WarmSandboxes(std::shared_ptr<Cloud> cloud, std::shared_ptr<CloudLives> lives)
      : cloud_(std::move(cloud)), lives_(std::move(lives)) {}

  void Start();
  // One that is ready, for a valid request that names its template; null where there is none for
  // it.
  CloudSandboxRef Take(const Principal& who, const v1::CreateSandboxRequest& request);
  // One that was taken, and that nobody got.
  void Remove(const CloudSandboxRef& sandbox);
  // From now on none is made; removes them, those that are being made when they are there, and
  // tells when that is done. Also where it was called before.
  void Stop(Task done);

 private:
  struct Ready {
    CloudSandboxRef sandbox;
    TimerId replace_timer = 0;
  };
  struct Pool {
    int wanted = 0;
    int making = 0;
    std::deque<Ready> ready;
  };
  void Fill(const std::string& template_id);
  void Make(const std::string& template_id);
  void OnMade(const std::string& template_id, absl::StatusOr<nlohmann::json> made);
  void Replace(const std::string& template_id, const std::string& sandbox_id);
  // Where nothing is left to remove.
  void TellStopped();

  const std::shared_ptr<Cloud> cloud_;
  const std::shared_ptr<CloudLives> lives_;
  std::map<std::string, Pool> pools_;
  bool stopped_ = false;
  // That the cloud was told to remove, and has not yet.
  int leaving_ = 0;
  std::vector<Task> on_stopped_;
};

}  // namespace warren

#endif  // WARREN_SUPERVISOR_E2B_CONTROL_WARM_SANDBOXES_H_
