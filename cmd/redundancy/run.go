package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// httpDrain is how long open requests may take at shutdown; a webhook
	// takes milliseconds.
	httpDrain = 3 * time.Second
	// closeTimeout is for the last commit of the inbox.
	closeTimeout = 2 * time.Second
	// syncRetry is the pause after a failed attempt to list installations.
	syncRetry = 30 * time.Second
)

// Run serves l until ctx ends, then drains: no new requests, running jobs end
// or are handed back, everything is closed. It takes 30 s at most, of which
// jobs get cfg.Drain.
func (a *App) Run(ctx context.Context, l net.Listener) error {
	ctx = a.log.WithContext(ctx)
	if err := a.queue.Start(a.log.WithContext(context.WithoutCancel(ctx))); err != nil {
		return errors.Join(err, l.Close(), a.close())
	}
	if err := a.engine.Resume(ctx); err != nil {
		return errors.Join(err, l.Close(), a.close())
	}
	srv := newServer(a.Handler, a.log)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	a.log.Info().Str("address", l.Addr().String()).Str("version", version).Msg("listening on http://" + l.Addr().String())

	loops, stopLoops := context.WithCancel(ctx)
	defer stopLoops()
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context){a.identity.run, a.sync, a.sweeper.Run, a.retention.Run, a.prune} {
		wg.Go(func() { loop(loops) })
	}

	var err error
	select {
	case <-ctx.Done():
		a.log.Info().Msg("shutting down: no new work is taken")
	case err = <-served:
		err = fmt.Errorf("serve http: %w", err)
	}
	stopLoops()
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpDrain)
	defer cancel()
	if stopped := srv.Shutdown(shutdown); stopped != nil {
		_ = srv.Close()
	}
	wg.Wait()
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Drain.Std())
	defer cancel()
	if drained := a.queue.Drain(drain); drained != nil {
		// Not an error of this process: what is left is in the database and
		// runs at the next start.
		a.log.Warn().Err(drained).Msg("jobs were handed back")
	}
	err = errors.Join(err, a.close())
	a.log.Info().Msg("stopped")
	return err
}

// close releases what New has opened, in the opposite order.
func (a *App) close() error {
	var errs []error
	if a.engine != nil {
		a.engine.Close()
	}
	if a.inbox != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
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

// sync reads all installations once, at start: webhooks about them may have
// been missed for longer than GitHub keeps them.
func (a *App) sync(ctx context.Context) {
	for {
		err := a.syncer.SyncAll(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		zerolog.Ctx(ctx).Warn().Err(err).Msg("installations could not be listed")
		select {
		case <-ctx.Done():
			return
		case <-a.clock.After(syncRetry):
		}
	}
}
