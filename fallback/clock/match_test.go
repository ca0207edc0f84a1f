package clock

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// sight is Match with a run that was created at a moment.
func (b *bench) sight(id int64, event string, created time.Time) store.WorkflowRun {
	b.Helper()
	var known store.WorkflowRun
	b.update(func(ctx context.Context, tx *store.Tx) (err error) {
		known, err = tx.SaveRun(ctx, store.WorkflowRun{
			RepoID: b.at.ID, RunID: id, Attempt: 1, WorkflowPath: file, Event: event, HeadBranch: "main", Status: "queued",
			CreatedAt: store.MillisOf(created), UpdatedAt: store.MillisOf(created), ObservedAt: b.now(),
		})
		if err == nil {
			known, err = b.Match(ctx, tx, b.at, known)
		}
		return err
	})
	return known
}

// Incidents hears of each sight of a run that answers a tick, and of no other.
func TestMatchTells(t *testing.T) {
	b := newBench(t, "0 6 * * *")
	b.time.Advance(hour(6, 5).Sub(b.time.Now()))
	for range 2 {
		if run := b.sight(1, schedule.Event, hour(6, 2)); run.TickAt.Time() != hour(6, 0) {
			t.Errorf("answers %v", run.TickAt.Time())
		}
	}
	if run := b.sight(2, "push", hour(6, 3)); run.TickAt != 0 {
		t.Errorf("a push answers %v", run.TickAt.Time())
	}
	if diff := cmp.Diff([]int64{1, 1}, b.answers); diff != "" {
		t.Error(diff)
	}
}

// Where the latest ticks have their runs, one more is the late one of a tick
// that somebody wants to know of, though a newer one has none either.
func TestMatchPrefersWhatIsWanted(t *testing.T) {
	for _, want := range []int{4, 5} {
		b := newBench(t, "0 * * * *")
		b.time.Advance(hour(6, 30).Sub(b.time.Now()))
		b.sight(1, schedule.Event, hour(6, 1))
		if want == 4 {
			b.wanted = map[schedule.Tick]bool{{At: hour(4, 0), Cron: "0 * * * *|UTC"}: true}
		}
		if run := b.sight(2, schedule.Event, hour(6, 20)); run.TickAt.Time() != hour(want, 0) {
			t.Errorf("answers %v, want %d:00", run.TickAt.Time(), want)
		}
	}
}

// GitHub starts a run that was due although its cron has left the file since.
func TestMatchAFormerCron(t *testing.T) {
	former := schedule.Tick{At: hour(5, 30), Cron: "30 5 * * *|UTC"}
	for name, c := range map[string]struct {
		wanted  bool
		created time.Time
		want    time.Time
	}{
		"its work was done in its place": {true, hour(6, 20), former.At},
		"nobody wants it":                {false, hour(6, 20), hour(5, 0)},
		"the newest has no run yet":      {true, hour(7, 1), hour(7, 0)},
		"before its moment":              {true, hour(5, 20), hour(5, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "0 * * * *")
			b.time.Advance(hour(7, 30).Sub(b.time.Now()))
			b.sight(1, schedule.Event, hour(6, 1))
			if c.wanted {
				b.wanted = map[schedule.Tick]bool{former: true}
			}
			if run := b.sight(2, schedule.Event, c.created); !run.TickAt.Time().Equal(c.want) {
				t.Errorf("answers %v, want %v", run.TickAt.Time(), c.want)
			}
		})
	}
}

// A run close to another one of the newest tick is its twin where the older
// tick, which it could answer as well, was before the watch.
func TestMatchATwin(t *testing.T) {
	for name, c := range map[string]struct {
		first, second time.Time
		want          time.Time // zero for none
	}{
		"right behind it": {hour(6, 0).Add(10 * time.Second), hour(6, 0).Add(15 * time.Second), time.Time{}},
		"told of first":   {hour(6, 0).Add(15 * time.Second), hour(6, 0).Add(10 * time.Second), time.Time{}},
		"15 minutes":      {hour(6, 1), hour(6, 16), time.Time{}},
		"later":           {hour(6, 1), hour(6, 16).Add(time.Second), hour(6, 0).AddDate(0, 0, -1)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "0 6 * * *")
			b.time.Advance(hour(6, 30).Sub(b.time.Now()))
			b.sight(1, schedule.Event, c.first)
			if run := b.sight(2, schedule.Event, c.second); run.TickAt.Time() != c.want.UTC() && (run.TickAt != 0 || !c.want.IsZero()) {
				t.Errorf("answers %v, want %v", run.TickAt.Time(), c.want)
			}
		})
	}
}
