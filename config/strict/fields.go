package strict

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// field is what a struct's tags say about one key.
type field struct {
	name        string
	index       int
	required    bool
	constraints constraints
}

func fieldsOf(t reflect.Type) map[string]field {
	fields := make(map[string]field, t.NumField())
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = field{
			name:        name,
			index:       i,
			required:    !strings.Contains(options, "omitempty"),
			constraints: parseConstraints(t.Field(i).Tag.Get("jsonschema")),
		}
	}
	return fields
}

// keysOf lists the keys of a struct in alphabetical order.
func keysOf(t reflect.Type) []string {
	var keys []string
	for name := range fieldsOf(t) {
		keys = append(keys, name)
	}
	slices.Sort(keys)
	return keys
}

// constraints are the keywords of a jsonschema tag.
type constraints map[string][]string

func parseConstraints(tag string) constraints {
	c := constraints{}
	for _, part := range strings.Split(tag, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			c[k] = append(c[k], v)
		}
	}
	return c
}

// ofItems are the keywords that a list passes on to its entries.
func (c constraints) ofItems() constraints {
	out := constraints{}
	for _, k := range []string{"enum", "pattern", "minLength", "maxLength"} {
		if v, ok := c[k]; ok {
			out[k] = v
		}
	}
	return out
}

func (c constraints) limit(name string, otherwise int64) int64 {
	if len(c[name]) == 0 {
		return otherwise
	}
	n, err := strconv.ParseInt(c[name][0], 10, 64)
	if err != nil {
		panic("strict: tag " + name + ": " + err.Error()) // a mistake in our own structs
	}
	return n
}

func (c constraints) number(d *decoder, n *Node, where string, got int64) bool {
	lo, hi := c.limit("minimum", math.MinInt64), c.limit("maximum", math.MaxInt64)
	if enum := c["enum"]; len(enum) > 0 && !slices.Contains(enum, strconv.FormatInt(got, 10)) {
		d.add(n, RuleValue, "", "%s is %d, accepted: %s", where, got, strings.Join(enum, ", "))
		return false
	}
	if got >= lo && got <= hi {
		return true
	}
	want := fmt.Sprintf("at least %d", lo)
	if hi != math.MaxInt64 {
		want = fmt.Sprintf("from %d to %d", lo, hi)
	}
	d.add(n, RuleValue, "", "%s is %d, want %s", where, got, want)
	return false
}

func (c constraints) text(d *decoder, n *Node, where string) bool {
	if enum := c["enum"]; len(enum) > 0 && !slices.Contains(enum, n.Text) {
		fix := Nearest(n.Text, enum)
		hint := ","
		if fix != "" {
			hint = fmt.Sprintf(", did you mean %q?", fix)
		}
		d.add(n, RuleValue, fix, "%s is %.60q%s accepted: %s", where, n.Text, hint, strings.Join(enum, ", "))
		return false
	}
	length := int64(utf8.RuneCountInString(n.Text))
	if lo := c.limit("minLength", 0); length < lo {
		if length == 0 {
			d.add(n, RuleValue, "", "%s must not be empty", where)
		} else {
			d.add(n, RuleValue, "", "%s has %d characters, at least %d are needed", where, length, lo)
		}
		return false
	}
	if hi := c.limit("maxLength", math.MaxInt64); length > hi {
		d.add(n, RuleValue, "", "%s has %d characters, at most %d are allowed", where, length, hi)
		return false
	}
	if p := c["pattern"]; len(p) > 0 && !regexp.MustCompile(p[0]).MatchString(n.Text) {
		d.add(n, RuleValue, "", "%s is %.60q, want a value that matches %s", where, n.Text, p[0])
		return false
	}
	return true
}

func (c constraints) size(d *decoder, n *Node, where string, got int, suffix, noun string) {
	if lo := c.limit("min"+suffix, 0); int64(got) < lo {
		d.add(n, RuleValue, "", "%s has %d %s, at least %d needed", where, got, noun, lo)
	}
	if hi := c.limit("max"+suffix, math.MaxInt64); int64(got) > hi {
		d.add(n, RuleValue, "", "%s has %d %s, at most %d allowed", where, got, noun, hi)
	}
}

// Nearest is the candidate that word was probably meant to be, or "" when none
// is near: at most a third of its letters differ.
func Nearest(word string, candidates []string) string {
	if len(word) > 100 { // the distance takes time in the product of the lengths
		return ""
	}
	best, distance := "", math.MaxInt
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c))
		if d < distance {
			best, distance = c, d
		}
	}
	if distance > max(1, len(best)/3) {
		return ""
	}
	return best
}
