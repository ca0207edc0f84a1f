package fallback

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// stateEvery is how often the state of a watched workflow is read without an
// occasion, spread over as long again.
const stateEvery = 24 * time.Hour

const (
	// stateFresh is how old the state of a workflow that was switched off may be
	// for ticks to be written off because of it. Each look costs a request.
	stateFresh = time.Hour
	// stateWait is the pause until its answer is there.
	stateWait = time.Minute
)

// askState has the state of a workflow read anew that was off when it was last
// read, before ticks after that are written off: somebody may have switched it
// on since. They wait meanwhile.
func (e *Engine) askState(ctx context.Context, tx *store.Tx, w *store.Watch, newest schedule.Tick) (bool, error) {
	at := w.StateAt.Time()
	if !switchedOff(w.WorkflowState) || !at.Before(newest.At) || e.Clock.Since(at) < e.scaled(stateFresh) {
		return false, nil
	}
	if ok, err := store.Watchable(ctx, tx, w.RepoID); err != nil || !ok {
		return false, err
	}
	repo, err := e.watchedRepo(ctx, w)
	if err != nil {
		return false, err
	}
	return true, e.Queue.Enqueue(ctx, tx, queue.CheckWorkflow{Repo: repo, Workflow: w.WorkflowPath}.Item())
}

// checkState has the state of a watched workflow read when that was not done
// for a day or two. The schedule clock calls it when the watch is due anyway.
func (e *Engine) checkState(ctx context.Context, tx *store.Tx, repo queue.Repo, w *store.Watch) error {
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s", w.RepoID, w.WorkflowPath)
	spread := time.Duration(uint64(h.Sum32())*uint64(stateEvery/time.Second)>>32) * time.Second // below 24 h
	if e.Clock.Since(max(w.StateAt, w.WatchedSince).Time()) < e.scaled(stateEvery+spread) {
		return nil
	}
	return e.Queue.Enqueue(ctx, tx, queue.CheckWorkflow{Repo: repo, Workflow: w.WorkflowPath}.Item())
}

// CheckWorkflow is the worker of queue.CheckWorkflow: it reads the state of a
// watched workflow, and opens or wakes the incident about it.
func (e *Engine) CheckWorkflow(ctx context.Context, job queue.Job) error {
	args, err := arguments[queue.CheckWorkflow](job)
	if err != nil {
		return err
	}
	if args.Repo, err = e.addressed(ctx, args.Repo); err != nil {
		return err
	}
	flow, watched, err := e.watched(ctx, args.Repo, args.Workflow, false)
	if err != nil || !watched {
		return err
	}
	client, err := e.Clients.Installation(args.Repo.InstallationID)
	if err != nil {
		return err
	}
	state, repo, err := e.readState(ctx, client, args.Repo, args.Workflow)
	if err != nil {
		return e.lost(ctx, err)
	}
	return e.Store.Update(ctx, func(ctx context.Context, tx *store.Tx) error { return e.stateSeen(ctx, tx, repo, flow, state) })
}

func (e *Engine) stateSeen(ctx context.Context, tx *store.Tx, repo queue.Repo, flow config.Workflow, state string) error {
	if switchedOff(state) {
		_, err := e.openDisabled(ctx, tx, repo, flow.File, state, flow)
		return err
	}
	inc, ok, err := store.StateIncident(ctx, tx, repo.ID, flow.File, string(Disabled), unsettled)
	if err != nil || !ok {
		return err
	}
	return e.wake(ctx, tx, inc.ID)
}
