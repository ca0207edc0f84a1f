package fallback

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/runs"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// watch enrols the configuration that is in force, as loading it does, with
// the facts of the workflow files that the repository was made with.
func (b *bench) watch() {
	b.Helper()
	b.enrol(workflows)
}

// enrol is watch with other workflow files.
func (b *bench) enrol(files map[string]string) {
	b.Helper()
	facts := map[string]config.WorkflowFacts{}
	for path, text := range files {
		f, err := config.ReadWorkflow(path, []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		facts[path] = f
	}
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return b.engine.Enrol(ctx, tx, b.at, b.configs.c, facts) })
	if err != nil {
		b.Fatal(err)
	}
}

// look is the schedule clock's work that is due now.
func (b *bench) look() {
	b.Helper()
	b.survive(func() error {
		at, err := b.engine.clock.Due(b.ctx)
		if err == nil && !at.IsZero() && !at.After(b.clock.Now()) {
			err = b.engine.clock.Look(b.ctx)
		}
		return err
	})
}

// nextAt is when the queue or the schedule clock has something to do.
func (b *bench) nextAt() (time.Time, bool) {
	b.Helper()
	at, ok := b.queue.nextAt()
	due, err := b.engine.clock.Due(b.ctx)
	if err != nil {
		b.Fatal(err)
	}
	if !due.IsZero() && (!ok || due.Before(at)) {
		return due, true
	}
	return at, ok
}

// watched is the watch of a workflow.
func (b *bench) watched(path string) store.Watch {
	b.Helper()
	w, ok, err := store.ReadWatch(b.ctx, b.store.Read(), b.at.ID, path)
	if err != nil || !ok {
		b.Fatalf("watch of %s: %v %v", path, ok, err)
	}
	return w
}

// dawn is a moment at which no tick of the tests is near.
var dawn = time.Date(2026, 5, 4, 3, 20, 0, 0, time.UTC)

// scheduled are the workflow files with another cron for the primary.
func scheduled(crons ...string) map[string]string {
	files := maps.Clone(workflows)
	list := make([]string, 0, len(crons))
	for _, c := range crons {
		list = append(list, fmt.Sprintf("{cron: '%s'}", c))
	}
	files[primaryPath] = "name: Marketing sync\non: {schedule: [" + strings.Join(list, ", ") + "], workflow_dispatch: {}}\n" + plainJobs
	return files
}

// newWatch is a bench at dawn whose primary is watched with these crons. No
// recovery is declared, so what becomes of its ticks is all that happens.
func newWatch(t *testing.T, flow config.Workflow, crons ...string) *bench {
	t.Helper()
	b := newBench(t, flow)
	b.clock.Advance(dawn.Sub(b.clock.Now()))
	b.record(store.Repository{})
	b.enrol(scheduled(crons...))
	return b
}

// record puts the repository on record.
func (b *bench) record(r store.Repository) {
	b.Helper()
	r.ID, r.InstallationID, r.Owner, r.Name, r.DefaultBranch, r.SeenAt = b.at.ID, b.at.InstallationID, b.at.Owner, b.at.Name, "main", 1
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{r})
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// scheduledRun is a run of the schedule that GitHub creates now.
func (b *bench) scheduledRun() *githubtest.Run {
	b.Helper()
	x, err := b.repo.StartRun(primaryPath, schedule.Event)
	if err != nil {
		b.Fatal(err)
	}
	return x
}

// saw is a delivery about a run as it is now.
func (b *bench) saw(x *githubtest.Run) store.WorkflowRun {
	b.Helper()
	r, err := runs.Get(b.ctx, b.client(), b.at, x.ID)
	if err != nil {
		b.Fatal(err)
	}
	b.sawRow(r.Row(b.at.ID, 0))
	known, ok, err := store.LatestAttempt(b.ctx, b.store.Read(), b.at.ID, x.ID)
	if err != nil || !ok {
		b.Fatal(ok, err)
	}
	return known
}

func (b *bench) sawRow(row store.WorkflowRun) {
	b.Helper()
	err := b.store.Update(b.ctx, func(ctx ctx, tx *store.Tx) error { return b.engine.Seen(ctx, tx, b.at, row) })
	if err != nil {
		b.Fatal(err)
	}
}

// ticks is "15:04 outcome" of the ticks of the primary on record, oldest first.
func (b *bench) ticks() []string {
	b.Helper()
	list, err := b.store.PastTicks(b.ctx, b.at.ID, primaryPath, 0, 1000)
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, t := range slices.Backward(list) {
		out = append(out, t.TickAt.Time().Format("15:04")+" "+string(t.Outcome))
	}
	return out
}

func (b *bench) wantTicks(want ...string) {
	b.Helper()
	if diff := cmp.Diff(want, b.ticks()); diff != "" {
		b.Error(diff)
	}
}

// counted is redundancy_ticks_total by outcome.
func (b *bench) counted() map[string]int {
	b.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		b.Fatal(err)
	}
	out := map[string]int{}
	for _, f := range families {
		if f.GetName() != "redundancy_ticks_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			out[m.GetLabel()[0].GetValue()] = int(m.GetCounter().GetValue())
		}
	}
	return out
}

// quiet looks at due watches without any of the work that follows.
func (b *bench) quiet(until time.Time) {
	b.Helper()
	b.clock.Advance(until.Sub(b.clock.Now()))
	b.look()
}

func hour(h, m int) time.Time { return time.Date(2026, 5, 4, h, m, 0, 0, time.UTC) }
