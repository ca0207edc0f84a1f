package schedule

import "time"

// A wall time is what clocks on the wall of a zone show, as a time in UTC with
// the same figures. Ticks are found on the wall and converted before anything
// is calculated with them: there are days of 23 and 25 hours, and half hours.

// wallOf is what the wall shows at an instant.
func wallOf(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instantOf is the first instant at which the wall shows a time or has passed
// it: the end of the gap for a time that is skipped, the first of two for one
// that comes twice.
func instantOf(wall time.Time, zone *time.Location) time.Time {
	if zone == time.UTC {
		return wall
	}
	// Within a gap or a fold Date may use the offset before or after the
	// change; its documentation promises neither.
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, zone)
	start, end := t.ZoneBounds()
	switch shown := wallOf(t, zone); {
	case shown.After(wall):
		return start.UTC() // skipped, and t is behind the gap
	case shown.Before(wall):
		return end.UTC() // skipped, and t is before the gap
	case start.IsZero():
		return t.UTC()
	}
	_, before := start.Add(-time.Second).Zone()
	if first := wall.Add(-time.Duration(before) * time.Second); first.Before(start) {
		return first
	}
	return t.UTC()
}
