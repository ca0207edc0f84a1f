package clock

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestEnrol(t *testing.T) {
	b := newBench(t, "0 6 * * *")
	first := b.watched()
	b.time.Advance(time.Hour)
	t.Run("nothing new", func(t *testing.T) {
		b.enrol("0 6 * * *")
		if diff := cmp.Diff(first, b.watched()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("another grace", func(t *testing.T) {
		b.flow.Schedule.Grace = config.Duration(30 * time.Minute)
		b.enrol("0 6 * * *")
		if w := b.watched(); w.DueAt.Time() != hour(6, 30) || w.WatchedSince != first.WatchedSince {
			t.Errorf("due at %v, since %v", w.DueAt.Time(), w.WatchedSince.Time())
		}
	})
	t.Run("one more cron begins now, and the other one stands", func(t *testing.T) {
		b.quiet(hour(6, 20)) // 06:00 is not due yet
		b.enrol("10 6 * * *", "0 6 * * *")
		b.quiet(hour(6, 45))
		b.wantTicks("06:00 suspected")
	})
	t.Run("another cron alone begins now", func(t *testing.T) {
		b.enrol("30 6 * * *")
		w := b.watched()
		if w.DueAt.Time() != hour(31, 0) || w.WatchedSince != first.WatchedSince {
			t.Errorf("due at %v, since %v", w.DueAt.Time(), w.WatchedSince.Time())
		}
		if w.FirstSeen == 0 || w.FirstSeen != first.FirstSeen {
			t.Errorf("first seen %v, was %v: its past is forgotten", w.FirstSeen.Time(), first.FirstSeen.Time())
		}
	})
	t.Run("no cron, no due", func(t *testing.T) {
		b.enrol()
		if w := b.watched(); w.DueAt != 0 {
			t.Errorf("due at %v", w.DueAt.Time())
		}
	})
	t.Run("the file is gone", func(t *testing.T) {
		b.enrolFiles(nil)
		list, err := store.WatchesOf(b.ctx, b.Store.Read(), b.at.ID)
		if err != nil || len(list) != 0 || b.returns != nil {
			t.Errorf("%v %v %v", list, err, b.returns)
		}
	})
	t.Run("the file is back", func(t *testing.T) {
		b.enrol("0 6 * * *")
		if w := b.watched(); w.WatchedSince != first.WatchedSince {
			t.Errorf("since %v", w.WatchedSince.Time())
		}
		if diff := cmp.Diff([]string{file}, b.returns); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("the repository is gone", func(t *testing.T) {
		err := b.Store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DeleteRepositoryConfig(ctx, b.at.ID) })
		list, err2 := store.WatchesOf(b.ctx, b.Store.Read(), b.at.ID)
		if err != nil || err2 != nil || len(list) != 0 {
			t.Errorf("%v %v %v", list, err, err2)
		}
	})
}

// TestRunReadsWhatHasNoWatch: a database that an earlier version wrote has
// configurations without watches.
func TestRunReadsWhatHasNoWatch(t *testing.T) {
	b := newBench(t)
	good, err := json.Marshal(config.Repository{Workflows: []config.Workflow{b.flow}})
	if err != nil {
		t.Fatal(err)
	}
	err = b.Store.Update(b.ctx, func(ctx context.Context, tx *store.Tx) error {
		for id, doc := range map[int64][]byte{b.at.ID: good, 4711: nil} {
			if err := tx.SaveRepositoryConfig(ctx, store.RepositoryConfig{RepoID: id, InstallationID: b.at.InstallationID, Owner: "acme", Name: "site", Good: doc}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	load := func() []queue.Args {
		b.queued = nil
		if err := b.enrolKnown(b.ctx); err != nil {
			t.Fatal(err)
		}
		return b.queued
	}
	if diff := cmp.Diff([]queue.Args{queue.LoadConfig{Repo: b.at}}, load()); diff != "" {
		t.Error(diff)
	}
	b.enrol("0 6 * * *")
	if got := load(); got != nil {
		t.Errorf("read again: %v", got)
	}
}
