package main

import (
	"context"
	"errors"
	"testing"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// An incident whose wake-up was lost gets another one by the hourly
// housekeeping, and one that has ended gets none.
func TestHousekeepingRousesIncidents(t *testing.T) {
	a, _ := newApp(t)
	t.Cleanup(func() {
		if err := a.close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	err := a.store.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		var all error
		for key, state := range map[string]fallback.State{"open": fallback.Suspected, "over": fallback.Recovered} {
			_, err := tx.OpenIncident(ctx, &store.Incident{OccurrenceKey: key, State: string(state), Ladder: "{}"})
			all = errors.Join(all, err)
		}
		return all
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.pruneOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var jobs int
	if err := a.store.Read().NewRaw(`SELECT count(*) FROM jobs WHERE kind = ?`, queue.AdvanceIncident{}.Kind()).Scan(t.Context(), &jobs); err != nil {
		t.Fatal(err)
	}
	if jobs != 1 {
		t.Errorf("%d wake-ups", jobs)
	}
}
