package risk

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 8, 3, 0, 0, 0, 0, time.UTC)

func TestBacktestFindsRegimes(t *testing.T) {
	res := Backtest(Generate(Regimes(epoch), 1), Options{Seed: 7})
	if !res.Signal || res.N != 8*300-BurnIn || res.Workflows != 8 || res.BadPeriods < 8 {
		t.Fatalf("%+v", res)
	}
	score, base, last := res.Predictors[thePosterior], res.Predictors[theBase], res.Predictors[theLast]
	if *score.AUC < 0.7 || *score.SkillBase < 0.05 || score.AUC95.Low > *score.AUC || score.AUC95.High < *score.AUC || score.SkillBase95.Low <= 0 || score.SkillLast95.Low > *score.SkillLast || score.SkillLast95.High < *score.SkillLast {
		t.Errorf("the score: %+v", score)
	}
	if *base.SkillBase != 0 || *last.SkillLast != 0 {
		t.Errorf("a baseline has skill against itself: %+v %+v", base, last)
	}
	if score.Detected == 0 || score.Lead == nil || score.FalsePerWeek == nil || *score.FalsePerWeek >= *last.FalsePerWeek || last.Detected != res.BadPeriods {
		t.Errorf("alarms of the score %+v, of the last outcome %+v", score.Alarms, last.Alarms)
	}
	if diff := cmp.Diff(res, Backtest(Generate(Regimes(epoch), 1), Options{Seed: 7})); diff != "" {
		t.Error("the same seed gave another result:", diff)
	}
}

// TestLabelsBecomeVisibleWhenRunsEnd: runs that overlap a failure cannot know
// of it. Leaking labels is what makes published accuracies too good.
func TestLabelsBecomeVisibleWhenRunsEnd(t *testing.T) {
	run := func(id int64, start, end int, failed bool) Run {
		return Run{ID: id, Workflow: "w", Start: epoch.Add(time.Duration(start) * time.Minute), End: epoch.Add(time.Duration(end) * time.Minute), Failed: failed}
	}
	runs := []Run{
		run(1, 0, 1, false),
		run(2, 2, 100, true), // its end is known to the last two only
		run(3, 3, 4, false),
		run(4, 99, 99, false),
		run(5, 100, 101, false),
		run(6, 102, 103, false),
	}
	story := newScript(runs, 1)
	said := story.replay(story.failed, newAlarmWatch(0, epoch))
	var got []float64
	for _, s := range said {
		got = append(got, s.p[theBase])
	}
	want := []float64{1. / 3, 1. / 3, 1. / 4, 2. / 6, 2. / 7}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Error(diff)
	}
}

// TestPredictionsDoNotDependOnTheFuture: whatever comes after a moment changes
// nothing of what was said before it.
func TestPredictionsDoNotDependOnTheFuture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Regimes(epoch)
		s.Workflows, s.Runs = rapid.IntRange(1, 3).Draw(t, "workflows"), rapid.IntRange(5, 60).Draw(t, "runs")
		s.Duration = time.Duration(rapid.IntRange(1, 600).Draw(t, "minutes")) * time.Minute
		runs := Generate(s, rapid.Uint64().Draw(t, "seed"))
		cut := epoch.Add(time.Duration(rapid.IntRange(1, s.Runs).Draw(t, "cut")) * s.Every)
		other := make([]Run, len(runs))
		early := 0
		for i, r := range runs {
			if r.End.After(cut) {
				r.Failed = !r.Failed
			}
			if r.Start.Before(cut) {
				early++
			}
			other[i] = r
		}
		sorted := func(list []Run) []prediction {
			res := make([]Run, len(list))
			copy(res, list)
			sortRuns(res)
			story := newScript(res, 0)
			return story.replay(story.failed, newAlarmWatch(0, epoch))
		}
		a, b := sorted(runs), sorted(other)
		for i := range early {
			if a[i].p != b[i].p {
				t.Fatalf("prediction %d of %d before %s changed: %v, %v", i, early, cut, a[i].p, b[i].p)
			}
		}
	})
}

