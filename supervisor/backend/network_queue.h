#ifndef WARREN_SUPERVISOR_BACKEND_NETWORK_QUEUE_H_
#define WARREN_SUPERVISOR_BACKEND_NETWORK_QUEUE_H_

#include "supervisor/backend/sink_queue.h"
#include "warren/v1/network.pb.h"

namespace warren {

template <>
struct SinkQueueTraits<warren::v1::NetworkEvent> : SinkQueueTraitsOfMany<warren::v1::NetworkEvent> {
};

// What a sandbox connects to, on its way to one of those who watch it.
using NetworkEventQueue = SinkQueue<warren::v1::NetworkEvent>;

}  // namespace warren

#endif  // WARREN_SUPERVISOR_BACKEND_NETWORK_QUEUE_H_
