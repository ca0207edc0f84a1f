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

// syncRetry is the pause after a failed attempt to list installations.
const syncRetry = 30 * time.Second

// Run serves l until ctx ends, then drains: no new requests, running jobs end
// or are handed back, everything is closed. That takes stopTotal at most.
func (a *App) Run(ctx context.Context, l net.Listener) error {
	ctx = a.log.WithContext(ctx)
	if err := a.queue.Start(a.log.WithContext(context.WithoutCancel(ctx))); err != nil {
		return errors.Join(err, l.Close(), a.close(ctx))
	}
	// Not cancelled by a signal: a stop right at the start is no failure.
	if err := a.engine.Resume(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(err, l.Close(), a.close(ctx))
	}
	if err := a.history.Start(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(err, l.Close(), a.close(ctx))
	}
	srv := newServer(a.Handler, a.log)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	a.log.Info().Str("address", l.Addr().String()).Str("version", version).Msg("listening on http://" + l.Addr().String())

	loops, stopLoops := context.WithCancel(ctx)
	defer stopLoops()
	var wg sync.WaitGroup
	for _, loop := range []func(context.Context){a.identity.run, a.sync, a.sweeper.Run, a.retention.Run, a.prune, a.engine.RunClock} {
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
	return errors.Join(err, a.stop(context.WithoutCancel(ctx), srv, &wg))
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
