package failure

import (
	"regexp"
	"strings"
)

// mistakes are the forms in which programs announce an error, most with the
// error behind it. A row each, with an example.
var mistakes = []struct {
	form    *regexp.Regexp
	example string
}{
	{regexp.MustCompile(`(?i)^(?:fatal|panic|error|critical)(?:\[\w+\])?(?:[ :!]|$)`), "error[E0308]: mismatched types"},
	{regexp.MustCompile(`^npm (?:ERR!|error) `), "npm ERR! code ELIFECYCLE"},
	{regexp.MustCompile(`\b[A-Z][\w.]*(?:Error|Exception)\b(?:[:(]|$)`), "TypeError: undefined is not a function"},
	{regexp.MustCompile(`[:)] (?:fatal )?error(?: [A-Z]+\d+)?: `), "src/a.ts(3,5): error TS2304: Cannot find name 'x'."},
	{regexp.MustCompile(`^(?:--- FAIL: |FAIL[: ]|FAILED )`), "--- FAIL: TestLogin (0.00s)"},
	{regexp.MustCompile(`^(?:g?make|ninja)(?:\[\d+\])?: \*\*\* `), "make: *** [Makefile:3: all] Error 1"},
	{regexp.MustCompile(`(?i): (?:command not found|no such file or directory|permission denied|cannot execute)`), "deploy.sh: line 3: foo: command not found"},
	{regexp.MustCompile(`(?i)(?:^|[: ])(?:segmentation fault|out of memory|killed$)`), "java.sh: line 1: 77 Killed"},
}

// hints are what a line contains that one of the mistakes matches, in lower
// case: looking for these first is what keeps a log of 8 MiB cheap.
var hints = []string{"err", "fatal", "panic", "critical", "exception", "fail", "***", "not found", "no such", "denied", "cannot", "fault", "memory", "killed"}

// announceWithin is how far into a line an error is looked for, in bytes.
const announceWithin = 1 << 10

// mistake says whether a line announces an error.
func mistake(line string) bool {
	line = line[:min(len(line), announceWithin)]
	low := strings.ToLower(line)
	hinted := false
	for _, h := range hints {
		if hinted = strings.Contains(low, h); hinted {
			break
		}
	}
	if !hinted {
		return false
	}
	for _, m := range mistakes {
		if m.form.MatchString(line) {
			return true
		}
	}
	return false
}

// exitCode is what the runner says of every script that failed. It tells nothing.
var exitCode = regexp.MustCompile(`^(?:Process completed with exit code -?\d+|The process '.*' failed with exit code -?\d+|The operation was cancell?ed)\.?$`)
