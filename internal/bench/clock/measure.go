package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// measure runs a scenario and prints its row.
func measure(ctx context.Context, cfg size, s scenario) (err error) {
	w, err := newWorld(ctx, cfg, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := w.hour(ctx); err != nil || !s.restart {
		return err
	}
	return w.afterRestart(ctx)
}

// running starts the clock; stop ends it.
func (w *world) running(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.engine.RunClock(ctx)
	}()
	return func() { cancel(); <-done }
}

// minute lets one pass and waits until the clock sleeps again.
func (w *world) minute(ctx context.Context) (time.Duration, error) {
	before := cpu()
	w.clock.Advance(time.Minute)
	err := w.clock.BlockUntilContext(ctx, 1)
	return cpu() - before, err
}

// hour is the measured one. It begins a quarter of an hour after the first
// ticks, when these fall due, and ends before the next ones come.
func (w *world) hour(ctx context.Context) error {
	const grace = 15 * time.Minute
	ticks, err := w.answer(ctx, start, start.Add(time.Hour))
	if err != nil {
		return err
	}
	stop := w.running(ctx)
	defer stop()
	if err := w.clock.BlockUntilContext(ctx, 1); err != nil {
		return err
	}
	for w.clock.Now().Before(start.Add(grace)) {
		if _, err := w.minute(ctx); err != nil {
			return err
		}
	}
	var sum, busiest time.Duration
	for range 60 {
		spent, err := w.minute(ctx)
		if err != nil {
			return err
		}
		sum, busiest = sum+spent, max(busiest, spent)
	}
	if err := w.settled(ctx); err != nil {
		return err
	}
	each := "–"
	if ticks > 0 {
		each = fmt.Sprintf("%d µs", (sum / time.Duration(ticks)).Microseconds())
	}
	info, err := os.Stat(w.path)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "| %s | %d | %.1f ms | %.1f ms | %s | %.1f MiB | %d MiB |\n", w.name, ticks,
		float64(sum.Microseconds())/60_000, float64(busiest.Microseconds())/1000, each, heap(), info.Size()>>20)
	return nil
}

// afterRestart measures how long the clock takes for what came while no
// process ran: an hour of ticks, all of them answered.
func (w *world) afterRestart(ctx context.Context) error {
	w.engine.Close()
	from := w.clock.Now()
	w.clock.Advance(time.Hour)
	ticks, err := w.answer(ctx, from.Add(-15*time.Minute), w.clock.Now().Add(-13*time.Minute)) // and those of its first minute
	if err != nil {
		return err
	}
	w.boot()
	stop := w.running(ctx)
	defer stop()
	if err := w.clock.BlockUntilContext(ctx, 1); err != nil { // it hears GitHub for a minute first
		return err
	}
	begun := time.Now() //nolint:forbidigo // a benchmark measures wall time
	spent, err := w.minute(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stdout, "\nAfter an hour without a process: %d ticks settled %.1f s after the first minute, %.1f s of processor time.\n\n",
		ticks, time.Since(begun).Seconds(), spent.Seconds())
	return w.settled(ctx)
}

// settled makes sure that what was measured is the work and not its absence:
// no watch is left to look at, and no tick went without its run.
func (w *world) settled(ctx context.Context) error {
	due, err := w.store.NextDue(ctx)
	if err != nil {
		return err
	}
	if !due.Time().After(w.clock.Now()) {
		return fmt.Errorf("a watch is due since %v", due.Time())
	}
	counts, err := w.store.IncidentStates(ctx)
	if err == nil && len(counts) > 0 {
		err = fmt.Errorf("ticks were suspected: %v", counts)
	}
	return err
}
