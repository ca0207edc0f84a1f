package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Ref is a value in a file that may be kept out of it: "env:NAME" is read from
// the environment when it is used, anything else is the value itself.
type Ref string

// Resolve returns the value. lookup is os.LookupEnv. The error names the
// variable, never a value.
func (r Ref) Resolve(lookup func(string) (string, bool)) (Secret, error) {
	name, ok := strings.CutPrefix(string(r), "env:")
	if !ok {
		return Secret(r), nil
	}
	v, set := lookup(name)
	if !set || v == "" {
		return "", fmt.Errorf("environment variable %s is not set", name)
	}
	return Secret(v), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Ref) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" {
		return errors.New("it must not be empty")
	}
	if strings.HasPrefix(s, "env:") && !envRefRE.MatchString(s) {
		return fmt.Errorf("%.60q names no environment variable: write env:NAME", s)
	}
	*r = Ref(s)
	return nil
}

// Size is a number of bytes, written as "512MB", "1.5GiB", "64k" or a plain
// number. As PM2 and the original do, MB is 1024 × 1024 bytes too.
type Size int64

// SizePattern is what a size looks like; it is in the JSON schema too.
const SizePattern = `^([0-9]+(\.[0-9]+)?) ?([kKmMgGtT]?)(i?[bB])?$`

var sizeRE = regexp.MustCompile(SizePattern)

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Size) UnmarshalText(text []byte) error {
	m := sizeRE.FindStringSubmatch(string(text))
	if m == nil {
		return fmt.Errorf("%.40q is no size: write it as 512MB, 64k or a number of bytes", text)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if m[3] != "" {
		v *= math.Pow(1024, float64(strings.Index("kmgt", strings.ToLower(m[3]))+1))
	}
	if err != nil || v < 1 || v > 1<<50 {
		return fmt.Errorf("%.40q is out of range: from 1 byte to 1024 TB", text)
	}
	*s = Size(v)
	return nil
}

// String implements [fmt.Stringer]: the largest unit that leaves no remainder.
func (s Size) String() string {
	for _, u := range []struct {
		name string
		size Size
	}{{"TB", 1 << 40}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}} {
		if s >= u.size && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText implements encoding.TextMarshaler.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
