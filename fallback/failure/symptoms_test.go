package failure

import (
	"strings"
	"testing"
)

const exited = "##[error]Process completed with exit code 1.\n"

// What makes a failure the infrastructure's must be said by the error itself.
func TestWhoseErrorSpeaksOfTheNetwork(t *testing.T) {
	frames := strings.Repeat("    at frame (node:internal/x.js:1)\n", near+5)
	const code = "AssertionError: expected 1 to equal 2\n"
	for name, tc := range map[string]struct {
		log     string
		want    string
		symptom Kind
	}{
		"the error with a long trace":    {"Error: getaddrinfo ENOTFOUND api.github.com\n" + frames, "Error: getaddrinfo ENOTFOUND api.github.com", Network},
		"the cause in the trace":         {"Error: sync failed\n    at x\nCaused by: java.net.UnknownHostException: a.example\n" + frames, "Error: sync failed", Network},
		"an error before the last one":   {"curl: (6) Could not resolve host: a.example\nmake: *** [Makefile:3: all] Error 6\n", "make: *** [Makefile:3: all] Error 6", Network},
		"what a wrapper passes on":       {"dial tcp: lookup a.example on 127.0.0.53:53: server misbehaving\nmake: *** [Makefile:3: all] Error 1\n", "make: *** [Makefile:3: all] Error 1", Network},
		"the last words":                 {"working\nssh_exchange: Connection reset by peer\n", "ssh_exchange: Connection reset by peer", Network},
		"a test that passes":             {"✓ retries on ECONNRESET (3 ms)\n" + code, "AssertionError: expected 1 to equal 2", ""},
		"another one":                    {"ok 3 - maps 503 Service Unavailable to a retry\n" + code, "AssertionError: expected 1 to equal 2", ""},
		"one of Go":                      {"--- PASS: TestSocketHangUp (socket hang up) (0.00s)\n" + code, "AssertionError: expected 1 to equal 2", ""},
		"one of Rust":                    {"test error: socket hang up ... ok\nerror: test failed\n", "error: test failed", ""},
		"one of pytest":                  {"tests/t.py::test[fatal: socket hang up] PASSED [ 3%]\nerror: 1 failed\n", "error: 1 failed", ""},
		"one that names an error first":  {"ok 4 - TypeError: socket hang up\nboom: error: x\n", "boom: error: x", ""},
		"what a program tells meanwhile": {"retrying after socket hang up\nError: quota of the account\n", "Error: quota of the account", ""},
		"an error that a test provokes":  {"Error: socket hang up\n    at x\n" + code, "AssertionError: expected 1 to equal 2", ""},
		"a test about the network":       {"--- FAIL: TestSocketHangUp (socket hang up)\n", "--- FAIL: TestSocketHangUp (socket hang up)", ""},
		"a test's annotation":            {"x\n##[error]AssertionError: expected 'ECONNRESET' to equal 'EPIPE'\n", "AssertionError: expected 'ECONNRESET' to equal 'EPIPE'", ""},
		"an answer that is not ok":       {"Error: response of socket hang up is not ok\n", "Error: response of socket hang up is not ok", Network},
		"a passing test is all":          {"✓ retries on ECONNRESET\n", "✓ retries on ECONNRESET", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Read([]byte("##[group]Run x\n"+tc.log+exited), Section{})
			if got.Line != tc.want {
				t.Errorf("line %q, want %q", got.Line, tc.want)
			}
			if kind := kindOf(got.Symptom); kind != tc.symptom {
				t.Errorf("symptom %q, want %q", kind, tc.symptom)
			}
		})
	}
	for _, s := range speakers {
		if !s.form.MatchString(s.example) || !fails(s.example) {
			t.Errorf("%q is not seen", s.example)
		}
	}
}

func kindOf(s *Symptom) Kind {
	if s == nil {
		return ""
	}
	return s.Kind
}

// Only the failed step's own lines count.
func TestReadOfASection(t *testing.T) {
	const (
		t2, t3, t4 = "2026-11-02T06:00:02.", "2026-11-02T06:00:03.", "2026-11-02T06:00:04."
		lint       = t2 + "0000000Z ##[group]Run ./lint.sh\n"
		broke      = t3 + "1000000Z ##[error]curl: (6) Could not resolve host: lint.example.org\n"
		post       = t3 + "5000000Z ##[group]Run ./post.sh\n" + t3 + "5000000Z ##[endgroup]\n"
		denied     = t4 + "2000000Z Error: LinkedIn answered 403\n" + t4 + "4000000Z " + exited
		after      = t4 + "5000000Z ##[group]Run ./collect.sh\n" + t4 + "6000000Z ##[error]curl: (6) Could not resolve host: a.example.org\n"
	)
	for name, tc := range map[string]struct {
		log  string
		step Section
		want string
	}{
		"the step before ended in the same second":  {lint + broke + post + denied, Section{at(3), at(4)}, "Error: LinkedIn answered 403"},
		"the step before, with an exit code alone":  {lint + t3 + "1000000Z " + exited + post + denied, Section{at(3), at(4)}, "Error: LinkedIn answered 403"},
		"the step after began in the same second":   {post + denied + after, Section{at(3), at(4)}, "Error: LinkedIn answered 403"},
		"a step without a head of its own":          {broke + denied, Section{at(3), at(4)}, "curl: (6) Could not resolve host: lint.example.org"},
		"its lines were cut off":                    {after, Section{at(1), at(2)}, ""},
		"nothing of it but its head":                {post, Section{at(3), at(4)}, ""},
		"parts of an action that is made of others": {post + t3 + "6000000Z Error: first\n" + t3 + "7000000Z ##[group]Run ./part.sh\n" + denied, Section{at(3), at(4)}, "Error: first"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Read([]byte(tc.log), tc.step)
			if got.Line != tc.want {
				t.Errorf("line %q, want %q", got.Line, tc.want)
			}
			if (got.Symptom != nil) != strings.HasPrefix(tc.want, "curl") {
				t.Errorf("symptom %+v", got.Symptom)
			}
		})
	}
}
