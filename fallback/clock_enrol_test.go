package fallback

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestEnrol(t *testing.T) {
	b := newWatch(t, config.Workflow{}, "0 6 * * *")
	first := b.watched(primaryPath)
	b.clock.Advance(time.Hour)
	t.Run("nothing new", func(t *testing.T) {
		b.enrol(scheduled("0 6 * * *"))
		if diff := cmp.Diff(first, b.watched(primaryPath)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("another grace", func(t *testing.T) {
		b.configs.c.Workflows[0].Schedule.Grace = config.Duration(30 * time.Minute)
		b.enrol(scheduled("0 6 * * *"))
		if w := b.watched(primaryPath); w.DueAt.Time() != hour(6, 30) || w.WatchedSince != first.WatchedSince {
			t.Errorf("due at %v, since %v", w.DueAt.Time(), w.WatchedSince.Time())
		}
	})
	t.Run("one more cron begins now, and the other one stands", func(t *testing.T) {
		b.quiet(hour(6, 20)) // 06:00 is not due yet
		b.enrol(scheduled("10 6 * * *", "0 6 * * *"))
		b.quiet(hour(6, 45))
		b.wantTicks("06:00 suspected")
	})
	t.Run("another cron alone begins now", func(t *testing.T) {
		b.enrol(scheduled("30 6 * * *"))
		w := b.watched(primaryPath)
		if w.DueAt.Time() != hour(31, 0) || w.WatchedSince != first.WatchedSince {
			t.Errorf("due at %v, since %v", w.DueAt.Time(), w.WatchedSince.Time())
		}
		if w.FirstSeen == 0 || w.FirstSeen != first.FirstSeen {
			t.Errorf("first seen %v, was %v: its past is forgotten", w.FirstSeen.Time(), first.FirstSeen.Time())
		}
	})
	t.Run("no cron, no due", func(t *testing.T) {
		b.enrol(workflows)
		if w := b.watched(".github/workflows/sync-health.yml"); w.DueAt != 0 {
			t.Errorf("due at %v", w.DueAt.Time())
		}
	})
	t.Run("the file is gone", func(t *testing.T) {
		files := scheduled("0 6 * * *")
		delete(files, primaryPath)
		b.enrol(files)
		list, err := store.WatchesOf(b.ctx, b.store.Read(), b.at.ID)
		if err != nil || len(list) != 1 || list[0].WorkflowPath != ".github/workflows/sync-health.yml" {
			t.Errorf("%v %v", list, err)
		}
	})
	t.Run("the repository is gone", func(t *testing.T) {
		err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return tx.DeleteRepositoryConfig(ctx, b.at.ID) })
		list, err2 := store.WatchesOf(b.ctx, b.store.Read(), b.at.ID)
		if err != nil || err2 != nil || len(list) != 0 {
			t.Errorf("%v %v %v", list, err, err2)
		}
	})
}

// TestClockReadsWhatHasNoWatch: a database that an earlier version wrote has
// configurations without watches.
func TestClockReadsWhatHasNoWatch(t *testing.T) {
	b := newBench(t, config.Workflow{})
	good, err := json.Marshal(b.configs.c)
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
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
	load := func() []string {
		if err := b.engine.enrolKnown(b.ctx); err != nil {
			t.Fatal(err)
		}
		var got []string
		for job, ok := b.queue.take(); ok; job, ok = b.queue.take() {
			got = append(got, job.Kind+" "+string(job.Args))
		}
		return got
	}
	want, err := json.Marshal(queue.LoadConfig{Repo: b.at})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{queue.LoadConfig{}.Kind() + " " + string(want)}, load()); diff != "" {
		t.Error(diff)
	}
	b.watch()
	if got := load(); got != nil {
		t.Errorf("read again: %v", got)
	}
}
