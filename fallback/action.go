package fallback

import (
	"context"
	"sync"

	"github.com/redundancy-app/redundancy/agent/action"
	"github.com/redundancy-app/redundancy/store"
)

// Actions runs vetted actions on this host; see action.Runner. Run and Resolve
// return when the action has ended or ctx does; the action outlives ctx and
// this process, and both take it up again by its id.
type Actions interface {
	Run(ctx context.Context, r action.Request) (action.Result, error)
	Resolve(ctx context.Context, id, claim string) (action.Result, error)
}

// inFlight are the executions that this process watches, by id.
type inFlight struct {
	mu     sync.Mutex
	byID   map[string]*flight
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

type flight struct {
	ended  bool
	result action.Result
	err    error
}

func newInFlight() *inFlight {
	ctx, cancel := context.WithCancel(context.Background())
	return &inFlight{byID: map[string]*flight{}, ctx: ctx, cancel: cancel}
}

// launch starts watch in the background unless the id is watched already, and
// returns the outcome once there is one.
func (f *inFlight) launch(id string, watch func(context.Context) (action.Result, error), ended func()) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if have := f.byID[id]; have != nil {
		if have.ended {
			return have
		}
		return nil
	}
	if f.ctx.Err() != nil {
		return nil // stopping; the next process resolves it
	}
	fl := &flight{}
	f.byID[id] = fl
	f.wg.Go(func() {
		r, err := watch(f.ctx)
		f.mu.Lock()
		fl.ended, fl.result, fl.err = true, r, err
		f.mu.Unlock()
		if f.ctx.Err() == nil {
			ended()
		}
	})
	return nil
}

func (f *inFlight) forget(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, id)
}

func (f *inFlight) close() {
	f.cancel()
	f.wg.Wait()
}

// actionEnded wakes an incident when its action has ended.
func (e *Engine) actionEnded(incident int64) func() {
	return func() {
		err := e.Store.Update(context.Background(), func(ctx context.Context, tx *store.Tx) error { return e.wake(ctx, tx, incident) })
		if err != nil { // the safety net looks within minutes
			e.Log.Error().Err(err).Int64("incident", incident).Msg("cannot wake incident")
		}
	}
}
