// Package failure judges failures from what is known of them: it finds the
// first error line in the log of a job, tells trouble of networks, rate limits
// and runners from the repository's own, makes equal failures recognisable, and
// says when a workflow changes its mind too often.
//
// It is pure: bytes and numbers in, judgements out. Logs are hostile. Whoever
// can change a workflow decides what they say, so every text that leaves this
// package went through [Clean] and [Mask], and no log is worth more memory
// than its own size.
package failure
