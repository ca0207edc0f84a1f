package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// What a shutdown may take. Orchestrators send SIGKILL after 30 s by default.
// Jobs get cfg.Drain (20 s at most) to end by themselves, stopGrace after their
// cancellation, and the queue 2 s for its last write; then the inbox and the
// database are closed: 20 + 3 + 2 + 2 s. The rest goes on beside that. Should
// something take longer than it may, stopTotal ends the process all the same:
// what is unfinished is on disk and revived by the next start.
const (
	stopTotal = 28 * time.Second
	stopGrace = 3 * time.Second
	// httpDrain is for open requests; a webhook takes milliseconds.
	httpDrain = 3 * time.Second
	// closeTimeout is for the last commit of the inbox.
	closeTimeout = 2 * time.Second
)

// stop ends what Run has started and New has opened. ctx does not end with the
// signal.
func (a *App) stop(ctx context.Context, srv *http.Server, loops *sync.WaitGroup) error {
	ctx, cancel := context.WithTimeout(ctx, a.stopWithin)
	defer cancel()
	var err error
	go func() {
		defer close(a.stopped)
		err = a.wind(ctx, srv, loops)
	}()
	select {
	case <-a.stopped:
		a.log.Info().Msg("stopped")
		return err
	case <-ctx.Done():
		return fmt.Errorf("shutdown is not over after %s: leaving; what was not finished is in the database and goes on at the next start", a.stopWithin)
	}
}

// wind brings everything to an end.
func (a *App) wind(ctx context.Context, srv *http.Server, loops *sync.WaitGroup) error {
	var open sync.WaitGroup
	open.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, httpDrain)
		defer cancel()
		if srv.Shutdown(ctx) != nil {
			_ = srv.Close()
		}
	})
	open.Go(loops.Wait)
	drain, cancel := context.WithTimeout(ctx, a.cfg.Drain.Std())
	defer cancel()
	if drained := a.queue.Drain(drain); drained != nil {
		// Not an error of this process: what is left is in the database and
		// runs at the next start.
		a.log.Warn().Err(drained).Msg("jobs were handed back")
	}
	open.Wait()
	return a.close(ctx)
}

// close releases what New has opened, in the opposite order.
func (a *App) close(ctx context.Context) error {
	var errs []error
	if a.engine != nil {
		a.engine.Close()
	}
	if a.inbox != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		errs = append(errs, a.inbox.Close(ctx))
	}
	if a.clients != nil {
		a.clients.Close()
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}
