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
