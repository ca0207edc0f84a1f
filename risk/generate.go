package risk

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Synthetic describes a made-up history: workflows that are in a good or a bad
// period and change over now and then. With equal rates in both there is
// nothing to learn, which a backtest has to find out.
type Synthetic struct {
	Workflows int
	Runs      int // of each
	Every     time.Duration
	Duration  time.Duration // typical; varies by a third
	GoodRate  float64       // of failures in good periods
	BadRate   float64       // of failures in bad periods
	Change    float64       // probability, at each run, that the period changes
	From      time.Time
}

// Regimes is a history with bad periods, as automation has them.
func Regimes(from time.Time) Synthetic {
	return Synthetic{Workflows: 8, Runs: 300, Every: 3 * time.Hour, Duration: 5 * time.Minute, GoodRate: 0.1, BadRate: 0.6, Change: 0.01, From: from}
}

// Generate makes the runs; the same seed makes the same.
func Generate(s Synthetic, seed uint64) []Run {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) //nolint:gosec // reproducible test data, no secret
	var runs []Run
	for w := range s.Workflows {
		bad := rng.Float64() < 0.5
		for i := range s.Runs {
			if rng.Float64() < s.Change {
				bad = !bad
			}
			rate := s.GoodRate
			if bad {
				rate = s.BadRate
			}
			start := s.From.Add(time.Duration(i)*s.Every + time.Duration(w)*time.Minute)
			took := time.Duration(float64(s.Duration) * (2.0/3 + rng.Float64()*2/3))
			runs = append(runs, Run{
				ID: int64(w*s.Runs + i + 1), Workflow: fmt.Sprintf("synthetic/site .github/workflows/w%d.yml", w),
				Start: start, End: start.Add(took.Round(time.Second)), Failed: rng.Float64() < rate,
			})
		}
	}
	return runs
}
