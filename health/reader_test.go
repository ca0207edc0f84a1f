package health

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/store"
)

type bench struct {
	t      *testing.T
	store  *store.Store
	clock  *clockwork.FakeClock
	reader *Reader
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, clock: clockwork.NewFakeClockAt(now)}
	var err error
	if b.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	b.reader = New(Config{Store: b.store, Clock: b.clock})
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, _, err := store.SaveInstallation(ctx, tx, store.Installation{ID: 7, Account: "acme", State: store.InstallationActive, UpdatedAt: 1})
		return err
	})
	return b
}

func (b *bench) write(f func(ctx context.Context, tx *store.Tx) error) {
	b.t.Helper()
	if err := b.store.Update(b.t.Context(), f); err != nil {
		b.t.Fatal(err)
	}
}

// repo is a repository with watched workflows, each with the outcomes given.
func (b *bench) repo(id int64, change func(*store.Repository), flows map[string]string) store.Repository {
	b.t.Helper()
	r := store.Repository{ID: id, InstallationID: 7, Owner: "acme", Name: fmt.Sprintf("site%d", id), DefaultBranch: "main", SeenAt: 1}
	if change != nil {
		change(&r)
	}
	b.write(func(ctx context.Context, tx *store.Tx) error {
		if _, err := store.SaveRepositories(ctx, tx, []store.Repository{r}); err != nil {
			return err
		}
		for i, path := range slices.Sorted(maps.Keys(flows)) {
			w := store.Watch{RepoID: id, WorkflowPath: path, InstallationID: 7, Facts: `{"crons":[{"spec":"0 * * * *"}]}`, Flow: `{"file":"x"}`, WatchedSince: ago(10 * day)}
			if err := tx.SaveWatch(ctx, &w); err != nil {
				return err
			}
			for _, run := range outcomes(flows[path]) {
				run.RunID += int64(1000 * i) // ids are a repository's, not a workflow's
				if err := saveRun(ctx, tx, id, path, run, nil); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return r
}

func saveRun(ctx context.Context, tx *store.Tx, repo int64, path string, r store.PastRun, change func(*store.WorkflowRun)) error {
	row := store.WorkflowRun{
		RepoID: repo, RunID: r.RunID, Attempt: r.Attempt, WorkflowPath: path, Event: "schedule", HeadBranch: "main", URL: r.URL,
		Status: "completed", Conclusion: r.Conclusion, CreatedAt: r.CreatedAt, UpdatedAt: r.EndedAt, ObservedAt: r.EndedAt, TickAt: r.TickAt, TickCron: r.TickCron,
	}
	if change != nil {
		change(&row)
	}
	_, err := tx.SaveRun(ctx, row)
	return err
}

func TestReaderCountsWhatMatters(t *testing.T) {
	b := newBench(t)
	repo := b.repo(9, nil, map[string]string{"x.yml": "SSSSSSSSSS"})
	failed := func(id int64, change func(*store.WorkflowRun)) {
		run := outcomes("F")[0]
		run.RunID, run.Attempt = id, 1
		b.write(func(ctx context.Context, tx *store.Tx) error { return saveRun(ctx, tx, 9, "x.yml", run, change) })
	}
	failed(1, func(r *store.WorkflowRun) { r.Event = "pull_request" })
	failed(2, func(r *store.WorkflowRun) { r.HeadBranch = "feature" })
	failed(3, func(r *store.WorkflowRun) { r.Status, r.Conclusion = "in_progress", "" })
	failed(4, func(r *store.WorkflowRun) { r.WorkflowPath = "other.yml" })
	failed(5, func(r *store.WorkflowRun) { r.CreatedAt = ago(91 * day) })
	failed(8, func(r *store.WorkflowRun) { r.Conclusion = "success" }) // and was told to skip its work
	b.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.AddRefusal(ctx, store.Refusal{RepoID: 9, RunID: 8, Attempt: 1, At: ago(day)})
		return err
	})
	rep, err := b.reader.Repository(t.Context(), repo)
	if err != nil || rep.Score == nil || *rep.Score != 100 || rep.Targets[0].Samples != 10 {
		t.Fatalf("%+v, %v", rep, err)
	}
	// A run that was helped has failed all the same.
	failed(6, nil)
	failed(6, func(r *store.WorkflowRun) { r.Attempt, r.Conclusion = 2, "success" })
	rep, err = b.reader.Repository(t.Context(), repo)
	if err != nil || said(rep.Targets[0].Deductions) != "runs -4.1: 1 of the last 11 runs failed (run 6)" {
		t.Fatalf("%+v, %v", rep, err)
	}
	// Of one of which only the re-run was ever seen nobody knows.
	failed(7, func(r *store.WorkflowRun) { r.Attempt, r.Conclusion = 2, "success" })
	rep, err = b.reader.Repository(t.Context(), repo)
	if err != nil || said(rep.Targets[0].Deductions) != "runs -4.1: 1 of the last 11 runs failed (run 6)" {
		t.Fatalf("%+v, %v", rep, err)
	}
}

func TestReaderUsesTheGraceInForce(t *testing.T) {
	b := newBench(t)
	repo := b.repo(9, nil, map[string]string{"x.yml": ""})
	b.write(func(ctx context.Context, tx *store.Tx) error {
		for _, run := range outcomes("SSSSSSSSSS") {
			run.TickAt, run.TickCron = run.CreatedAt-store.Millis((20*time.Minute).Milliseconds()), "c"
			if err := saveRun(ctx, tx, 9, "x.yml", run, nil); err != nil {
				return err
			}
		}
		return nil
	})
	for _, tt := range []struct {
		name, flow string
		soft       time.Duration
		punctual   int
	}{
		{"the default", `{"file":"x"}`, 0, 0},
		{"learned", `{"file":"x"}`, 20 * time.Minute, 10},
		{"configured", `{"file":"x","schedule":{"grace":"10m"}}`, time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.write(func(ctx context.Context, tx *store.Tx) error {
				w, _, err := store.ReadWatch(ctx, tx, 9, "x.yml")
				if err != nil {
					return err
				}
				w.Flow, w.Soft = tt.flow, tt.soft.Milliseconds()
				return tx.SaveWatch(ctx, &w)
			})
			got, err := b.reader.Targets(t.Context(), repo)
			if err != nil || got[0].Ticks != 10 || got[0].Punctual != tt.punctual {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestReaderKeepsThePast: a schedule that is edited begins anew, and what the
// workflow went through before stays known.
func TestReaderKeepsThePast(t *testing.T) {
	b := newBench(t)
	repo := b.repo(9, nil, map[string]string{"x.yml": ""})
	b.write(func(ctx context.Context, tx *store.Tx) error {
		w := store.Watch{RepoID: 9, WorkflowPath: "y.yml", InstallationID: 7, Facts: "{}", Flow: "{}", WatchedSince: ago(10 * day), FirstSeen: ago(10 * day)}
		if err := tx.SaveWatch(ctx, &w); err != nil {
			return err
		}
		w.WatchedSince = ago(time.Hour)
		inc := store.Incident{
			RepoID: 9, InstallationID: 7, WorkflowPath: "y.yml", OccurrenceKey: "k", Signal: "missed", State: "recovered",
			BeganAt: ago(36 * time.Hour), OpenedAt: ago(36 * time.Hour), ConfirmedAt: ago(35 * time.Hour), SettledAt: ago(12 * time.Hour),
		}
		if _, err := tx.OpenIncident(ctx, &inc); err != nil {
			return err
		}
		return tx.SaveWatch(ctx, &w)
	})
	got, err := b.reader.Targets(t.Context(), repo)
	if err != nil || got[1].Availability == nil || *got[1].Availability != 0.9 || got[1].MTTD == nil || got[1].MTTR == nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestFleet(t *testing.T) {
	b := newBench(t)
	if rep, err := b.reader.Fleet(t.Context()); err != nil || rep.Score != nil || rep.WhyNoScore != "no workflow is watched" {
		t.Fatalf("%+v, %v", rep, err)
	}
	b.repo(1, nil, map[string]string{"a.yml": "SSSSSSSSSS", "b.yml": "S"})
	b.repo(2, nil, map[string]string{"c.yml": "FFFFFFFFFF"})
	b.repo(3, nil, nil)
	b.repo(4, func(r *store.Repository) { r.Archived = true }, map[string]string{"x.yml": "FFFFFFFFFF"})
	b.repo(5, func(r *store.Repository) { r.Removed = true }, map[string]string{"x.yml": "FFFFFFFFFF"})
	b.repo(6, func(r *store.Repository) { r.InstallationID = 8 }, map[string]string{"x.yml": "FFFFFFFFFF"})
	rep, err := b.reader.Fleet(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, r := range rep.Repositories {
		shown = append(shown, fmt.Sprint(r.Repo, " ", *r.Score, " ", r.Scored, "/", r.Targets))
	}
	for _, x := range rep.Targets {
		shown = append(shown, x.Repo+" "+x.Workflow)
	}
	want := []string{"acme/site2 55 1/1", "acme/site1 100 1/2", "acme/site2 c.yml", "acme/site1 a.yml", "acme/site1 b.yml"}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Error(diff)
	}
	if *rep.Score != 77.5 || rep.RepositoriesTotal != 2 || rep.Covered != 2 || rep.TargetsTotal != 3 {
		t.Errorf("%+v", rep)
	}
}

func TestFleetShowsTheWorst(t *testing.T) {
	b := newBench(t)
	flows := map[string]string{"broken.yml": "FSSSSSSSSS"}
	for i := range maxTargets {
		flows[fmt.Sprintf("w%d.yml", i)] = "SSSSSSSSSS"
	}
	// Runs have one number space in a repository, so each flow is one of its own.
	id := int64(0)
	for path, seen := range flows {
		id++
		b.repo(id, nil, map[string]string{path: seen})
	}
	rep, err := b.reader.Fleet(t.Context())
	if err != nil || len(rep.Targets) != maxTargets || rep.TargetsTotal != maxTargets+1 || rep.Targets[0].Workflow != "broken.yml" {
		t.Errorf("%d of %d targets, the worst is %v, %v", len(rep.Targets), rep.TargetsTotal, rep.Targets[0].Workflow, err)
	}
}

// TestFleetOutOfTime: what does not fit into a request is said, and comes with
// the next one.
func TestFleetOutOfTime(t *testing.T) {
	b := newBench(t)
	b.repo(1, nil, map[string]string{"a.yml": "SSSSSSSSSS"})
	b.repo(2, nil, map[string]string{"b.yml": "SSSSSSSSSS"})
	b.reader.budget = time.Nanosecond
	rep, err := b.reader.Fleet(t.Context())
	if err != nil || rep.Covered != 0 || rep.RepositoriesTotal != 2 || rep.Score != nil || rep.WhyNoScore != "0 of 2 repositories were looked at so far; ask again" {
		t.Fatalf("%+v, %v", rep, err)
	}
	b.reader.budget = time.Minute
	if rep, err = b.reader.Fleet(t.Context()); err != nil || rep.Covered != 2 || *rep.Score != 100 {
		t.Fatalf("%+v, %v", rep, err)
	}
	// Out of time again: what was computed before still counts.
	b.clock.Advance(time.Hour)
	b.reader.budget = time.Nanosecond
	if rep, err = b.reader.Fleet(t.Context()); err != nil || rep.Covered != 2 || *rep.Score != 100 {
		t.Fatalf("%+v, %v", rep, err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = b.reader.Fleet(gone); err == nil {
		t.Error("a request that nobody waits for was answered")
	}
}
