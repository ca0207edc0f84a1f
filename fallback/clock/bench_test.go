package clock

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// file is the workflow that a bench watches.
const file = ".github/workflows/nightly.yml"

// dawn is a moment at which no tick of the tests is near.
var dawn = time.Date(2026, 5, 4, 3, 20, 0, 0, time.UTC)

func hour(h, m int) time.Time { return time.Date(2026, 5, 4, h, m, 0, 0, time.UTC) }

// bench is a clock at dawn with a real store. It is its own [Incidents] and
// queue, and keeps what they are told.
type bench struct {
	testing.TB
	*Clock
	ctx    context.Context
	time   *clockwork.FakeClock
	at     queue.Repo
	flow   config.Workflow
	queued []queue.Args
	wanted map[schedule.Tick]bool
	// answers are the runs of ticks that Incidents was told of, and returns the
	// workflows.
	answers []int64
	returns []string
}

func newBench(t testing.TB, crons ...string) *bench {
	t.Helper()
	b := &bench{
		TB: t, ctx: zerolog.New(zerolog.NewTestWriter(t)).WithContext(t.Context()), time: clockwork.NewFakeClockAt(dawn),
		at: queue.Repo{InstallationID: 7, ID: 42, Owner: "acme", Name: "site"}, flow: config.Workflow{File: file},
	}
	s, err := store.Open(b.ctx, "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b.Clock = New(Config{Store: s, Queue: b, Clock: b.time, Incidents: b, Log: *zerolog.Ctx(b.ctx), Scale: 1})
	b.update(func(ctx context.Context, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{{
			ID: b.at.ID, InstallationID: b.at.InstallationID, Owner: b.at.Owner, Name: b.at.Name, DefaultBranch: "main", SeenAt: 1,
		}})
		return err
	})
	if len(crons) > 0 {
		b.enrol(crons...)
	}
	return b
}

func (b *bench) update(do func(ctx context.Context, tx *store.Tx) error) {
	b.Helper()
	if err := b.Store.Update(b.ctx, do); err != nil {
		b.Fatal(err)
	}
}

// enrol has the workflow watched with these crons.
func (b *bench) enrol(crons ...string) {
	b.Helper()
	var facts config.WorkflowFacts
	for _, c := range crons {
		facts.Crons = append(facts.Crons, config.Cron{Spec: c})
	}
	b.enrolFiles(map[string]config.WorkflowFacts{file: facts})
}

func (b *bench) enrolFiles(facts map[string]config.WorkflowFacts) {
	b.Helper()
	b.update(func(ctx context.Context, tx *store.Tx) error {
		return b.Enrol(ctx, tx, b.at, config.Repository{Workflows: []config.Workflow{b.flow}}, facts)
	})
}

// watched is the watch of the workflow.
func (b *bench) watched() store.Watch {
	b.Helper()
	w, ok, err := store.ReadWatch(b.ctx, b.Store.Read(), b.at.ID, file)
	if err != nil || !ok {
		b.Fatalf("watch: %v %v", ok, err)
	}
	return w
}

// quiet goes to a moment and looks at what is due then.
func (b *bench) quiet(until time.Time) {
	b.Helper()
	b.time.Advance(until.Sub(b.time.Now()))
	b.look()
}

func (b *bench) look() {
	b.Helper()
	at, err := b.Due(b.ctx)
	if err == nil && !at.IsZero() && !at.After(b.time.Now()) {
		err = b.Look(b.ctx)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// ticks is "15:04 outcome" of the ticks on record, oldest first.
func (b *bench) ticks() []string {
	b.Helper()
	list, err := b.Store.PastTicks(b.ctx, b.at.ID, file, 0, 1000)
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

func (b *bench) Enqueue(_ context.Context, _ *store.Tx, items ...queue.Item) error {
	for _, i := range items {
		b.queued = append(b.queued, i.Args)
	}
	return nil
}

func (b *bench) Suspect(ctx context.Context, tx *store.Tx, repo queue.Repo, w *store.Watch, t schedule.Tick, _ config.Workflow) (int64, error) {
	return 1, tx.SaveTick(ctx, store.Tick{
		RepoID: repo.ID, WorkflowPath: w.WorkflowPath, TickAt: store.MillisOf(t.At), Cron: t.Cron, Outcome: store.TickSuspected, At: b.now(),
	})
}

func (b *bench) Answered(_ context.Context, _ *store.Tx, _ queue.Repo, run store.WorkflowRun) error {
	b.answers = append(b.answers, run.RunID)
	return nil
}

func (b *bench) Wanted(context.Context, *store.Tx, int64, string, time.Time) (map[schedule.Tick]bool, error) {
	return b.wanted, nil
}

func (b *bench) Returned(_ context.Context, _ *store.Tx, _ int64, workflowPath string) error {
	b.returns = append(b.returns, workflowPath)
	return nil
}

func (b *bench) Address(_ context.Context, repo queue.Repo) (queue.Repo, error) {
	if repo.ID == b.at.ID {
		return b.at, nil
	}
	return repo, nil
}
