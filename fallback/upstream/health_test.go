package upstream

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/fallback/storm"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/store"
)

// Five requests in a row without an answer are one incident. One recovery
// tries; two successes end it.
func TestAnswered(t *testing.T) {
	b := newBench(t)
	for range 4 {
		b.Answered(false)
	}
	b.want(API, storm.Closed)
	b.Answered(false)
	b.want(API, storm.Open)
	if b.take(API, 1) {
		t.Error("let through while open")
	}
	if diff := cmp.Diff([]string{"github-api: it gives no answers"}, b.down); diff != "" {
		t.Error(diff)
	}
	b.time.Advance(time.Minute)
	b.want(API, storm.HalfOpen)
	if !b.take(API, 1) || b.take(API, 2) || !b.take(API, 1) {
		t.Error("not one probe")
	}
	for range 2 {
		b.update(func(ctx context.Context, tx *store.Tx) error {
			return b.Record(ctx, tx, API, storm.Outcome{At: b.time.Now(), OK: true, Probe: 1})
		})
	}
	b.want(API, storm.Closed)
	if diff := cmp.Diff([]int64{77, 77, 77, 77}, b.changed); diff != "" { // open, probe, its place is free, closed
		t.Error(diff)
	}
}

// A host that is lost concerns those who wait for it, and is no incident.
func TestHostIsNoIncident(t *testing.T) {
	b := newBench(t)
	for i := range 5 {
		b.update(func(ctx context.Context, tx *store.Tx) error {
			return b.Record(ctx, tx, AgentPrefix+"h1", storm.Outcome{At: b.time.Now(), By: fmt.Sprint(i)})
		})
	}
	b.want(AgentPrefix+"h1", storm.Open)
	if diff := cmp.Diff([]int64{0}, b.changed); diff != "" || b.down != nil {
		t.Error(diff, b.down)
	}
}

func TestGranted(t *testing.T) {
	b := newBench(t)
	granted := func(cause error, done bool) {
		t.Helper()
		b.update(func(ctx context.Context, tx *store.Tx) error { return b.Granted(ctx, tx, 7, cause, done) })
	}
	granted(nil, true)
	granted(errors.New("anything else"), false)
	b.want(Limit(7), storm.Closed)
	until := b.time.Now().Add(20 * time.Minute)
	granted(&githubapi.LimitError{Until: until, Installation: 7}, false)
	d := b.read(Limit(7))
	if !d.Stored.Until.Equal(until) || b.Admits(d, 1) || !b.Admits(b.read(Limit(8)), 1) {
		t.Errorf("until %v", d.Stored.Until)
	}
	b.time.Advance(20 * time.Minute)
	b.want(Limit(7), storm.HalfOpen)
	granted(nil, true)
	b.want(Limit(7), storm.Closed)
	if b.down != nil {
		t.Errorf("one's own limit is an incident: %v", b.down)
	}
}

// Runs that do not begin are an incident from three targets in two repositories on.
func TestCanary(t *testing.T) {
	b := newBench(t)
	see := func(repo int64, path string, began bool) {
		t.Helper()
		b.update(func(ctx context.Context, tx *store.Tx) error {
			return b.Canary(ctx, tx, store.Canary{RepoID: repo, WorkflowPath: path, Began: began, At: b.now()}, 0)
		})
	}
	see(1, "a.yml", false)
	see(1, "b.yml", false)
	see(1, "c.yml", true)
	b.want(Actions, storm.Closed)
	see(2, "a.yml", false)
	b.want(Actions, storm.Open)
	if diff := cmp.Diff([]string{"github-actions: runs do not begin: of 3 of 4 workflows that were active within 10m0s"}, b.down); diff != "" {
		t.Error(diff)
	}
	b.update(func(ctx context.Context, tx *store.Tx) error {
		b.time.Advance(keepCanaries + time.Second)
		if err := b.Prune(ctx, tx); err != nil {
			return err
		}
		n, err := store.Canaries(ctx, tx, 0)
		if n.Active != 0 {
			t.Errorf("%+v", n)
		}
		return err
	})
}

// What was seen more than ten minutes ago says nothing about the present.
func TestCanariesOfLately(t *testing.T) {
	for age, want := range map[time.Duration]storm.State{10*time.Minute - time.Second: storm.Open, 10*time.Minute + time.Second: storm.Closed} {
		b := newBench(t)
		see := func(repo int64, path string) {
			t.Helper()
			b.update(func(ctx context.Context, tx *store.Tx) error {
				return b.Canary(ctx, tx, store.Canary{RepoID: repo, WorkflowPath: path, At: b.now()}, 0)
			})
		}
		see(1, "a.yml")
		b.time.Advance(age)
		see(1, "b.yml")
		see(2, "a.yml")
		b.want(Actions, want)
	}
}

// Runs that only asking shows mean that webhooks do not come; a delivery ends it.
func TestListen(t *testing.T) {
	b := newBench(t)
	deliver := func() {
		b.update(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.NewRaw("INSERT INTO deliveries (guid, event, received_at, processed_at, size, body) VALUES (?, 'push', ?, 1, 0, '')", b.time.Now().String(), b.now()).Exec(ctx)
			return err
		})
	}
	deliver()
	for i := range 8 {
		b.time.Advance(3 * time.Minute)
		b.update(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.SaveRun(ctx, store.WorkflowRun{
				RepoID: 1, RunID: int64(i + 1), Attempt: 1, WorkflowPath: "a.yml", Event: "push", HeadBranch: "main", Status: "queued",
				CreatedAt: b.now(), UpdatedAt: b.now(), ObservedAt: b.now(),
			})
			if err != nil {
				return err
			}
			return b.Listen(ctx, tx)
		})
	}
	b.want(Webhooks, storm.Open)
	if want := "github-webhooks: no delivery since 2026-05-04 03:20:00 UTC, and 5 runs that it should have told of"; len(b.down) != 1 || b.down[0] != want {
		t.Errorf("%v, want %s", b.down, want)
	}
	deliver()
	b.time.Advance(listenEvery)
	b.update(b.Listen)
	b.want(Webhooks, storm.Closed)
}
