package risk

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/store"
)

type bench struct {
	t      *testing.T
	store  *store.Store
	clock  *clockwork.FakeClock
	reader *Reader
	repo   store.Repository
	runs   int64
}

const flow = ".github/workflows/x.yml"

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: clockwork.NewFakeClockAt(epoch.Add(30 * 24 * time.Hour))}
	var err error
	if b.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	b.reader = New(b.store, b.clock)
	b.repo = store.Repository{ID: 9, InstallationID: 7, Owner: "acme", Name: "site", DefaultBranch: "main", SeenAt: 1}
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{b.repo})
		if err != nil {
			return err
		}
		return tx.SaveWatch(ctx, &store.Watch{RepoID: 9, WorkflowPath: flow, InstallationID: 7, Facts: "{}", Flow: "{}"})
	})
	return b
}

func (b *bench) write(f func(ctx context.Context, tx *store.Tx) error) {
	b.t.Helper()
	if err := b.store.Update(b.t.Context(), f); err != nil {
		b.t.Fatal(err)
	}
}

// add saves n runs that were asked for so long ago and changed by change.
func (b *bench) add(n int, ago time.Duration, change func(*store.WorkflowRun)) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *store.Tx) error {
		for range n {
			b.runs++
			at := store.MillisOf(b.clock.Now().Add(-ago))
			r := store.WorkflowRun{
				RepoID: 9, RunID: b.runs, Attempt: 1, WorkflowPath: flow, Event: "schedule", HeadBranch: "main", Status: "completed", Conclusion: "success",
				CreatedAt: at, StartedAt: at, BeganAt: at + 10_000, UpdatedAt: at + 70_000, ObservedAt: at + 70_000,
			}
			if change != nil {
				change(&r)
			}
			if _, err := tx.SaveRun(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestHistory: what is not conclusive, of another branch or
// not watched is no part of the history.
func TestHistory(t *testing.T) {
	b := newBench(t)
	b.add(1, time.Hour, nil)
	b.add(1, 2*time.Hour, func(r *store.WorkflowRun) { r.Conclusion, r.BeganAt = "timed_out", 0 })
	b.add(1, time.Hour, func(r *store.WorkflowRun) { r.Conclusion = "cancelled" })
	// The first attempt of this one was never seen.
	b.add(1, 3*time.Hour, func(r *store.WorkflowRun) { r.Attempt, r.StartedAt = 2, r.CreatedAt+600_000 })
	b.add(1, time.Hour, func(r *store.WorkflowRun) { r.HeadBranch = "feature" })
	b.add(1, time.Hour, func(r *store.WorkflowRun) { r.Event = "pull_request" })
	b.add(1, time.Hour, func(r *store.WorkflowRun) { r.Status, r.Conclusion = "in_progress", "" })
	b.add(1, time.Hour, func(r *store.WorkflowRun) { r.WorkflowPath = "unwatched.yml" })
	b.add(1, 91*24*time.Hour, nil)
	runs, err := b.reader.History(t.Context(), []store.Repository{b.repo})
	if err != nil || len(runs) != 2 {
		t.Fatalf("%+v, %v", runs, err)
	}
	if r := runs[0]; r.Failed || r.duration() != time.Minute || r.End.Sub(r.Start) != 70*time.Second || r.Workflow != "acme/site "+flow {
		t.Errorf("%+v", r)
	}
	if r := runs[1]; !r.Failed || r.duration() != 70*time.Second {
		t.Errorf("%+v", r)
	}
	rep, err := b.reader.Report(t.Context(), []store.Repository{b.repo}, "")
	if err != nil || len(rep.Targets) != 1 || rep.Targets[0].Text != "not enough signal: 2 of 100 runs" || rep.Note != Note {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestQueueFromTheStore(t *testing.T) {
	b := newBench(t)
	b.add(minBaseline, 24*time.Hour, nil)                                            // ten seconds each
	b.add(5, 29*24*time.Hour, func(r *store.WorkflowRun) { r.BeganAt += 9_000_000 }) // too old to count
	b.add(5, 26*time.Hour, func(r *store.WorkflowRun) { r.BeganAt = 0 })             // nobody saw it begin
	b.add(6, 21*time.Minute, func(r *store.WorkflowRun) {
		r.BeganAt = r.StartedAt + 600_000
		r.ObservedAt = r.BeganAt
		r.Status, r.Conclusion = "in_progress", ""
	})
	queued := func(r *store.WorkflowRun) {
		r.Status, r.Conclusion, r.BeganAt, r.ObservedAt = "queued", "", 0, r.StartedAt
	}
	b.add(4, 15*time.Minute, queued)
	b.add(3, 5*time.Second, queued)                                                                    // has just been asked for
	b.add(3, 7*time.Hour, queued)                                                                      // an orphan
	b.add(3, time.Hour, func(r *store.WorkflowRun) { queued(r); r.Tombstone = "cannot be cancelled" }) // given up
	b.add(3, time.Hour, func(r *store.WorkflowRun) { queued(r); r.Status = "waiting" })                // for a person
	got, err := b.reader.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !got.Warning || got.Samples != 10 || got.Waiting != 4 || got.Baseline != 10 || got.BaselineSamples != minBaseline || got.P95 != 900 {
		t.Errorf("%+v", got)
	}
}

func TestReportIsBounded(t *testing.T) {
	b := newBench(t)
	b.write(func(ctx context.Context, tx *store.Tx) error {
		for i := range maxTargets + 2 {
			w := store.Watch{RepoID: 9, WorkflowPath: flow + string(rune('a'+i%26)) + string(rune('a'+i/26)), InstallationID: 7, Facts: "{}", Flow: "{}"}
			if err := tx.SaveWatch(ctx, &w); err != nil {
				return err
			}
		}
		return nil
	})
	rep, err := b.reader.Report(t.Context(), []store.Repository{b.repo}, "")
	if err != nil || len(rep.Targets) != maxTargets || rep.Omitted != 3 {
		t.Errorf("%d targets, %d omitted, %v", len(rep.Targets), rep.Omitted, err)
	}
	rep, err = b.reader.Report(t.Context(), []store.Repository{b.repo}, flow+"ah")
	if err != nil || len(rep.Targets) != 1 || rep.Targets[0].Workflow != flow+"ah" || rep.Omitted != 0 {
		t.Errorf("of one workflow: %+v, %v", rep, err)
	}
}
