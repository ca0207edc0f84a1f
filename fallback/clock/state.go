package clock

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	// stateEvery is how often the state of a watched workflow is read without
	// an occasion, spread over as long again.
	stateEvery = 24 * time.Hour
	// stateFresh is how old the state of a workflow that was switched off may be
	// for ticks to be written off because of it. Each look costs a request.
	stateFresh = time.Hour
	// stateWait is the pause until its answer is there.
	stateWait = time.Minute
)

// askState has the state of a workflow read anew that was off when it was last
// read, before ticks after that are written off: somebody may have switched it
// on since. They wait meanwhile.
func (c *Clock) askState(ctx context.Context, tx *store.Tx, w *store.Watch, newest schedule.Tick) (bool, error) {
	at := w.StateAt.Time()
	if !schedule.SwitchedOff(w.WorkflowState) || !at.Before(newest.At) || c.Clock.Since(at) < c.scaled(stateFresh) {
		return false, nil
	}
	if ok, err := store.Watchable(ctx, tx, w.RepoID); err != nil || !ok {
		return false, err
	}
	return true, c.readState(ctx, tx, w)
}

// stateLater has the state of a watched workflow read when that was not done
// for a day or two, as its watch is due anyway.
func (c *Clock) stateLater(ctx context.Context, tx *store.Tx, w *store.Watch) error {
	age := c.Clock.Since(max(w.StateAt, w.WatchedSince).Time())
	if age < c.scaled(stateEvery) { // spares the hash
		return nil
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s", w.RepoID, w.WorkflowPath)
	spread := time.Duration(uint64(h.Sum32())*uint64(stateEvery/time.Second)>>32) * time.Second // below 24 h
	if age < c.scaled(stateEvery+spread) {
		return nil
	}
	return c.readState(ctx, tx, w)
}

func (c *Clock) readState(ctx context.Context, tx *store.Tx, w *store.Watch) error {
	repo, err := c.watchedRepo(ctx, w)
	if err != nil {
		return err
	}
	return c.Queue.Enqueue(ctx, tx, queue.CheckWorkflow{Repo: repo, Workflow: w.WorkflowPath}.Item())
}
