package embedded

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// wall is a clock that somebody sets: its timers count on, as the host's do.
type wall struct {
	*clockwork.FakeClock
	off atomic.Int64
}

func (w *wall) Now() time.Time                  { return w.FakeClock.Now().Add(time.Duration(w.off.Load())) }
func (w *wall) Since(t time.Time) time.Duration { return w.Now().Sub(t) }

// due is when the job with these arguments runs, from now on.
func due(t *testing.T, s *store.Store, clock clockwork.Clock, text string) time.Duration {
	t.Helper()
	var at store.Millis
	if err := s.Read().NewRaw("SELECT run_at FROM jobs WHERE args LIKE ?", "%"+text+"%").Scan(context.Background(), &at); err != nil {
		t.Fatal(text, err)
	}
	return at.Time().Sub(clock.Now()).Round(time.Second)
}

// A clock that is a day ahead for some minutes puts nothing off by a day: not
// what was enqueued, snoozed, failed, merged or retried by then. What honest
// clocks have put off by days stays so.
func TestTheClockRanAheadAndWasSetBack(t *testing.T) {
	const day = 24 * time.Hour
	for name, restart := range map[string]bool{"noticed within a minute": false, "noticed at the start": true} {
		t.Run(name, func(t *testing.T) {
			s, clock := openStore(t), &wall{FakeClock: clockwork.NewFakeClockAt(time.Unix(1_800_000_000, 0))}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			ran, hold := make(chan string, 20), make(chan struct{})
			work := func(_ context.Context, j queue.Job) error {
				ran <- string(j.Args)
				switch {
				case strings.Contains(string(j.Args), "snoozed"):
					<-hold
					return queue.Snooze(clock.Now().Add(20*time.Minute), errors.New("later"))
				case strings.Contains(string(j.Args), "buried"):
					return queue.Permanent(errors.New("no"))
				}
				return nil
			}
			noticed := signals{"the clock ran ahead", make(chan struct{}, 10)}
			q := newQueue(t, Config{Store: s, Clock: clock, Log: zerolog.New(noticed)})
			start(t, q, work)
			item := func(text string, d time.Duration, o queue.Options) queue.Item {
				o.RunAt = clock.Now().Add(d)
				return queue.Item{Args: note{text}, Options: o}
			}
			enqueue(t, q, item("honest", 9*day, queue.Options{}), item("sooner", 9*day, queue.Options{Unique: "u"}),
				item("snoozed", 0, queue.Options{}), item("buried", 0, queue.Options{Key: "k"}))
			receive(t, ran)
			receive(t, ran)

			clock.off.Store(int64(day))
			close(hold) // taken by an honest clock, snoozed by the other one
			enqueue(t, q, item("ahead", 10*time.Minute, queue.Options{Key: "k"}), item("behind", 0, queue.Options{Key: "k"}),
				item("again", 30*time.Minute, queue.Options{Unique: "u"}))
			for list, err := q.DeadLetters(ctx, 1); ; list, err = q.DeadLetters(ctx, 1) {
				if err != nil || ctx.Err() != nil {
					t.Fatal(err, ctx.Err())
				}
				if len(list) == 1 {
					if err := q.Retry(ctx, list[0].ID); err != nil { // waits behind "ahead"
						t.Fatal(err)
					}
					break
				}
			}
			for due(t, s, clock, "snoozed") < 0 && ctx.Err() == nil {
				runtime.Gosched() // until it is written
			}
			if restart {
				if err := q.Drain(ctx); err != nil {
					t.Fatal(err)
				}
				clock.off.Store(0)
				q = newQueue(t, Config{Store: s, Clock: clock})
				start(t, q, work)
			} else {
				clock.off.Store(0)
				if err := clock.BlockUntilContext(ctx, 1); err != nil { // nothing runs: the timer of the next job
					t.Fatal(err)
				}
				clock.Advance(recheck)
				receive(t, noticed.ch)
				for due(t, s, clock, "ahead") > day && ctx.Err() == nil {
					runtime.Gosched() // until it is committed
				}
			}
			slack := recheck // that passed until it was noticed
			for text, want := range map[string]time.Duration{
				"honest": 9 * day, "sooner": 30 * time.Minute, "snoozed": 20 * time.Minute, "ahead": 10 * time.Minute, "behind": 0, "buried": 0,
			} {
				if d := due(t, s, clock, text); d > want || d < want-slack {
					t.Errorf("%s is due in %s, want %s", text, d, want)
				}
			}
			if err := clock.BlockUntilContext(ctx, 1); err != nil {
				t.Fatal(err)
			}
			for got := []string{}; len(got) < 3; {
				select {
				case text := <-ran:
					got = append(got, text)
				default:
					clock.Advance(recheck / 6)
				}
				if ctx.Err() != nil {
					t.Fatalf("only %s ran", slices.Compact(got))
				}
			}
		})
	}
}
