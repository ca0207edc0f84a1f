package history

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// back draws jobs back as the queue does when the clock was set back.
func (q *handQueue) back(d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.jobs {
		q.jobs[i].RunAt = q.jobs[i].RunAt.Add(-d)
	}
}

// A clock that is ahead for two minutes puts no scan off by as much, and none
// takes for read what it has not: a failure of that time and one of after it
// are both found. So it is when the process ends in between.
func TestTheClockRanAheadAndWasSetBack(t *testing.T) {
	for name, c := range map[string]struct {
		by      time.Duration
		restart bool
	}{
		"by a day":                 {24 * time.Hour, false},
		"by a day, with a restart": {24 * time.Hour, true},
		"by half an hour":          {30 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := watching(t, githubtest.Config{})
			now := b.clock.Now()
			b.clock.Advance(c.by)
			b.work()
			put := b.scan().NextAt.Time()
			b.clock.Advance(now.Add(2 * time.Minute).Sub(b.clock.Now()))
			if put.Before(now.Add(c.by)) {
				t.Fatalf("nothing was put off: %s", put)
			}
			first := b.run(hourly, "schedule", "failure")
			if b.queue.back(c.by); c.restart {
				b.restart()
				if err := b.Start(b.ctx); err != nil {
					t.Fatal(err)
				}
			}
			found := observed(b.pass(10 * time.Minute))
			if s, late := b.scan(), store.MillisOf(b.clock.Now()); max(s.ReadThrough, s.ScannedAt, s.AskedAt) > late || s.NextAt > late+store.Millis(2*scanMin/time.Millisecond) {
				t.Errorf("it is %s, and the scan is %+v", b.clock.Now(), s)
			}
			second := b.run(hourly, "schedule", "failure")
			found = append(found, observed(b.pass(10*time.Minute))...)
			for _, x := range []*githubtest.Run{first, second} {
				if !slices.Contains(found, x.ID) {
					t.Errorf("%d is not found among %v", x.ID, found)
				}
			}
		})
	}
}

// The next scan of an honest clock is as far ahead as the longest pause, and stays so.
func TestALongPauseIsNoClockAhead(t *testing.T) {
	b := watching(t, githubtest.Config{})
	for name, c := range map[string]struct {
		next     time.Duration
		failures int
		due      bool
	}{
		"the longest pause":    {scanMax * 11 / 10, 0, false},
		"longer":               {scanMax*11/10 + ahead + time.Millisecond, 0, true},
		"after a refusal":      {maxRefused, 9, false},
		"longer after refusal": {maxRefused + ahead + time.Millisecond, 9, true},
	} {
		s := b.scan()
		s.NextAt, s.Failures = store.MillisOf(b.clock.Now().Add(c.next)), c.failures
		if err := b.store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SaveScan(ctx, &s) }); err != nil {
			t.Fatal(err)
		}
		if err := b.setBack(b.ctx, b.at.InstallationID); err != nil {
			t.Fatal(err)
		}
		if due := b.scan().NextAt <= b.now(); due != c.due {
			t.Errorf("%s: due %v", name, due)
		}
	}
}
