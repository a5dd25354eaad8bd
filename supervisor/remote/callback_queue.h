#ifndef WARREN_SUPERVISOR_REMOTE_CALLBACK_QUEUE_H_
#define WARREN_SUPERVISOR_REMOTE_CALLBACK_QUEUE_H_

namespace warren {

// Keeps the queue from which gRPC's threads take callbacks, for the rest of the process.
//
// gRPC 1.51 counts the channels and servers that use it; whoever lets the last one go ends it and
// waits for its threads. Where that is one of these threads, with the last call of a channel that
// nobody else holds any more, it waits for itself and goes on with what it has freed. A call ends
// on such a thread, so nobody can be careful enough: there is one channel more, which stays.
//
// Thread-safe.
void KeepCallbackQueue();

}  // namespace warren

#endif  // WARREN_SUPERVISOR_REMOTE_CALLBACK_QUEUE_H_
