package config

import (
	"fmt"
	"time"
)

// Duration is a time span written as "90s", "15m", "2h30m" or "3d".
type Duration time.Duration

// Std is the span as a [time.Duration].
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String implements [fmt.Stringer].
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Negative spans are errors.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("duration %q: want a span such as 90s, 15m or 2h30m", text)
	}
	*d = Duration(v)
	return nil
}
