package clock

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

// Grace is how late a run of a watched workflow may be: what was learned, or
// what its configuration says. It is not scaled.
func Grace(w *store.Watch, flow config.Workflow) schedule.Grace {
	g := schedule.Grace{Soft: schedule.DefaultSoft, Hard: schedule.DefaultHard, Samples: w.Samples}
	if w.Soft != 0 && w.Hard != 0 {
		g.Soft, g.Hard = time.Duration(w.Soft)*time.Millisecond, time.Duration(w.Hard)*time.Millisecond
	}
	return g.Override(flow.Schedule.Grace.Std(), flow.Schedule.Deadline.Std())
}

// Learned is [Grace] with the percentiles of the delays it comes from, read
// afresh, for showing.
func (c *Clock) Learned(ctx context.Context, w *store.Watch, flow config.Workflow) (schedule.Grace, error) {
	past, err := delays(ctx, c.Store.Read(), w, c.Clock.Now())
	if err != nil {
		return schedule.Grace{}, err
	}
	return schedule.Learn(past).Override(flow.Schedule.Grace.Std(), flow.Schedule.Deadline.Std()), nil
}

// learn brings the graces of a watch up to date, unless that was done lately.
func (c *Clock) learn(ctx context.Context, tx *store.Tx, w *store.Watch, now time.Time) error {
	if w.LearnedAt != 0 && now.Sub(w.LearnedAt.Time()) < c.scaled(learnEvery) {
		return nil
	}
	past, err := delays(ctx, tx, w, now)
	if err != nil {
		return err
	}
	g := schedule.Learn(past)
	w.Soft, w.Hard, w.Samples, w.LearnedAt = g.Soft.Milliseconds(), g.Hard.Milliseconds(), g.Samples, store.MillisOf(now)
	return nil
}

func delays(ctx context.Context, db bun.IDB, w *store.Watch, now time.Time) ([]time.Duration, error) {
	list, err := LookBack(now, func(since store.Millis, most int) ([]store.RunTick, error) {
		return store.RunTicks(ctx, db, w.RepoID, w.WorkflowPath, since, most)
	})
	if err != nil {
		return nil, err
	}
	lags := make([]time.Duration, 0, len(list))
	for _, r := range list {
		lags = append(lags, r.CreatedAt.Time().Sub(r.TickAt.Time()))
	}
	return lags, nil
}

// LookBack reads the newest of a workflow's past within the window of
// learning, or further back where that holds too little.
func LookBack[T any](now time.Time, read func(since store.Millis, most int) ([]T, error)) ([]T, error) {
	list, err := read(store.MillisOf(now.Add(-learnWindow)), learnRuns)
	if err != nil || len(list) >= store.SparseRuns {
		return list, err
	}
	return read(store.MillisOf(now.Add(-store.KeepSparse)), store.SparseRuns)
}
