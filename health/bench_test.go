package health

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/store"
)

// BenchmarkFleet: 100 repositories with ten workflows of a hundred runs each,
// computed anew every time.
func BenchmarkFleet(b *testing.B) {
	s, err := store.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "r.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	const repos, flows, runs = 100, 10, 100
	err = s.Update(b.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, _, err := store.SaveInstallation(ctx, tx, store.Installation{ID: 7, Account: "acme", State: store.InstallationActive, UpdatedAt: 1}); err != nil {
			return err
		}
		for id := range int64(repos) {
			repo := store.Repository{ID: id + 1, InstallationID: 7, Owner: "acme", Name: fmt.Sprint("site", id), DefaultBranch: "main", SeenAt: 1}
			if _, err := store.SaveRepositories(ctx, tx, []store.Repository{repo}); err != nil {
				return err
			}
			for f := range flows {
				path := fmt.Sprintf(".github/workflows/w%d.yml", f)
				if err := tx.SaveWatch(ctx, &store.Watch{RepoID: id + 1, WorkflowPath: path, InstallationID: 7, WatchedSince: ago(20 * day)}); err != nil {
					return err
				}
				for i := range runs {
					at := ago(time.Duration(i) * 6 * time.Hour)
					run := store.WorkflowRun{
						RepoID: id + 1, RunID: int64(f*runs + i), Attempt: 1, WorkflowPath: path, Event: "schedule", HeadBranch: "main",
						Status: "completed", Conclusion: "success", CreatedAt: at, UpdatedAt: at, ObservedAt: at,
					}
					if _, err := tx.SaveRun(ctx, run); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		rep, err := New(Config{Store: s, Clock: clockwork.NewFakeClockAt(now), Budget: time.Minute}).Fleet(b.Context())
		if err != nil || rep.Covered != repos || *rep.Score != 100 {
			b.Fatalf("%+v, %v", rep, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(repos*flows), "µs/workflow")
}
