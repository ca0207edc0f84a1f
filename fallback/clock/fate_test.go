package clock

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

func TestFates(t *testing.T) {
	const cron = "0 * * * *|UTC"
	ticks := func(hours ...int) (list []schedule.Tick) {
		for _, h := range hours {
			list = append(list, schedule.Tick{At: hour(h, 0), Cron: cron})
		}
		return list
	}
	with := func(hours ...int) map[schedule.Tick]bool {
		set := map[schedule.Tick]bool{}
		for _, x := range ticks(hours...) {
			set[x] = true
		}
		return set
	}
	for name, c := range map[string]struct {
		standing standing
		want     []string
	}{
		"latest alone":            {standing{catchup: config.CatchupLatest}, []string{"4 dropped", "5 dropped", "6 suspected"}},
		"all":                     {standing{catchup: config.CatchupAll}, []string{"4 suspected", "5 suspected", "6 suspected"}},
		"each, though none is":    {standing{catchup: config.CatchupNone}, []string{"4 suspected", "5 suspected", "6 suspected"}},
		"answered":                {standing{catchup: config.CatchupAll, answered: with(4, 6), newest: map[string]time.Time{cron: hour(6, 0)}}, []string{"5 suspected"}},
		"a newer run takes place": {standing{catchup: config.CatchupLatest, answered: with(5), newest: map[string]time.Time{cron: hour(5, 0)}}, []string{"4 dropped", "6 suspected"}},
		"and where none is":       {standing{catchup: config.CatchupNone, answered: with(6), newest: map[string]time.Time{cron: hour(6, 0)}}, []string{"4 dropped", "5 dropped"}},
		"before the watch":        {standing{catchup: config.CatchupLatest, since: hour(6, 0)}, []string{"4 unwatched", "5 unwatched", "6 suspected"}},
		"before the cron":         {standing{catchup: config.CatchupAll, young: cronsSince{cron: store.MillisOf(hour(5, 0))}}, []string{"5 suspected", "6 suspected"}},
		"off":                     {standing{catchup: config.CatchupAll, off: true, answered: with(4)}, []string{"5 unwatched", "6 unwatched"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range c.standing.fates(ticks(4, 5, 6)) {
				got = append(got, fmt.Sprintf("%d %s", f.At.Hour(), f.outcome))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for catchup, want := range map[config.Catchup]int{config.CatchupLatest: 1, config.CatchupNone: 2, config.CatchupAll: 2} {
		t.Run("two crons at one moment, "+string(catchup), func(t *testing.T) {
			n := 0
			for _, f := range (standing{catchup: catchup}).fates([]schedule.Tick{{At: hour(6, 0), Cron: cron}, {At: hour(6, 0), Cron: "0 6 * * *|UTC"}}) {
				if f.outcome == store.TickSuspected {
					n++
				}
			}
			if n != want {
				t.Errorf("%d are suspected, want %d", n, want)
			}
		})
	}
	t.Run("a daily cron beside an hourly one", func(t *testing.T) {
		const daily = "0 5 * * *|UTC"
		list := append(ticks(4, 5), schedule.Tick{At: hour(5, 0), Cron: daily}, ticks(6)[0])
		var got []string
		for _, f := range (standing{catchup: config.CatchupLatest, answered: with(6), newest: map[string]time.Time{cron: hour(6, 0)}}).fates(list) {
			got = append(got, fmt.Sprintf("%d %s %s", f.At.Hour(), f.Cron, f.outcome))
		}
		if diff := cmp.Diff([]string{"4 " + cron + " dropped", "5 " + cron + " dropped", "5 " + daily + " suspected"}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("after long", func(t *testing.T) {
		var list []schedule.Tick
		for i := range maxChecked + 2 {
			list = append(list, schedule.Tick{At: dawn.Add(time.Duration(i) * time.Hour), Cron: cron})
		}
		got := map[store.TickOutcome]int{}
		for _, f := range (standing{catchup: config.CatchupAll}).fates(list) {
			got[f.outcome]++
		}
		if diff := cmp.Diff(map[store.TickOutcome]int{store.TickUnwatched: 2, store.TickSuspected: maxChecked}, got); diff != "" {
			t.Error(diff)
		}
	})
}
