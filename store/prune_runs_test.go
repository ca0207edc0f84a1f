package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// The newest runs of each event outlive the others: sparse schedules are
// learned from them.
func TestPruneKeepsTheNewestRuns(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	id := int64(0)
	add := func(tx *Tx, path, event string, age time.Duration) {
		t.Helper()
		id++
		at := MillisOf(now.Add(-age))
		if _, err := tx.SaveRun(t.Context(), WorkflowRun{RepoID: 1, RunID: id, Attempt: 1, WorkflowPath: path, Event: event, Status: "completed", CreatedAt: at, UpdatedAt: at, ObservedAt: at}); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Update(t.Context(), func(ctx context.Context, tx *Tx) error {
		for i := range SparseRuns + 1 { // the oldest is one too many
			add(tx, "weekly", "schedule", keepRuns+time.Duration(i+1)*time.Hour)
		}
		for i := range SparseRuns - 1 {
			add(tx, "dead", "schedule", KeepSparse+time.Duration(i+1)*time.Hour)
		}
		add(tx, "dead", "schedule", KeepSparse-time.Hour)
		for i := range 2 * SparseRuns { // of another event: these take nobody's place
			add(tx, "weekly", "push", time.Duration(i)*time.Hour)
		}
		for i := range 2 * SparseRuns { // within the 90 days all stay
			add(tx, "hourly", "schedule", keepRuns-time.Duration(i+1)*time.Hour)
		}
		return tx.PruneEngine(ctx, now)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		path, event string
		n           int
	}{
		{"weekly", "schedule", SparseRuns}, {"weekly", "push", 2 * SparseRuns}, {"dead", "schedule", 1}, {"hourly", "schedule", 2 * SparseRuns},
	} {
		n, err := s.Read().NewSelect().Model((*WorkflowRun)(nil)).Where("workflow_path = ? AND event = ?", want.path, want.event).Count(t.Context())
		if err != nil || int(n) != want.n {
			t.Errorf("%d runs of %s by %s are left (%v), want %d", n, want.path, want.event, err, want.n)
		}
	}
}
