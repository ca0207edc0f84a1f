package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

func TestPruningKeepsWhatStillMatters(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) Millis { return MillisOf(now.Add(-d)) }
	const hour = time.Hour
	pauses := map[string]*Pause{
		"ended long ago":       {FromAt: 1, EndedAt: ago(KeepIncidents + hour)},
		"ended lately":         {FromAt: 1, EndedAt: ago(KeepIncidents - hour)},
		"over long ago":        {FromAt: 1, UntilAt: ago(KeepIncidents + hour)},
		"open for ever":        {FromAt: 1},
		"ended before its end": {FromAt: 1, EndedAt: ago(KeepIncidents + hour), UntilAt: ago(-hour)},
	}
	gone := map[string]bool{"ended long ago": true, "over long ago": true}
	err = s.Update(t.Context(), func(ctx context.Context, tx *Tx) error {
		for reason, p := range pauses {
			p.Scope, p.Actor, p.Reason = PauseAll, "alice", reason
			if err := tx.AddPause(ctx, p); err != nil {
				return err
			}
		}
		for attempt, at := range map[int]Millis{1: ago(keepRuns + hour), 2: ago(keepRuns - hour)} {
			if _, err := tx.AddRefusal(ctx, Refusal{RepoID: 1, RunID: 2, Attempt: attempt, At: at}); err != nil {
				return err
			}
		}
		for key, at := range map[string]Millis{"old": ago(KeepIncidents + hour), "new": ago(KeepIncidents - hour)} {
			if _, _, err := tx.Acquire(ctx, key, "x", at, at); err != nil {
				return err
			}
		}
		// Of an incident that waits: its next grant needs a higher epoch.
		if err := tx.SettleClaim(ctx, "waits", "x", ago(KeepIncidents+hour)); err != nil {
			return err
		}
		if err := tx.FreeClaim(ctx, "waits", ago(KeepIncidents+hour)); err != nil {
			return err
		}
		if _, err := tx.OpenIncident(ctx, &Incident{OccurrenceKey: "waits", State: "exhausted", Ladder: "{}"}); err != nil {
			return err
		}
		return tx.PruneEngine(ctx, now)
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := LatestPauses(t.Context(), s.Read(), 100)
	if err != nil || len(list) != len(pauses)-len(gone) {
		t.Errorf("%d pauses are left: %+v, %v", len(list), list, err)
	}
	for _, p := range list {
		if gone[p.Reason] {
			t.Errorf("%q is still there", p.Reason)
		}
	}
	for attempt, want := range map[int]bool{1: false, 2: true} {
		if _, ok, err := ReadRefusal(t.Context(), s.Read(), 1, 2, attempt); err != nil || ok != want {
			t.Errorf("refusal of attempt %d: %t, %v", attempt, ok, err)
		}
	}
	for key, want := range map[string]bool{"old": false, "new": true, "waits": true} {
		if _, ok, err := s.Claim(t.Context(), key); err != nil || ok != want {
			t.Errorf("claim %s: %t, %v", key, ok, err)
		}
	}
}

func TestATakeOverNeedsTheNewestEpoch(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	update := func(f func(ctx context.Context, tx *Tx) error) error { t.Helper(); return s.Update(t.Context(), f) }
	var first Claim
	err = update(func(ctx context.Context, tx *Tx) error {
		first, _, err = tx.Acquire(ctx, "k", "run:12:1", 1, 10)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	take := func() error {
		return update(func(ctx context.Context, tx *Tx) error {
			_, err := tx.TakeOver(ctx, first, "incident:1", 2, 20)
			return err
		})
	}
	if err := take(); err != nil {
		t.Fatal(err)
	}
	if err := take(); !errors.Is(err, ErrConflict) {
		t.Errorf("a second take-over from the same epoch: %v", err)
	}
	// The claims of run 12 are not those of runs 1, 123 or 120.
	for _, id := range []int64{1, 120, 123} {
		if err := update(func(ctx context.Context, tx *Tx) error { return tx.SettleRun(ctx, id, 3) }); err != nil {
			t.Fatal(err)
		}
	}
	c, _, err := s.Claim(t.Context(), "k")
	if err != nil || c.State != ClaimHeld || c.Owner != "incident:1" || c.Epoch != 2 {
		t.Errorf("%+v, %v", c, err)
	}
}
