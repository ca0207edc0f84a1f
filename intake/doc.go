// Package intake receives webhooks and keeps them: what GitHub was told is
// accepted is on disk, once per delivery id, together with who will handle it:
// a job, or for most deliveries this process itself.
//
// The way of a delivery: [NewHandler] checks the signature, reads the body
// within its limit and hands the request to go-githubapp's dispatcher, whose
// scheduler is the [Inbox]. The inbox commits everything that waits in one
// transaction and only then lets the answer go out. A [Worker] then runs the
// event's handler, from memory right after the commit ([Inbox.HandleDirectly])
// or as a job of the queue from what is stored. What could not be delivered
// while we were away, the [Sweeper] asks GitHub for again. [Retention] removes
// what is old and done.
package intake
