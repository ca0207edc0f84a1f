package store

import "time"

// Millis is a moment as Unix milliseconds, in UTC. Columns hold it as an
// integer, because SQLite drivers hand text times back in local time and
// PostgreSQL in UTC, and because text does not compare across both.
// The zero value means "not yet".
type Millis int64

// MillisOf converts t, truncating to the millisecond. The zero time becomes 0.
func MillisOf(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time converts back, in UTC. 0 becomes the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}
