package history

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const jobsOf = "actions/list-jobs-for-workflow-run-attempt"

// queued makes runs that wait so long for their runner, and take a minute.
func (b *bench) queued(runs int, wait time.Duration) {
	b.Helper()
	for range runs {
		x, err := b.repo.StartRun(pushed, "push")
		if err == nil {
			b.clock.Advance(wait)
			err = x.Progress()
		}
		if err == nil {
			b.clock.Advance(time.Minute)
			err = x.Complete("success")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.clock.Advance(time.Minute)
}

// waits are the queue times on record, newest run first.
func (b *bench) waits() (list []time.Duration) {
	b.Helper()
	all, err := store.AttemptsOf(b.ctx, b.store.Read(), b.repo.ID, pushed, 0, 200)
	if err != nil {
		b.Fatal(err)
	}
	for _, a := range all {
		if a.BeganAt != 0 {
			list = append(list, a.BeganAt.Time().Sub(a.StartedAt.Time()))
		}
	}
	return list
}

func TestPastTeachesQueueTimes(t *testing.T) {
	ten := func(d time.Duration) (list []time.Duration) {
		for range sampled {
			list = append(list, d)
		}
		return list
	}
	for name, tc := range map[string]struct {
		runs  int
		wait  time.Duration
		fault githubtest.Fault
		want  []time.Duration
	}{
		"the newest ten":        {30, 40 * time.Minute, githubtest.Fault{}, ten(40 * time.Minute)},
		"no more than there is": {2, time.Minute, githubtest.Fault{}, []time.Duration{time.Minute, time.Minute}},
		"one is not shown":      {30, 40 * time.Minute, githubtest.Fault{Kind: githubtest.Status, Code: 404}, ten(40 * time.Minute)[1:]},
		"none is shown":         {30, 40 * time.Minute, githubtest.Fault{Kind: githubtest.Status, Code: 403, Times: -1}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, githubtest.Config{})
			b.queued(tc.runs, tc.wait)
			if tc.fault.Kind != 0 {
				tc.fault.Operation = jobsOf
				b.gh.Fault(tc.fault)
			}
			b.enrol("0 * * * *", b.at)
			b.work()
			if diff := cmp.Diff(tc.want, b.waits()); diff != "" {
				t.Errorf("queue times (-want +got):\n%s", diff)
			}
			if n := b.gh.Count(jobsOf); n > sampled {
				t.Errorf("jobs were read %d times", n)
			}
			if b.watch(pushed).HistoryAt == 0 {
				t.Error("the past is not marked as read")
			}
		})
	}
}

// Below half of the limit no jobs are read, and the runs all the same.
func TestPastQueueTimesYieldToTheLimit(t *testing.T) {
	b := newBench(t, githubtest.Config{RateLimit: 14})
	b.queued(30, 40*time.Minute)
	b.enrol("0 * * * *", b.at)
	b.queue.drop(queue.ScanRuns{}.Kind())
	b.work()
	if n := b.gh.Count(jobsOf); n != sampledAtOnce {
		t.Errorf("jobs were read %d times, want %d", n, sampledAtOnce)
	}
	past, err := b.store.PastRuns(b.ctx, b.repo.ID, pushed, "main", 0, 1000)
	if err != nil || len(past) != 30 {
		t.Errorf("%d runs on record (%v), want all", len(past), err)
	}
}

// While the record does not name the default branch, GitHub is asked; and while
// it does not say, nothing passes for read.
func TestPastOfAnUnknownBranch(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"GitHub says":          {},
		"it fails for a while": {Kind: githubtest.Status, Code: 404, Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, githubtest.Config{})
			b.live(25, 5)
			b.update(func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.NewRaw("UPDATE repositories SET default_branch = ''").Exec(ctx)
				return err
			})
			if fault.Kind != 0 {
				fault.Operation = "repos/get"
				b.gh.Fault(fault)
			}
			b.enrol("0 * * * *", b.at)
			for range 60 {
				b.pass(time.Minute)
				w := b.watch(hourly)
				if w.HistoryAt != 0 && w.Samples != 25 {
					t.Fatalf("%d delays were learned, and the past passes for read", w.Samples)
				}
				if b.gh.Count("repos/get") <= fault.Times && w.HistoryAt != 0 {
					t.Fatal("the past passes for read before GitHub named the branch")
				}
			}
			if b.watch(hourly).HistoryAt == 0 || b.scan().ScannedAt == 0 {
				t.Error("the past was not read, or nothing compared")
			}
		})
	}
}
