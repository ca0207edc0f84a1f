package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

type size struct{ repositories, workflows int }

// scenario says when the n-th workflow comes.
type scenario struct {
	name    string
	cron    func(n int) string
	restart bool // measure how long an hour of ticks takes after a restart, too
}

func daily(n int) string { return fmt.Sprintf("%d %d * * *", n%60, 12+n/60%12) } // in the other half of the day

var scenarios = []scenario{
	{"none comes in the hour", daily, false},
	{"1 % every hour", func(n int) string {
		if n%100 == 0 {
			return fmt.Sprintf("%d * * * *", n/100%60)
		}
		return daily(n)
	}, false},
	{"10 % every hour", func(n int) string {
		if n%10 == 0 {
			return fmt.Sprintf("%d * * * *", n/10%60)
		}
		return daily(n)
	}, false},
	{"all every hour, spread", func(n int) string { return fmt.Sprintf("%d * * * *", n%60) }, true},
	{"all every hour at :00", func(int) string { return "0 * * * *" }, false},
}

// world is a database of watches and the engine on it.
type world struct {
	size
	scenario
	clock  *clockwork.FakeClock
	store  *store.Store
	engine *fallback.Engine
	path   string
	runs   int64 // the last run's id
}

// nothing takes no work: a clock whose ticks are all answered enqueues none.
type nothing struct{}

func (nothing) Enqueue(_ context.Context, _ *store.Tx, items ...queue.Item) error {
	if len(items) > 0 && items[0].Args.Kind() != (queue.LoadConfig{}).Kind() {
		return fmt.Errorf("unexpected %s", items[0].Args.Kind())
	}
	return nil
}

var start = time.Date(2026, 5, 4, 0, 0, 30, 0, time.UTC)

func newWorld(ctx context.Context, cfg size, s scenario) (*world, error) {
	dir, err := os.MkdirTemp("", "redundancy-clock-")
	if err != nil {
		return nil, err
	}
	w := &world{size: cfg, scenario: s, clock: clockwork.NewFakeClockAt(start), path: filepath.Join(dir, "r.db")}
	if w.store, err = store.Open(ctx, "sqlite:"+w.path); err != nil {
		return nil, err
	}
	w.boot()
	const batch = 100
	for first := 0; first < w.repositories; first += batch {
		err := w.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			for r := first; r < min(first+batch, w.repositories); r++ {
				if err := w.enrol(ctx, tx, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) boot() {
	w.engine = fallback.New(fallback.Config{Store: w.store, Queue: nothing{}, Clock: w.clock, Log: zerolog.New(os.Stderr)})
}

func (w *world) close() error {
	w.engine.Close()
	err := w.store.Close()
	if gone := os.RemoveAll(filepath.Dir(w.path)); err == nil {
		err = gone
	}
	return err
}

func address(repository int) queue.Repo {
	return queue.Repo{InstallationID: 1, ID: int64(repository + 1), Owner: "acme", Name: fmt.Sprintf("r%d", repository)}
}

func file(workflow int) string { return fmt.Sprintf(".github/workflows/w%d.yml", workflow) }

func (w *world) enrol(ctx context.Context, tx *store.Tx, r int) error {
	repo := address(r)
	row := store.Repository{ID: repo.ID, InstallationID: 1, Owner: repo.Owner, Name: repo.Name, DefaultBranch: "main", SeenAt: 1}
	if _, err := store.SaveRepositories(ctx, tx, []store.Repository{row}); err != nil {
		return err
	}
	var c config.Repository
	facts := map[string]config.WorkflowFacts{}
	for f := range w.workflows {
		c.Workflows = append(c.Workflows, config.Workflow{File: file(f), Recover: []config.Step{{Rerun: &config.Rerun{Attempts: 2}}}})
		facts[file(f)] = config.WorkflowFacts{
			Name: "Nightly", Triggers: map[string]bool{"schedule": true}, Crons: []config.Cron{{Spec: w.cron(r*w.workflows + f)}},
		}
	}
	return w.engine.Enrol(ctx, tx, repo, c, facts)
}

// answer has GitHub start the runs of all ticks in a stretch of time, one
// minute after each, and succeed.
func (w *world) answer(ctx context.Context, after, through time.Time) (ticks int, err error) {
	const batch = 200
	sets := map[string]schedule.Set{}
	for first := 0; first < w.repositories; first += batch {
		err := w.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
			for r := first; r < min(first+batch, w.repositories); r++ {
				for f := range w.workflows {
					spec := w.cron(r*w.workflows + f)
					set, ok := sets[spec]
					if !ok {
						set = schedule.Compile([]config.Cron{{Spec: spec}})
						sets[spec] = set
					}
					for _, t := range set.Between(after, through, 10) {
						w.runs++
						ticks++
						created := store.MillisOf(t.At.Add(time.Minute))
						if err := w.engine.Seen(ctx, tx, address(r), store.WorkflowRun{
							RunID: w.runs, Attempt: 1, WorkflowPath: file(f), Event: "schedule", HeadBranch: "main", Status: "completed",
							Conclusion: "success", CreatedAt: created, StartedAt: created, UpdatedAt: created,
						}); err != nil {
							return err
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			return ticks, err
		}
	}
	return ticks, nil
}

// cpu is the processor time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it fails for a bad pointer alone
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heap is what is in use after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
