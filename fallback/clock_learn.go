package fallback

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// learnWindow and learnRuns bound what graces and the limits of stalls are
	// learned from. A workflow that ran less than [store.SparseRuns] times
	// within them, as a weekly one, learns from that many, whenever they were.
	learnWindow = 28 * 24 * time.Hour
	learnRuns   = 200
	// learnEvery is how often a watch learns at most.
	learnEvery = time.Hour
)

// grace is how late a run of a watched workflow may be: what was learned, or
// what its configuration says. It is not scaled.
func (e *Engine) grace(w *store.Watch, flow config.Workflow) schedule.Grace {
	g := schedule.Grace{Soft: schedule.DefaultSoft, Hard: schedule.DefaultHard, Samples: w.Samples}
	if w.Soft != 0 && w.Hard != 0 {
		g.Soft, g.Hard = time.Duration(w.Soft)*time.Millisecond, time.Duration(w.Hard)*time.Millisecond
	}
	return g.Override(flow.Schedule.Grace.Std(), flow.Schedule.Deadline.Std())
}

// learned is grace with the percentiles of the delays it comes from, read
// afresh, for showing.
func (e *Engine) learned(ctx context.Context, w *store.Watch, flow config.Workflow) (schedule.Grace, error) {
	delays, err := e.delays(ctx, e.Store.Read(), w, e.Clock.Now())
	if err != nil {
		return schedule.Grace{}, err
	}
	return schedule.Learn(delays).Override(flow.Schedule.Grace.Std(), flow.Schedule.Deadline.Std()), nil
}

// learn brings the graces of a watch up to date, unless that was done lately.
func (e *Engine) learn(ctx context.Context, tx *store.Tx, w *store.Watch, now time.Time) error {
	if w.LearnedAt != 0 && now.Sub(w.LearnedAt.Time()) < e.scaled(learnEvery) {
		return nil
	}
	delays, err := e.delays(ctx, tx, w, now)
	if err != nil {
		return err
	}
	g := schedule.Learn(delays)
	w.Soft, w.Hard, w.Samples, w.LearnedAt = g.Soft.Milliseconds(), g.Hard.Milliseconds(), g.Samples, store.MillisOf(now)
	return nil
}

func (e *Engine) delays(ctx context.Context, db bun.IDB, w *store.Watch, now time.Time) ([]time.Duration, error) {
	list, err := lookBack(now, func(since store.Millis, most int) ([]store.RunTick, error) {
		return store.RunTicks(ctx, db, w.RepoID, w.WorkflowPath, since, most)
	})
	if err != nil {
		return nil, err
	}
	delays := make([]time.Duration, 0, len(list))
	for _, r := range list {
		delays = append(delays, r.CreatedAt.Time().Sub(r.TickAt.Time()))
	}
	return delays, nil
}

// lookBack reads the newest of a workflow's past within the window of
// learning, or further back where that holds too little.
func lookBack[T any](now time.Time, read func(since store.Millis, most int) ([]T, error)) ([]T, error) {
	list, err := read(store.MillisOf(now.Add(-learnWindow)), learnRuns)
	if err != nil || len(list) >= store.SparseRuns {
		return list, err
	}
	return read(store.MillisOf(now.Add(-store.KeepSparse)), store.SparseRuns)
}
