package main

import (
	"regexp"
	"time"
)

// What a person reads is in the time of the terminal, with its offset: the same
// moment must not look like two in one output. JSON has UTC.
const (
	shownFormat = "2006-01-02 15:04:05 -07:00"
	// shownMinute is for what people plan with, and for tables.
	shownMinute = "2006-01-02 15:04 -07:00"
	// shownMillis is for a timeline, whose moves follow within a second.
	shownMillis = "2006-01-02 15:04:05.000 -07:00"
)

// zone is that of the terminal.
var zone = time.Local

func shown(t time.Time) string        { return t.In(zone).Format(shownFormat) }
func shownShort(t time.Time) string   { return t.In(zone).Format(shownMinute) }
func shownExactly(t time.Time) string { return t.In(zone).Format(shownMillis) }

// toldForm are the moments within the sentences of a server, which cannot know
// the terminal's zone.
var toldForm = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2} \d{2}:\d{2}(:\d{2})? UTC\b`)

// localTimes shows the moments of a sentence in the terminal's zone.
func localTimes(s string) string {
	return toldForm.ReplaceAllStringFunc(s, func(told string) string {
		if t, err := time.Parse("2006-01-02 15:04:05 UTC", told); err == nil {
			return shown(t)
		}
		if t, err := time.Parse("2006-01-02 15:04 UTC", told); err == nil {
			return shownShort(t)
		}
		return told // no moment at all, such as the 31st of February
	})
}
