// Package schedule knows when GitHub should start a workflow by itself, and
// which run is the answer to which of these moments. It is pure: no clock, no
// database, no network.
//
// A tick is a moment at which a cron of a workflow file comes. What GitHub
// documents about them (docs.github.com, events that trigger workflows,
// "schedule"; github/docs data/reusables/repositories/
// actions-scheduled-workflow-example.md since commit 1ead651): POSIX cron of
// five fields, in UTC or in the IANA zone of "timezone"; in the hour that
// daylight saving time skips, a schedule advances to the next valid time (02:30
// becomes 03:00). Of the hour that comes twice it says nothing; a tick counts
// once there, at its first time, because a tick that nobody promised would be a
// false alarm; a run at its second time is accepted, and taken for no late one.
//
// Runs are late by minutes as a rule and by half a day at times, and some never
// come (same source: "can be delayed … may be dropped"). No run says which tick
// it answers, so [Match] has to.
package schedule
