package config

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span written as "90s", "15m", "2h30m" or "3d".
type Duration time.Duration

// MaxDuration is the longest span that a configuration may name. Longer ones
// are typing mistakes, and bounding them keeps sums from overflowing.
const MaxDuration = Duration(366 * day)

const day = 24 * time.Hour

// DurationPattern is what a span looks like. It is the pattern of the JSON
// schema too, which cannot tell that "0s" and "900d" are refused.
const DurationPattern = `^([0-9]+d)?([0-9]+(\.[0-9]+)?(ms|s|m|h))*$`

var durationRE = regexp.MustCompile(DurationPattern)

// Std is the span as a [time.Duration].
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String implements [fmt.Stringer]: the shortest form that reads back the same.
func (d Duration) String() string {
	v := time.Duration(d)
	if v == 0 {
		return "0s"
	}
	days := ""
	if v >= day {
		days, v = fmt.Sprintf("%dd", v/day), v%day
		if v == 0 {
			return days
		}
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return days + s
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. Spans of zero or less,
// and longer than [MaxDuration], are errors.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.40q is no time span: %w", text, err)
	}
	*d = Duration(v)
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	if s == "" || !durationRE.MatchString(s) {
		return 0, errors.New("write it as 90s, 15m, 2h30m or 3d")
	}
	var total time.Duration
	rest := s
	if days, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseInt(days, 10, 32)
		if err != nil || time.Duration(n) > MaxDuration.Std()/day {
			return 0, fmt.Errorf("at most %s", MaxDuration)
		}
		total, rest = time.Duration(n)*day, after
	}
	if rest != "" {
		v, err := time.ParseDuration(rest)
		if err != nil || v > MaxDuration.Std() {
			return 0, fmt.Errorf("at most %s", MaxDuration)
		}
		total += v
	}
	switch {
	case total <= 0:
		return 0, errors.New("it must be longer than 0s; leave the key out for the default")
	case total > MaxDuration.Std():
		return 0, fmt.Errorf("at most %s", MaxDuration)
	}
	return total, nil
}
