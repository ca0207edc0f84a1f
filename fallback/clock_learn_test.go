package fallback

import (
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
	last := b.clock.Now().Truncate(time.Hour)
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		for i := range n {
			tick := last.Add(-time.Duration(i+2) * time.Hour)
			_, err := tx.SaveRun(ctx, store.WorkflowRun{
				RepoID: b.at.ID, RunID: int64(5000 + i), Attempt: 1, WorkflowPath: primaryPath, Event: schedule.Event, HeadBranch: "main",
				Status: "completed", Conclusion: "success", CreatedAt: store.MillisOf(tick.Add(delay)), UpdatedAt: store.MillisOf(tick.Add(delay)),
				ObservedAt: store.MillisOf(b.clock.Now()), TickAt: store.MillisOf(tick), TickCron: "0 * * * *|UTC",
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
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	b.past(40, 25*time.Minute)
	b.quiet(hour(4, 15)) // learns that 25 minutes are usual, so this is no look at 04:00
	b.wantTicks()
	w := b.watched(primaryPath)
	if w.Samples != 40 || w.DueAt.Time() != hour(4, 25) {
		t.Fatalf("%d samples, due at %v", w.Samples, w.DueAt.Time())
	}
	b.quiet(hour(4, 25))
	b.wantTicks("04:00 suspected")
	if again := b.watched(primaryPath); again.LearnedAt != w.LearnedAt {
		t.Errorf("learned again after %v", again.LearnedAt.Time().Sub(w.LearnedAt.Time()))
	}
	b.quiet(hour(5, 25))
	if again := b.watched(primaryPath); again.LearnedAt.Time() != hour(5, 25) {
		t.Errorf("learned last at %v", again.LearnedAt.Time())
	}
	flow := config.Workflow{Schedule: config.Schedule{Grace: config.Duration(5 * time.Minute)}}
	g, err := b.engine.learned(b.ctx, &w, flow)
	if err != nil || g.Soft != 5*time.Minute || g.Hard != time.Hour || g.P95 != 25*time.Minute || g.Samples != 40 {
		t.Errorf("%+v %v", g, err)
	}
}

func TestDelaysOfLongAgoAreForgotten(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 * * * *")
	b.past(40, 25*time.Minute)
	b.clock.Advance(learnWindow)
	b.look()
	if w := b.watched(primaryPath); w.Samples != store.SparseRuns || w.Soft != (25*time.Minute).Milliseconds() {
		t.Errorf("%d samples, soft %v ms: what is known last holds until more is", w.Samples, w.Soft)
	}
	b.clock.Advance(store.KeepSparse - learnWindow)
	b.look()
	if w := b.watched(primaryPath); w.Samples != 0 || w.Soft != (15*time.Minute).Milliseconds() {
		t.Errorf("%d samples, soft %v ms", w.Samples, w.Soft)
	}
	b.past(300, time.Minute)
	b.clock.Advance(time.Hour)
	b.look()
	if w := b.watched(primaryPath); w.Samples != learnRuns {
		t.Errorf("%d samples", w.Samples)
	}
}

// A weekly schedule whose runs come two hours late, always: no more than the
// first few are taken for missed.
func TestWeeklyScheduleLearns(t *testing.T) {
	b, tick := newEveryBench(t, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}}, "0 6 * * 1")
	for week := range 12 {
		before := b.effects()[kindDispatch]
		b.until(tick.Add(time.Duration(week)*7*24*time.Hour + 2*time.Hour))
		x := b.come()
		b.end(x, "success")
		b.observe(x.ID)
		if made := b.effects()[kindDispatch] - before; made > 0 && week >= schedule.MinSamples {
			t.Errorf("week %d: a run that is as late as ever was made up for", week)
		}
	}
	if w := b.watched(primaryPath); w.Hard != (150*time.Minute).Milliseconds() || w.Samples < 11 { // of a week ago, maybe
		t.Errorf("hard %v ms of %d samples", w.Hard, w.Samples)
	}
}
