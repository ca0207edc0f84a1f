package risk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"
)

// flips are runs of a workflow that fails at a constant rate, in no order.
func flips(rng *rand.Rand, n int, rate float64, every time.Duration) []Run {
	runs := make([]Run, n)
	for i := range runs {
		start := epoch.Add(time.Duration(i) * every)
		runs[i] = Run{ID: int64(i + 1), Workflow: "w", Start: start, End: start.Add(5 * time.Minute), Failed: rng.Float64() < rate}
	}
	return runs
}

// TestBacktestAdmitsThatThereIsNothingToLearn: no seed of coin flips gets a
// signal, though the skill of some is above 0.
func TestBacktestAdmitsThatThereIsNothingToLearn(t *testing.T) {
	lucky := 0
	for seed := range uint64(100) {
		res := Backtest(flips(rand.New(rand.NewPCG(seed, 1)), 320, 0.3, 3*time.Hour), Options{Draws: 200})
		if res.Signal {
			t.Errorf("seed %d: signal out of noise: %s %+v", seed, res.Verdict, res.Predictors[0])
		}
		if positive(res.Predictors[0].SkillBase) {
			lucky++
		}
	}
	if lucky == 0 {
		t.Error("no seed has a skill above 0: the interval was not tested")
	}
	flat := Regimes(epoch)
	flat.GoodRate, flat.BadRate = 0.3, 0.3
	for seed := range uint64(5) {
		if res := Backtest(Generate(flat, seed), Options{Draws: 200}); res.Signal || *res.Predictors[0].AUC > 0.56 {
			t.Errorf("seed %d of several workflows: %+v", seed, res)
		}
	}
}

// TestBacktestNeedsDays: a bootstrap of one day has intervals of no width.
func TestBacktestNeedsDays(t *testing.T) {
	s := Regimes(epoch)
	s.Workflows, s.Runs, s.Every = 4, 500, time.Minute
	if res := Backtest(Generate(s, 1), Options{}); res.Signal || res.Verdict != "not enough signal: predictions on 1 days, 10 are needed" {
		t.Errorf("%v %s", res.Signal, res.Verdict)
	}
}

// TestVerdictIsAboutTheScore: a fast change is seen by the moving average and
// not by the score; the verdict is about what is shown.
func TestVerdictIsAboutTheScore(t *testing.T) {
	s := Regimes(epoch)
	s.GoodRate, s.BadRate, s.Change = 0.05, 0.8, 0.03
	res := Backtest(Generate(s, 1), Options{Seed: 7})
	if *res.Predictors[theEWMA].SkillLast <= 0 || *res.Predictors[thePosterior].SkillLast > 0 {
		t.Fatalf("not the history that is meant: %+v", res.Predictors)
	}
	if res.Signal || res.Verdict != "not enough signal: the last outcome says as much" {
		t.Errorf("%v %s", res.Signal, res.Verdict)
	}
}

// TestAssessShowsNoNoise: at a constant rate no number is shown, but for 5 % of
// the workflows at most.
func TestAssessShowsNoNoise(t *testing.T) {
	for _, n := range []int{100, 150, 300} {
		for _, rate := range []float64{0.3, 0.5} {
			rng := rand.New(rand.NewPCG(uint64(n), uint64(100*rate)))
			shown, positives := 0, 0
			const series = 200
			for of := 0; of < series; {
				a := Assess("acme/site", "x.yml", flips(rng, n, rate, 3*time.Hour))
				if min(a.Failures, a.Samples-a.Failures) < MinClass {
					continue
				}
				of++
				if a.Signal {
					shown++
				}
				if positive(a.Skill) {
					positives++
				}
			}
			if shown > series/20 || n == 100 && positives < series/10 {
				t.Errorf("%d runs at %v: %d of %d shown, %d with a skill above 0", n, rate, shown, series, positives)
			}
		}
	}
}

// TestAssessShowsBadPeriods: the same rules let through what is there to see.
func TestAssessShowsBadPeriods(t *testing.T) {
	s := Regimes(epoch)
	s.Workflows, s.Runs = 1, 1500
	text := regexp.MustCompile(`^\d+ of the last 10 runs failed: risk \d+ % \(80 % interval \d+ to \d+ %\)$`)
	for seed := range uint64(10) {
		a := Assess("acme/site", "x.yml", Generate(s, seed))
		if !a.Signal || !text.MatchString(a.Text) || a.EWMA == nil || *a.Risk <= a.In80.Low || *a.Risk >= a.In80.High {
			t.Errorf("seed %d: %+v", seed, a)
		}
	}
}

// TestSteadySeriesHaveNoRegime: a series of 500 that never changes has a false
// alarm in 5 % of the cases at most, whatever its rate or spread.
func TestSteadySeriesHaveNoRegime(t *testing.T) {
	const series = 400
	steady := func(name string, alarmed func(rng *rand.Rand) bool) {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			alarms := 0
			for range series {
				if alarmed(rng) {
					alarms++
				}
			}
			if alarms > series/20 {
				t.Errorf("%d of %d have a change", alarms, series)
			}
		})
	}
	for _, rate := range []float64{0.1, 0.2, 0.3, 0.5} {
		steady(fmt.Sprint("failures ", rate), func(rng *rand.Rand) bool { return outcomeRegime(flips(rng, 500, rate, time.Hour)) != nil })
	}
	for _, spread := range []float64{0.1, 0.35, 1} {
		steady(fmt.Sprint("durations ", spread), func(rng *rand.Rand) bool {
			seconds := make([]float64, 500)
			for i := range seconds {
				seconds[i] = math.Round(300 * math.Exp(spread*rng.NormFloat64()))
			}
			return durationRegime(seconds) != nil
		})
	}
}

// TestRegimesAreFoundSoon: from 10 to 60 % within 20 runs, and durations 80 %
// longer within 10, in nine of ten cases.
func TestRegimesAreFoundSoon(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const series = 200
	outcomes, durations := 0, 0
	for range series {
		runs := append(flips(rng, 200, 0.1, time.Hour), flips(rng, 20, 0.6, time.Hour)...)
		if r := outcomeRegime(runs); r != nil && r.Direction == "up" && r.Since > 180 {
			outcomes++
		}
		var seconds []float64
		for i := range 210 {
			s := 300 * math.Exp(0.35*rng.NormFloat64())
			if i >= 200 {
				s *= 1.8
			}
			seconds = append(seconds, s)
		}
		if r := durationRegime(seconds); r != nil && r.Direction == "up" && r.Since > 190 {
			durations++
		}
	}
	if outcomes < series*9/10 || durations < series*9/10 {
		t.Errorf("of %d: %d changes of the rate, %d of the duration", series, outcomes, durations)
	}
}
