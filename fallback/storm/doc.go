// Package storm decides how much recovery is too much. It computes and keeps
// nothing: callers hand in what was seen, with its moments, and store what they
// get back. So every rule holds across restarts, and under any clock.
//
//   - [Rules] and [Breaker]: what many recoveries depend on is left alone while
//     it is down, and tried by one of them at a time.
//   - [Mass]: many targets in trouble at once are one trouble.
//   - [Bucket], [Quota] and [Ceiling]: what may be spent.
//   - [Drain]: what was held goes on slowly, the newest first.
//
// The numbers come from "exponential backoff and jitter" of AWS, the retry
// budgets of Google's SRE book (chapter "Handling Overload": at most 3 tries,
// 10 % of the requests) and Nygard's circuit breaker.
package storm
