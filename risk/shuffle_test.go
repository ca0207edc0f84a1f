package risk

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// TestNoiseIsAtItsChanceLevel: in coin flips no predictor does better, or worse,
// than with the same outcomes in another order, though within a day none is near
// 0.5 and who is alarmed by each failure detects every bad period.
func TestNoiseIsAtItsChanceLevel(t *testing.T) {
	res := Backtest(flips(rand.New(rand.NewPCG(2, 0)), 12_000, 0.3, time.Hour), Options{Draws: 50, Seed: 1})
	if res.Signal {
		t.Errorf("a signal: %s", res.Verdict)
	}
	for _, p := range res.Predictors {
		apart := func(what string, got, chance *float64, most float64) {
			t.Helper()
			if got == nil || chance == nil || math.Abs(*got-*chance) > most {
				t.Errorf("%s: %s %s, chance %s", p.Name, what, text(got), text(chance))
			}
		}
		apart("AUC", p.AUC, p.AUCChance, 0.03)
		apart("AUC within a day", p.WithinDay, p.WithinDayChance, 0.03)
		if *p.WithinDay > 0.4 {
			t.Errorf("%s: AUC within a day %s: the chance level was not tested", p.Name, text(p.WithinDay))
		}
		share := float64(p.Detected) / float64(res.BadPeriods)
		apart("share of detected periods", &share, p.DetectedChance, 0.1)
		if p.Detected > 10 {
			apart("lead", p.Lead, p.LeadChance, 3600)
		}
	}
	if last := res.Predictors[theLast]; last.Detected != res.BadPeriods || *last.Lead > 2*3600 {
		t.Errorf("the last outcome: %+v", last.Alarms)
	}
}

// TestRegimesAreAboveChance: where there are bad periods, the figures are far
// above what the same outcomes make in another order.
func TestRegimesAreAboveChance(t *testing.T) {
	s := Regimes(epoch)
	s.GoodRate, s.BadRate, s.Change = 0.02, 0.9, 0.02
	res := Backtest(Generate(s, 1), Options{Draws: 50, Seed: 1})
	for _, k := range []int{thePosterior, theEWMA} {
		p := res.Predictors[k]
		if share := float64(p.Detected) / float64(res.BadPeriods); *p.AUC < *p.AUCChance+0.1 || k == theEWMA && share < *p.DetectedChance+0.2 {
			t.Errorf("%s: AUC %s, chance %s; %d of %d detected, chance %s", p.Name, text(p.AUC), text(p.AUCChance), p.Detected, res.BadPeriods, text(p.DetectedChance))
		}
	}
	// Periods of weeks say nothing about the runs of a day.
	long := Backtest(Generate(Regimes(epoch), 1), Options{Draws: 50, Seed: 1})
	if p := long.Predictors[thePosterior]; *p.WithinDay > *p.WithinDayChance+0.05 || !long.Signal || long.Verdict != "the score tells bad periods from good ones; it does not tell which run of a day will fail" {
		t.Errorf("%s; within a day %s, chance %s", long.Verdict, text(p.WithinDay), text(p.WithinDayChance))
	}
	// Periods that change within a day are told apart within it.
	s.Every, s.Runs, s.Change = 5*time.Minute, 3000, 0.03
	if p := Backtest(Generate(s, 1), Options{Draws: 50, Seed: 1}).Predictors[theEWMA]; *p.WithinDay < *p.WithinDayChance+minPicked {
		t.Errorf("within a day %s, chance %s", text(p.WithinDay), text(p.WithinDayChance))
	}
}

// TestDifferentRatesAreNoSkill: that one workflow fails more often than another
// is known without looking at any order.
func TestDifferentRatesAreNoSkill(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	bad, good := flips(rng, 1000, 0.8, 3*time.Hour), flips(rng, 1000, 0.05, 3*time.Hour)
	for i := range good {
		good[i].Workflow = "v"
	}
	res := Backtest(append(bad, good...), Options{Draws: 50, Seed: 1})
	if p := res.Predictors[thePosterior]; res.Signal || *p.AUC < 0.8 || math.Abs(*p.AUC-*p.AUCChance) > 0.02 {
		t.Errorf("%s: AUC %s, chance %s", res.Verdict, text(p.AUC), text(p.AUCChance))
	}
}

// TestForesight: an alarm counts for a bad period when it is new.
func TestForesight(t *testing.T) {
	at := func(hours int) time.Time { return epoch.Add(time.Duration(hours) * time.Hour) }
	period := span{at(100), at(102), at(110)}
	for name, tc := range map[string]struct {
		alarm span
		want  bool
	}{
		"stands since a day before":       {span{from: at(76)}, true},
		"stands for longer":               {span{from: at(75)}, false},
		"raised before and cleared":       {span{from: at(90), to: at(99)}, false},
		"raised before, stands":           {span{from: at(90), to: at(100)}, true},
		"raised in it":                    {span{from: at(110), to: at(111)}, true},
		"raised afterwards":               {span{from: at(111)}, false},
		"of an earlier period and stands": {span{from: at(10), to: at(105)}, false},
	} {
		if got := tc.alarm.foresees(period); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func text(v *float64) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprintf("%.3f", *v)
}