func TestTooLittleToTell(t *testing.T) {
	s := Regimes(epoch)
	s.Workflows, s.Runs = 1, 1000
	runs := Generate(s, 3)
	for _, tt := range []struct {
		name   string
		runs   []Run
		burn   int
		signal bool
		says   string
	}{
		{"nothing", nil, 0, false, "not enough signal: 0 conclusive runs, and the first 200 are only learned from"},
		{"only burn-in", runs[:200], 0, false, "not enough signal: 200 conclusive runs, and the first 200 are only learned from"},
		{"one short", runs[:299], 0, false, "not enough signal: 99 predictions, 100 are needed"},
		{"enough", runs, 0, true, "the score tells bad periods from good ones"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Backtest(tt.runs, Options{BurnIn: tt.burn, Draws: 200})
			if got.Signal != tt.signal || !strings.HasPrefix(got.Verdict, tt.says) {
				t.Errorf("%v %q, want %v %q", got.Signal, got.Verdict, tt.signal, tt.says)
			}
		})
	}
	// The limit of each class, at, and under it.
	few := func(failures int) []Run {
		var list []Run
		for i := range 300 {
			start := epoch.Add(time.Duration(i) * time.Hour)
			list = append(list, Run{ID: int64(i), Workflow: "w", Start: start, End: start.Add(time.Minute), Failed: i >= 230 && i < 230+failures})
		}
		return list
	}
	if got := Backtest(few(MinClass-1), Options{}); got.Signal || got.Verdict != "not enough signal: 19 failures and 81 successes, 20 of each are needed" {
		t.Errorf("19 failures: %v %q", got.Signal, got.Verdict)
	}
	if got := Backtest(few(MinClass), Options{}); got.N != MinSamples || *got.Predictors[0].SkillBase <= 0 {
		t.Errorf("20 failures: %+v", got)
	}
}

// TestAUC against all pairs.
func TestAUC(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var said []prediction
	for i := range 300 {
		said = append(said, prediction{workflow: string(rune('a' + i%3)), day: int64(i / 50), failed: rng.IntN(2) == 0, p: [predictors]float64{float64(rng.IntN(10)) / 10}})
	}
	var wins, pairs, within, inside float64
	for _, f := range said {
		for _, s := range said {
			if !f.failed || s.failed {
				continue
			}
			won := 0.0
			switch {
			case f.p[0] > s.p[0]:
				won = 1
			case f.p[0] == s.p[0]:
				won = 0.5
			}
			wins, pairs = wins+won, pairs+1
			if f.day == s.day && f.workflow == s.workflow {
				within, inside = within+won, inside+1
			}
		}
	}
	near(t, "AUC", *newRanking(said, 0).auc(nil), wins/pairs)
	near(t, "AUC within workflow-day", *newCells(said).auc(said, 0), within/inside)
	for i := range said {
		said[i].failed = true
	}
	if newRanking(said, 0).auc(nil) != nil || newCells(said).auc(said, 0) != nil {
		t.Error("an AUC of one class")
	}
}

func TestAlarms(t *testing.T) {
	// One good week, a bad period of five failures, a good week, one failure.
	var runs []Run
	at := epoch
	add := func(n int, failed bool) {
		for range n {
			runs = append(runs, Run{ID: int64(len(runs) + 1), Workflow: "w", Start: at, End: at.Add(time.Minute), Failed: failed})
			at = at.Add(time.Hour)
		}
	}
	add(168, false)
	add(5, true)
	add(168, false)
	add(1, true)
	add(30, false)
	res := Backtest(runs, Options{BurnIn: 100, Draws: -1})
	if res.BadPeriods != 1 || res.Threshold != 0.5 {
		t.Fatalf("%+v", res)
	}
	weeks := res.To.Sub(epoch.Add(100*time.Hour)).Hours() / 168
	for k, want := range map[int]Alarms{
		// Five of the last five outcomes half-life 5: above a half at the fifth.
		theEWMA: {Alarms: 1, Detected: 1, Lead: pointer(-2 * 3600.), FalsePerWeek: pointer(0.)},
		theBase: {FalsePerWeek: pointer(0.)},
		theLast: {Alarms: 2, Detected: 1, Lead: pointer(2 * 3600.), FalsePerWeek: pointer(1 / weeks)},
	} {
		if diff := cmp.Diff(want, res.Predictors[k].Alarms, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("%s: %s", names[k], diff)
		}
	}
}

// TestBadPeriods: streaks a day apart are two, less than that one.
func TestBadPeriods(t *testing.T) {
	for gap, want := range map[int]int{24: 2, 23: 1} {
		runs := history(repeat("S", 210), minutes(1))
		at := runs[209].Start
		for _, n := range []int{3, 3} {
			for range n {
				at = at.Add(time.Minute)
				runs = append(runs, Run{ID: int64(len(runs) + 1), Workflow: "w", Start: at, End: at, Failed: true})
			}
			runs = append(runs, Run{ID: int64(len(runs) + 1), Workflow: "w", Start: at.Add(time.Second), End: at.Add(time.Second)})
			at = at.Add(time.Duration(gap)*time.Hour - time.Minute)
		}
		if res := Backtest(runs, Options{Draws: -1}); res.BadPeriods != want {
			t.Errorf("%d hours apart: %d bad periods, want %d", gap, res.BadPeriods, want)
		}
	}
}

func pointer(v float64) *float64 { return &v }
