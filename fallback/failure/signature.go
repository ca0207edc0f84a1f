package failure

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// variable are the parts of an error line that differ between two occurrences
// of the same failure, in the order in which they are replaced.
var variable = []struct {
	form *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?`), "<time>"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b`), "<time>"},
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`), "<id>"},
	// The working directories and caches of GitHub's runners, and temporary
	// files: https://docs.github.com/en/actions/reference/runners/github-hosted-runners#file-systems
	{regexp.MustCompile(`(?:/home/runner|/Users/runner|/__w|/github/workspace|[A-Za-z]:[\\/]a)(?:[\\/](?:work[\\/])?(?:_temp|_work|[\w.-]+[\\/][\w.-]+))?[\\/]?`), "<work>/"},
	{regexp.MustCompile(`(?:/private)?(?:/var/folders|/tmp|/var/tmp)/[^\s'":,)\]]*`), "<tmp>"},
	{regexp.MustCompile(`\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?:\s?\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|secs?|seconds?|m|mins?|minutes?|h|hours?))*\b`), "<duration>"},
	{regexp.MustCompile(`\b0[xX][0-9a-fA-F]+\b`), "<hex>"},
	{regexp.MustCompile(`\b[0-9a-fA-F]*[0-9][0-9a-fA-F]{6,}\b|\b[0-9a-fA-F]{6,}[0-9][0-9a-fA-F]*\b`), "<hex>"},
	{regexp.MustCompile(`\b\d+(?:[.,:_]\d+)*\b`), "<n>"},
}

// mixed are words in which digits are as many as in an id that was made up.
var mixed = regexp.MustCompile(`\b[A-Za-z0-9]{8,}\b`)

// Normalise replaces what differs between two occurrences of the same failure:
// times, durations, numbers, ids, and the paths of runners. Numbers within a
// word stay, since "TS2304" and "E0308" are names.
func Normalise(line string) string {
	for _, v := range variable {
		line = v.form.ReplaceAllString(line, v.with)
	}
	line = mixed.ReplaceAllStringFunc(line, func(word string) string {
		digits := strings.IndexFunc(word, func(r rune) bool { return r >= '0' && r <= '9' })
		if digits >= 0 && count(word) >= 3 {
			return "<id>"
		}
		return word
	})
	return strings.Join(strings.Fields(line), " ")
}

func count(word string) (digits int) {
	for _, r := range word {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	return digits
}

// Facts are what makes a failure the same as another one.
type Facts struct {
	Workflow   string // path
	Job, Step  string // that failed first, "" when none did
	Conclusion string
	Line       string // first error line, as shown
}

// Signature is equal for equal failures: 32 hexadecimal digits.
func (f Facts) Signature() string {
	h := sha256.New()
	for _, part := range []string{f.Workflow, f.Job, f.Step, f.Conclusion, Normalise(f.Line)} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
