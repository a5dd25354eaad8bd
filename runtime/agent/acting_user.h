#ifndef WARREN_RUNTIME_AGENT_ACTING_USER_H_
#define WARREN_RUNTIME_AGENT_ACTING_USER_H_

#include <cstdint>

namespace warren {

// While it lives the kernel decides about files as for this user of the sandbox, and what is made
// belongs to it: the agent's file-system ids are the user's, which takes DAC_OVERRIDE, CHOWN and
// FOWNER along (policies/profiles/agent.textproto), and its supplementary groups are empty. At the
// end it is in "/". Who cannot be itself again ends: it would go on as somebody else.
class ActingUser {
 public:
  ActingUser(uint32_t uid, uint32_t gid);
  ~ActingUser();
  ActingUser(const ActingUser&) = delete;
  ActingUser& operator=(const ActingUser&) = delete;

  // Not: nothing may be done for that user. Ids that the sandbox does not have.
  bool ok() const { return ok_; }

 private:
  const uint32_t own_uid_;
  const uint32_t own_gid_;
  const bool ok_;
};

}  // namespace warren

#endif  // WARREN_RUNTIME_AGENT_ACTING_USER_H_
