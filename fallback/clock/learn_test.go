package clock

import (
	"context"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

// past records n runs, each of which answered a tick of an hourly schedule with
// the given delay, from the newest before now backwards.
func (b *bench) past(n int, delay time.Duration) {
	b.Helper()
	last := b.time.Now().Truncate(time.Hour)
	err := b.Store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		for i := range n {
			tick := last.Add(-time.Duration(i+2) * time.Hour)
			_, err := tx.SaveRun(ctx, store.WorkflowRun{
				RepoID: b.at.ID, RunID: int64(5000 + i), Attempt: 1, WorkflowPath: file, Event: schedule.Event, HeadBranch: "main",
				Status: "completed", Conclusion: "success", CreatedAt: store.MillisOf(tick.Add(delay)), UpdatedAt: store.MillisOf(tick.Add(delay)),
				ObservedAt: store.MillisOf(b.time.Now()), TickAt: store.MillisOf(tick), TickCron: "0 * * * *|UTC",
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func TestLearnedGraceMovesTheLook(t *testing.T) {
	b := newBench(t, "0 * * * *")
	b.past(40, 25*time.Minute)
	b.quiet(hour(4, 15)) // learns that 25 minutes are usual, so this is no look at 04:00
	b.wantTicks()
	w := b.watched()
	if w.Samples != 40 || w.DueAt.Time() != hour(4, 25) {
		t.Fatalf("%d samples, due at %v", w.Samples, w.DueAt.Time())
	}
	b.quiet(hour(4, 25))
	b.wantTicks("04:00 suspected")
	if again := b.watched(); again.LearnedAt != w.LearnedAt {
		t.Errorf("learned again after %v", again.LearnedAt.Time().Sub(w.LearnedAt.Time()))
	}
	b.quiet(hour(5, 25))
	if again := b.watched(); again.LearnedAt.Time() != hour(5, 25) {
		t.Errorf("learned last at %v", again.LearnedAt.Time())
	}
	flow := config.Workflow{Schedule: config.Schedule{Grace: config.Duration(5 * time.Minute)}}
	g, err := b.Learned(b.ctx, &w, flow)
	if err != nil || g.Soft != 5*time.Minute || g.Hard != time.Hour || g.P95 != 25*time.Minute || g.Samples != 40 {
		t.Errorf("%+v %v", g, err)
	}
}

func TestDelaysOfLongAgoAreForgotten(t *testing.T) {
	b := newBench(t, "0 * * * *")
	b.past(40, 25*time.Minute)
	b.time.Advance(learnWindow)
	b.look()
	if w := b.watched(); w.Samples != store.SparseRuns || w.Soft != (25*time.Minute).Milliseconds() {
		t.Errorf("%d samples, soft %v ms: what is known last holds until more is", w.Samples, w.Soft)
	}
	b.time.Advance(store.KeepSparse - learnWindow)
	b.look()
	if w := b.watched(); w.Samples != 0 || w.Soft != (15*time.Minute).Milliseconds() {
		t.Errorf("%d samples, soft %v ms", w.Samples, w.Soft)
	}
	b.past(300, time.Minute)
	b.time.Advance(time.Hour)
	b.look()
	if w := b.watched(); w.Samples != learnRuns {
		t.Errorf("%d samples", w.Samples)
	}
}
