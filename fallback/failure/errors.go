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

// passing are the forms in which tests that pass, and steps that go well, name
// what they are about, which may be an error.
var passing = regexp.MustCompile(`^(?i:[✓✔√☑✅•·○]|ok\b|pass(?:ed)?\b|={3} |\[(?:\s*ok|\s*pass(?:ed)?|info|debug)\s*\]|(?:info|debug)\b)` +
	`|\.\.\. *(?:ok|OK|passed)$|\bPASSED(?: *\[[^\]]*\])?$`)

// passes says whether a line tells of something that went well.
func passes(line string) bool {
	return passing.MatchString(line) || strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "--- FAIL")
}

// verdicts are lines in which a test says that it failed: the mistake is the
// code's, whatever was printed around it.
var verdicts = regexp.MustCompile(`^(?:Uncaught |E\s+|\S+: )?(?:[\w.]*\b)?Assertion(?:Failed)?(?:Error|Exception)\b|^--- FAIL: |^not ok\b|(?i)^assertion failed`)

// verdict says whether a line is one of them.
func verdict(line string) bool {
	line = line[:min(len(line), announceWithin)]
	return (strings.Contains(line, "ssert") || strings.HasPrefix(line, "--- FAIL") || strings.HasPrefix(line, "not ok")) && verdicts.MatchString(line)
}

// wrappers only pass on that a command failed; the line before says why.
var wrappers = regexp.MustCompile(`^(?:g?make|ninja)(?:\[\d+\])?: \*\*\* |^(?i:error): (?:Process completed with exit code|The process '.*' failed)`)

// speakers are programs whose lines in this form are errors, though they do not
// say so. A row each, with an example.
var speakers = []struct {
	form    *regexp.Regexp
	example string
}{
	{regexp.MustCompile(`^curl: \(\d+\) `), "curl: (6) Could not resolve host: example.org"},
	{regexp.MustCompile(`^(?:ssh|scp|rsync|wget|go|pip|docker|yarn|gradle|mvn|cargo|kex_exchange_identification): `), "ssh: connect to host github.com port 22: Connection timed out"},
	{regexp.MustCompile(`^(?:E|Err:\d+)(?::)? `), "E: Failed to fetch http://archive.ubuntu.com/ubuntu/pool/x.deb"},
	{regexp.MustCompile(`^Caused by: `), "Caused by: java.net.SocketTimeoutException: Read timed out"},
}

// fails says whether a line is an error itself.
func fails(line string) bool {
	if passes(line) {
		return false
	}
	for _, s := range speakers {
		if s.form.MatchString(line) {
			return true
		}
	}
	return mistake(line)
}

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
	if !hinted || passes(line) {
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
