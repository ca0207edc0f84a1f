package risk

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func history(outcomes string, took func(i int) time.Duration) []Run {
	var runs []Run
	for i, c := range outcomes {
		start := epoch.Add(time.Duration(i) * 3 * time.Hour)
		runs = append(runs, Run{ID: int64(i + 1), URL: "https://example.com/run", Workflow: "w", Start: start, End: start.Add(took(i)), Failed: c == 'F'})
	}
	return runs
}

func repeat(s string, n int) (out string) {
	for range n {
		out += s
	}
	return out
}

func minutes(n float64) func(int) time.Duration {
	return func(int) time.Duration { return time.Duration(n * float64(time.Minute)) }
}

func TestOutcomeRegimes(t *testing.T) {
	for _, tt := range []struct {
		name, outcomes string
		want           *Regime
	}{
		{"steady", repeat("S", 200), nil},
		{"one failure in twenty", repeat(repeat("S", 19)+"F", 20), nil},
		{"two failures in a row are no regime", repeat("S", 50) + "FF" + repeat("S", 50), nil},
		{"broken since", repeat("S", 40) + repeat("F", 8), &Regime{Direction: "up", Before: 0, After: 1, Since: 40}},
		{"mended since", repeat("S", 40) + repeat("F", 30) + repeat("S", 30), &Regime{Direction: "down", Before: 1, After: 0, Since: 70}},
		{"too young", repeat("S", 5) + repeat("F", 3), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, outcomeRegime(history(tt.outcomes, minutes(5)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDurationRegime(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	noisy := func(mean float64) float64 { return mean * math.Exp(rng.NormFloat64()*0.08) }
	var steady, slower []float64
	for i := range 120 {
		steady = append(steady, noisy(300))
		mean := 300.0
		if i >= 60 {
			mean = 450
		}
		slower = append(slower, noisy(mean))
	}
	if r := durationRegime(steady); r != nil {
		t.Errorf("a change in a steady series: %+v", r)
	}
	r := durationRegime(slower)
	if r == nil || r.Direction != "up" || r.Since < 58 || r.Since > 62 || math.Abs(r.Before-300) > 15 || math.Abs(r.After-450) > 25 {
		t.Errorf("half as slow again: %+v", r)
	}
	if r := durationRegime([]float64{0, 0, 0}); r != nil {
		t.Errorf("durations of zero: %+v", r)
	}
}

func TestDurationAnomaly(t *testing.T) {
	usual := func(last time.Duration) func(int) time.Duration {
		return func(i int) time.Duration {
			if i == 44 {
				return last
			}
			return 300*time.Second + time.Duration(i%11-5)*10*time.Second // median 300 s, MAD 30 s
		}
	}
	limit := time.Duration(maxDeviations * normalDeviation * 30 * float64(time.Second)) // 266.868 s
	for _, tt := range []struct {
		name string
		last time.Duration
		n    int
		want bool
	}{
		{"as usual", 310 * time.Second, 45, false},
		{"under the limit", 300*time.Second + limit - time.Second, 45, false},
		{"over it", 300*time.Second + limit + time.Second, 45, true},
		{"far too short", time.Second, 45, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := durationAnomaly(history(repeat("S", tt.n), usual(tt.last)))
			if (got != nil) != tt.want {
				t.Fatalf("%+v", got)
			}
			if got != nil && (got.RunID != 45 || got.Median != 300 || got.Cell != "all" || got.Samples != 44 || got.Deviations <= 6) {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("failures have no usual duration", func(t *testing.T) {
		runs := history(repeat("S", 44)+"F", usual(time.Hour))
		if got := durationAnomaly(runs); got != nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("too few", func(t *testing.T) {
		for n, want := range map[int]bool{minDurations: false, minDurations + 1: true} {
			runs := history(repeat("S", n), func(i int) time.Duration {
				if i == n-1 {
					return 10 * time.Hour
				}
				return time.Minute
			})
			if got := durationAnomaly(runs); (got != nil) != want {
				t.Errorf("%d runs: %+v", n, got)
			}
		}
	})
	t.Run("an hour of the week is compared with itself", func(t *testing.T) {
		// The Monday run at 00:00 takes an hour, all others a minute: unusual over
		// all, usual for the hour once eight of them are known.
		weekly := func(i int) time.Duration {
			if i%56 == 0 {
				return time.Hour + time.Duration(i%3)*time.Second
			}
			return time.Minute
		}
		few, enough := history(repeat("S", 56*minCell-55), weekly), history(repeat("S", 56*minCell+1), weekly)
		if got := durationAnomaly(few); got == nil || got.Cell != "all" {
			t.Errorf("seven Mondays before it: %+v", got)
		}
		if got := durationAnomaly(enough); got != nil {
			t.Errorf("eight Mondays before it: %+v", got)
		}
	})
	t.Run("the wait for a runner is no duration", func(t *testing.T) {
		runs := history(repeat("S", 40), minutes(2))
		last := &runs[39]
		last.Begin, last.End = last.Start.Add(5*time.Hour), last.Start.Add(5*time.Hour+2*time.Minute)
		if got := durationAnomaly(runs); got != nil {
			t.Errorf("%+v", got)
		}
	})
}

func TestQueueWarning(t *testing.T) {
	many := func(n int, v float64) (out []float64) {
		for range n {
			out = append(out, v)
		}
		return out
	}
	for _, tt := range []struct {
		name                     string
		begun, waiting, baseline []float64
		warning                  bool
		text                     string
	}{
		{"as usual", many(20, 30), nil, many(200, 30), false, "as usual: p95 of the queue time is 30s, of the last 28 days 30s"},
		{"slow", many(20, 151), nil, many(200, 30), true, "GitHub Actions is slow to start runs: p95 of the queue time is 2m31s, of the last 28 days 30s"},
		{"two minutes more are the limit", many(20, 150), nil, many(200, 30), false, "as usual: p95 of the queue time is 2m30s, of the last 28 days 30s"},
		{"threefold is the limit", many(20, 3000), nil, many(200, 1000), false, "as usual: p95 of the queue time is 50m0s, of the last 28 days 16m40s"},
		{"nothing starts any more", nil, many(10, 900), many(100, 30), true, "GitHub Actions is slow to start runs: p95 of the queue time is 15m0s, of the last 28 days 30s"},
		{"they have just begun to wait", many(10, 20), many(500, 10), many(100, 30), false, "as usual: p95 of the queue time is 20s, of the last 28 days 30s"},
		{"few now", many(9, 900), nil, many(100, 30), false, "not enough signal: 9 of 10 runs in the last 20 minutes"},
		{"no baseline", many(10, 900), nil, many(99, 30), false, "not enough signal: 99 of 100 queue times of the last 28 days"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := queueWarning(tt.begun, tt.waiting, tt.baseline)
			if got.Warning != tt.warning || got.Text != tt.text {
				t.Errorf("%v %q", got.Warning, got.Text)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	for _, tt := range []struct {
		values  []float64
		q, want float64
	}{{nil, 0.5, 0}, {[]float64{3}, 0.95, 3}, {[]float64{4, 1, 3, 2}, 0.5, 2.5}, {[]float64{1, 2, 3, 4, 5}, 1, 5}, {[]float64{5, 1}, 0.25, 2}} {
		near(t, "quantile", quantile(tt.values, tt.q), tt.want)
	}
}

func TestPredictors(t *testing.T) {
	feed := func(p predictor, outcomes string) float64 {
		for _, c := range outcomes {
			p.learn(c == 'F')
		}
		return p.predict()
	}
	for _, tt := range []struct {
		name string
		p    predictor
		seen string
		want float64
	}{
		{"posterior of nothing", &posterior{}, "", 0.5},
		{"posterior", &posterior{}, "F", 2. / 3},
		{"posterior forgets", &posterior{}, "FS", (1 + 29./30) / (2 + 1 + 29./30)},
		{"base rate", &baseRate{}, "FSS", 2. / 5},
		{"average of nothing", &ewma{}, "", 0.5},
		{"average of failures", &ewma{}, "FFF", 1},
		{"half of the weight is on the last five", &ewma{}, repeat("S", 200) + repeat("F", 5), 0.5},
		{"last outcome after successes", &lastOutcome{}, "SSSF" + "FS", (1 + 1.) / (3 + 2)},
		{"last outcome after a failure", &lastOutcome{}, "SFFSF", (1 + 1.) / (2 + 2)},
	} {
		t.Run(tt.name, func(t *testing.T) { near(t, tt.name, feed(tt.p, tt.seen), tt.want) })
	}
}

func TestAssess(t *testing.T) {
	for _, tt := range []struct{ name, outcomes, text string }{
		{"nothing", "", "not enough signal: 0 of 100 runs"},
		{"a run short", repeat("S", 60) + repeat("F", 39), "not enough signal: 99 of 100 runs"},
		{"broken since, as everybody sees", repeat("S", 65) + repeat("F", 35), "not enough signal: on this workflow's own history the last outcome says as much"},
		{"too few failures", repeat("S", 100) + repeat("F", 19), "not enough signal: 19 failures and 100 successes, 20 of each are needed"},
		{"no pattern", repeat("SSSSF", 60), "not enough signal: on this workflow's own history the score is no better than its base rate, or no more than chance makes it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Assess("acme/site", "x.yml", history(tt.outcomes, minutes(5)))
			if got.Signal || got.Risk != nil || got.In80 != nil || got.Text != tt.text {
				t.Errorf("%+v", got)
			}
		})
	}
	// A change has a test of its own: it is shown without a score.
	got := Assess("acme/site", "x.yml", history(repeat("S", 65)+repeat("F", 35), minutes(5)))
	if diff := cmp.Diff(&Change{Regime{"up", 0, 1, 65}, epoch.Add(65 * 3 * time.Hour)}, got.Outcomes, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}
