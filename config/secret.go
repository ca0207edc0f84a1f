package config

import (
	"fmt"
	"io"
)

// redacted stands for a secret in every output.
const redacted = "[redacted]"

// Secret is a value that must not be printed. Every way of formatting or
// encoding it prints "[redacted]"; [Secret.Reveal] is the one way to the value,
// so that a search for Reveal finds all its uses.
type Secret string

// Reveal returns the value itself.
func (s Secret) Reveal() string { return string(s) }

// String implements [fmt.Stringer].
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format implements [fmt.Formatter], for verbs that ignore String (%x, %#v).
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON, YAML and map keys.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
