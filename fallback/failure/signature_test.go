package failure

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNormalise(t *testing.T) {
	for name, tc := range map[string]struct{ a, b string }{
		"times":       {"2026-11-02T06:00:01.1234567Z down", "2027-01-01 00:00:00 down"},
		"clock":       {"[06:00:01] failed", "[23:59:59.5] failed"},
		"durations":   {"timeout after 1m32.5s", "timeout after 7 seconds"},
		"numbers":     {"3 of 17 tests failed", "1 of 20 tests failed"},
		"addresses":   {"dial 10.0.0.1:443 failed", "dial 192.168.100.2:8443 failed"},
		"hex":         {"segfault at 0xdeadbeef", "segfault at 0x12"},
		"commits":     {"cannot check out 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12", "cannot check out da39a3ee5e6b4b0d3255bfef95601890afd80709"},
		"ids":         {"request 550e8400-e29b-41d4-a716-446655440000 failed", "request 6ba7b810-9dad-11d1-80b4-00c04fd430c8 failed"},
		"made up ids": {"container x7k29dq41z gone", "container q2w93e4r5t gone"},
		"workspace":   {"/home/runner/work/site/site/post.js:10", "/Users/runner/work/site/site/post.js:11"},
		"Windows":     {`D:\a\site\site\post.js`, `C:\a\shop\shop\post.js`},
		"temporary":   {"cannot read /tmp/tmp.a8Xk/x", "cannot read /var/folders/zz/y"},
		"spaces":      {"a  b", "a b "},
	} {
		t.Run(name, func(t *testing.T) {
			if a, b := Normalise(tc.a), Normalise(tc.b); a != b {
				t.Errorf("%q and %q", a, b)
			}
		})
	}
	for _, pair := range [][2]string{
		{"error TS2304: x", "error TS2305: x"}, {"error[E0308]", "error[E0309]"}, {"LinkedIn answered", "Mastodon answered"}, {"post.js failed", "get.js failed"},
	} {
		if Normalise(pair[0]) == Normalise(pair[1]) {
			t.Errorf("%q and %q are taken for the same", pair[0], pair[1])
		}
	}
}

func TestSignature(t *testing.T) {
	f := Facts{Workflow: "w", Job: "j", Step: "s", Conclusion: "failure", Line: "failed after 3 s"}
	same := f
	same.Line = "failed after 90 s"
	if f.Signature() != same.Signature() || len(f.Signature()) != 32 {
		t.Errorf("%s and %s", f.Signature(), same.Signature())
	}
	for _, change := range []func(*Facts){
		func(f *Facts) { f.Workflow = "v" }, func(f *Facts) { f.Job = "k" }, func(f *Facts) { f.Step = "t" },
		func(f *Facts) { f.Conclusion = "timed_out" }, func(f *Facts) { f.Line = "refused" },
		func(f *Facts) { f.Job, f.Step = "", "js" }, // the parts do not run together
	} {
		other := f
		change(&other)
		if other.Signature() == f.Signature() {
			t.Errorf("%+v has the signature of %+v", other, f)
		}
	}
}

func TestFlakiness(t *testing.T) {
	for _, tc := range []struct {
		both, commits int
		flaky         bool
	}{
		{0, 0, false}, {1, 5, false}, {1, 3, true}, {2, 25, false}, {2, 23, true}, {5, 90, false}, {5, 80, true}, {0, 1000, false}, {5, 1, true}, {-1, -1, false},
	} {
		p := Flakiness(tc.both, tc.commits)
		if p <= 0 || p >= 1 || (p >= FlakyFrom) != tc.flaky {
			t.Errorf("%d of %d: %.3f", tc.both, tc.commits, p)
		}
	}
}

func alternating(n int) []bool {
	out := make([]bool, n)
	for i := range out {
		out[i] = i%2 == 0
	}
	return out
}

func TestChange(t *testing.T) {
	older, newer := make([]bool, Results), make([]bool, Results)
	older[0], newer[Results-1] = true, true // one change, at either end
	for name, tc := range map[string]struct {
		results []bool
		want    float64
	}{
		"none":                {nil, 0},
		"one":                 {[]bool{true}, 0},
		"steady":              {make([]bool, Results), 0},
		"every time":          {alternating(Results), 100},
		"what is older":       {alternating(10 * Results), 100},
		"oldest":              {older, 0.75 * 5},
		"newest":              {newer, 1.25 * 5},
		"too few to flap":     {alternating(9), 46.3},
		"just enough to flap": {alternating(10), 51.5},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Change(tc.results); math.Abs(got-tc.want) > 0.05 {
				t.Errorf("%.2f, want %.2f", got, tc.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		results := rapid.SliceOfN(rapid.Bool(), 0, 3*Results).Draw(t, "results")
		if c := Change(results); c < 0 || c > 100.0001 {
			t.Fatalf("%f %%", c)
		}
	})
}

func TestFlapping(t *testing.T) {
	for _, tc := range []struct {
		was    bool
		change float64
		want   bool
	}{
		{false, 49.9, false}, {false, 50, true}, {true, 49.9, true}, {true, 25, true}, {true, 24.9, false}, {false, 24.9, false},
	} {
		if got := Flapping(tc.was, tc.change); got != tc.want {
			t.Errorf("%v at %.1f %%: %v", tc.was, tc.change, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 0, 0: 30 * time.Second, 1: time.Minute, 5: 16 * time.Minute, 6: 30 * time.Minute, 7: 30 * time.Minute, 1 << 30: 30 * time.Minute} {
		if got := Backoff(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
