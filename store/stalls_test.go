package store

import (
	"context"
	"testing"
)

// What a run waits for people is not counted: the moment at which that was over
// is kept, whatever is seen of the run later.
func TestSaveRunKeepsWhenItWasReady(t *testing.T) {
	type seen struct {
		status     string
		updated    Millis
		observedAt Millis
	}
	for name, tc := range map[string]struct {
		seen   []seen
		status string
		ready  Millis
	}{
		"queued":                      {[]seen{{"queued", 1000, 1}}, "queued", 0},
		"approved":                    {[]seen{{"queued", 1000, 1}, {"waiting", 2000, 2}, {"queued", 9000, 9}}, "queued", 9},
		"its turn came":               {[]seen{{"pending", 1000, 1}, {"in_progress", 5000, 5}}, "in_progress", 5},
		"approved twice":              {[]seen{{"waiting", 1000, 1}, {"queued", 2000, 2}, {"waiting", 3000, 3}, {"queued", 4000, 4}}, "queued", 4},
		"still waiting":               {[]seen{{"queued", 1000, 1}, {"waiting", 2000, 2}}, "waiting", 0},
		"seen later":                  {[]seen{{"waiting", 1000, 1}, {"queued", 2000, 2}, {"in_progress", 3000, 3}, {"completed", 4000, 4}}, "completed", 2},
		"within a second":             {[]seen{{"queued", 1000, 1}, {"pending", 1000, 2}}, "pending", 0},
		"within a second, turned":     {[]seen{{"pending", 1000, 1}, {"queued", 1000, 2}}, "pending", 0},
		"an older answer comes later": {[]seen{{"waiting", 1000, 1}, {"queued", 2000, 2}, {"waiting", 1000, 3}}, "queued", 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, update := openForInstallations(t)
			var got WorkflowRun
			for _, x := range tc.seen {
				update(func(ctx context.Context, tx *Tx) (err error) {
					got, err = tx.SaveRun(ctx, WorkflowRun{RepoID: 1, RunID: 2, Attempt: 1, WorkflowPath: "w", Status: x.status, UpdatedAt: x.updated, ObservedAt: x.observedAt})
					return err
				})
			}
			if got.Status != tc.status || got.ReadyAt != tc.ready {
				t.Errorf("%s, ready at %d; want %s at %d", got.Status, got.ReadyAt, tc.status, tc.ready)
			}
		})
	}
}
