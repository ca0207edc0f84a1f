package schedule_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/redundancy-app/redundancy/fallback/schedule"
)

// delays of n runs: all as given but the last ones.
func delays(n int, usual time.Duration, last ...time.Duration) []time.Duration {
	out := make([]time.Duration, 0, n)
	for range n - len(last) {
		out = append(out, usual)
	}
	return append(out, last...)
}

func TestLearn(t *testing.T) {
	const m = time.Minute
	for _, tt := range []struct {
		name       string
		delays     []time.Duration
		soft, hard time.Duration
	}{
		{"nothing known", nil, 15 * m, 60 * m},
		{"too little", delays(4, 50*m), 15 * m, 60 * m},
		{"just enough", delays(5, 50*m), 50 * m, 62*m + 30*time.Second},
		{"of the fewest the greatest is left out", delays(5, 2*m, 12*time.Hour), 15 * m, 60 * m},
		{"punctual ones keep the least", delays(200, time.Second), 15 * m, 60 * m},
		{"one in a hundred counts for hard alone", delays(200, 2*m, 100*m, 100*m, 100*m), 15 * m, 125 * m},
		{"one in twenty counts for soft", delays(100, 2*m, 40*m, 40*m, 40*m, 40*m, 40*m, 40*m), 40 * m, 60 * m},
		{"soft is never beyond hard", delays(100, 70*m), 70 * m, 87*m + 30*time.Second},
		{"one that was half a day late changes nothing", delays(99, 2*m, 12*time.Hour), 15 * m, 60 * m},
		{"two of them do", delays(99, 2*m, 12*time.Hour, 12*time.Hour), 15 * m, 15 * time.Hour},
		{"half a day is learned", delays(20, 12*time.Hour), 12 * time.Hour, 15 * time.Hour},
		{"a day is the most", delays(20, 40*time.Hour), 24 * time.Hour, 24 * time.Hour},
		{"before its tick is in time", delays(20, -time.Minute), 15 * m, 60 * m},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := schedule.Learn(tt.delays)
			if g.Soft != tt.soft || g.Hard != tt.hard || g.Samples != len(tt.delays) {
				t.Errorf("%+v, want soft %v, hard %v", g, tt.soft, tt.hard)
			}
		})
	}
	hundred := make([]time.Duration, 0, 100)
	for i := range 100 {
		hundred = append(hundred, time.Duration(100-i)*m)
	}
	if diff := cmp.Diff(schedule.Grace{Soft: 95 * m, Hard: 99 * m * 5 / 4, P50: 50 * m, P95: 95 * m, P99: 99 * m, Samples: 100}, schedule.Learn(hundred)); diff != "" {
		t.Error(diff)
	}
}

func TestLearnKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(-120, 200_000).Draw(t, "seconds")) * time.Second
		}), 0, 300).Draw(t, "delays")
		before := slices.Clone(list)
		g := schedule.Learn(list)
		switch {
		case !slices.Equal(before, list):
			t.Fatal("the delays were changed")
		case g.Soft < schedule.DefaultSoft || g.Hard < schedule.DefaultHard || g.Soft > g.Hard || g.Hard > schedule.MaxGrace:
			t.Fatalf("%+v", g)
		case len(list) >= schedule.MinSamples && g.Soft < schedule.MaxGrace:
			late := 0
			for _, d := range list {
				if d > g.Soft {
					late++
				}
			}
			if late > (len(list)+19)/20 {
				t.Fatalf("%d of %d would have been suspected", late, len(list))
			}
		}
	})
}

func TestOverride(t *testing.T) {
	const m = time.Minute
	learned := schedule.Grace{Soft: 20 * m, Hard: 90 * m}
	for _, tt := range []struct {
		name            string
		grace, deadline time.Duration
		soft, hard      time.Duration
	}{
		{"nothing said", 0, 0, 20 * m, 90 * m},
		{"grace", 5 * m, 0, 5 * m, 90 * m},
		{"a grace beyond the learned deadline", 120 * m, 0, 120 * m, 120 * m},
		{"deadline", 0, 150 * m, 20 * m, 150 * m},
		{"a deadline before the learned grace", 0, 10 * m, 10 * m, 10 * m},
		{"both", 5 * m, 10 * m, 5 * m, 10 * m},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if g := learned.Override(tt.grace, tt.deadline); g.Soft != tt.soft || g.Hard != tt.hard {
				t.Errorf("%+v, want soft %v, hard %v", g, tt.soft, tt.hard)
			}
		})
	}
}
