package history

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// live makes the runs of the hourly schedule, so many minutes late in turn, for
// a number of hours. Every seventh fails.
func (b *bench) live(hours int, late ...int) (delays []time.Duration) {
	b.Helper()
	for i := range hours {
		tick := b.clock.Now().Truncate(time.Hour).Add(time.Hour)
		delay := time.Duration(late[i%len(late)]) * time.Minute
		b.clock.Advance(tick.Add(delay).Sub(b.clock.Now()))
		conclusion := "success"
		if i%7 == 0 {
			conclusion = "failure"
		}
		b.run(hourly, "schedule", conclusion)
		delays = append(delays, delay)
	}
	b.clock.Advance(10 * time.Minute)
	return delays
}

func TestPastIsLearnedFrom(t *testing.T) {
	b := newBench(t, githubtest.Config{})
	delays := b.live(60, 5, 12, 25, 38)
	b.enrol("0 * * * *", b.at)
	others := b.work()

	w, want := b.watch(hourly), schedule.Learn(delays)
	got := schedule.Grace{Soft: time.Duration(w.Soft) * time.Millisecond, Hard: time.Duration(w.Hard) * time.Millisecond, Samples: w.Samples}
	if diff := cmp.Diff(schedule.Grace{Soft: want.Soft, Hard: want.Hard, Samples: 60}, got); diff != "" {
		t.Errorf("grace after the past was read (-want +got):\n%s", diff)
	}
	if want.Soft <= schedule.DefaultSoft {
		t.Fatal("the delays of this test teach nothing")
	}
	for _, path := range []string{hourly, pushed} {
		if b.watch(path).HistoryAt == 0 {
			t.Errorf("the past of %s is not marked as read", path)
		}
	}
	past, err := b.store.PastRuns(b.ctx, b.repo.ID, hourly, "main", 0, 1000)
	if err != nil || len(past) != 60 {
		t.Errorf("%d past runs on record (%v), want 60", len(past), err)
	}
	for _, r := range past {
		if at := r.CreatedAt.Time().Truncate(time.Hour); r.TickAt.Time() != at {
			t.Fatalf("the run of %s answers the tick of %s", r.CreatedAt.Time(), r.TickAt.Time())
		}
	}
	// Failures of the past are nobody's.
	if ids := observed(others); len(ids) > 0 || b.incidents() > 0 {
		t.Errorf("past runs are acted upon: %v, %d incidents", ids, b.incidents())
	}
	// Nothing is read twice.
	before := b.gh.Count("actions/list-workflow-runs")
	b.update(func(ctx context.Context, tx *store.Tx) error { return b.Wake(ctx, tx) })
	b.work()
	if n := b.gh.Count("actions/list-workflow-runs"); n != before {
		t.Errorf("%d more lists although all is read", n-before)
	}
}

func TestPastIsBounded(t *testing.T) {
	b := newBench(t, githubtest.Config{})
	b.live(24*30, 5) // more than 28 days, and than 300 runs
	b.enrol("0 * * * *", b.at)
	b.work()
	past, err := b.store.PastRuns(b.ctx, b.repo.ID, hourly, "main", 0, 10000)
	if err != nil || len(past) != 200 {
		t.Errorf("%d runs were read (%v), want the newest 200 of the schedule", len(past), err)
	}
	if n := b.gh.Count("actions/list-workflow-runs"); n > 2*pastPages {
		t.Errorf("%d lists for two workflows", n)
	}
	old := b.clock.Now().Add(-window)
	for _, r := range past {
		if r.CreatedAt.Time().Before(old) {
			t.Errorf("the run of %s is older than the window", r.CreatedAt.Time())
		}
	}
}

// A run that another schedule has started must not teach this one its delay.
func TestPastOfAnotherSchedule(t *testing.T) {
	for name, tc := range map[string]struct{ before, after int }{
		"changed in the middle": {40, 25},
		"changed at the end":    {40, 0},
		"changed before all":    {0, 25},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, githubtest.Config{})
			b.live(tc.before, 45) // as those of "45 * * * *" on time
			if _, err := b.repo.Push("main", files("30 * * * *"), "half past"); err != nil {
				t.Fatal(err)
			}
			b.live(tc.after, 37)
			b.enrol("30 * * * *", b.at)
			b.work()
			if w := b.watch(hourly); w.Samples != tc.after {
				t.Errorf("%d delays were learned from, want %d", w.Samples, tc.after)
			}
			past, err := b.store.PastRuns(b.ctx, b.repo.ID, hourly, "main", 0, 1000)
			if err != nil || len(past) != tc.before+tc.after {
				t.Errorf("%d runs on record (%v), want %d: they tell of health all the same", len(past), err, tc.before+tc.after)
			}
			if n := b.gh.Count("repos/get-content"); n > 8 {
				t.Errorf("the file was read %d times", n)
			}
		})
	}
}

func TestPastWaitsWhenTheLimitIsShort(t *testing.T) {
	b := newBench(t, githubtest.Config{RateLimit: 5})
	b.live(24*9, 5)
	b.enrol("0 * * * *", b.at)
	b.queue.drop(queue.ScanRuns{}.Kind())
	b.work()
	used := len(b.gh.Calls())
	if b.watch(pushed).HistoryAt != 0 && b.watch(hourly).HistoryAt != 0 {
		t.Fatal("all was read within the limit: this test tests nothing")
	}
	if used > 5 { // a token and four reads
		t.Errorf("%d requests: less than three tenths of the limit are left to others", used)
	}
	b.pass(30 * time.Minute)
	if n := len(b.gh.Calls()); n != used {
		t.Errorf("%d more requests before the reset", n-used)
	}
	b.pass(3 * time.Hour)
	for _, path := range []string{hourly, pushed} {
		if b.watch(path).HistoryAt == 0 {
			t.Errorf("the past of %s was not read after the reset", path)
		}
	}
}

// A workflow whose past GitHub does not show must not keep those behind it waiting.
func TestPastThatIsRefused(t *testing.T) {
	b := newBench(t, githubtest.Config{})
	b.live(30, 5)
	b.gh.Fault(githubtest.Fault{Operation: "actions/list-workflow-runs", PathRegexp: "pushed", Kind: githubtest.Status, Code: 403, Times: -1})
	b.enrol("0 * * * *", b.at)
	b.work()
	if b.watch(pushed).HistoryAt != 0 || b.watch(hourly).Samples != 30 {
		t.Errorf("refused %+v, beside it %+v", b.watch(pushed), b.watch(hourly))
	}
	// It is asked for ever more rarely, and given up in the end.
	b.queue.drop(queue.ScanRuns{}.Kind())
	b.pass(20 * 24 * time.Hour)
	refused := 0
	for _, c := range b.gh.Calls() {
		if strings.Contains(c.Path, "pushed.yml") && c.Status == 403 {
			refused++
		}
	}
	if refused != maxRefusals+1 || b.watch(pushed).HistoryAt == 0 {
		t.Errorf("asked for %d times in twenty days, given up %v", refused, b.watch(pushed).HistoryAt.Time())
	}
}

// One that is refused for a while is read when it is not any more.
func TestPastThatIsRefusedForAWhile(t *testing.T) {
	for _, code := range []int{403, 404, 451} {
		b := newBench(t, githubtest.Config{})
		b.live(30, 5)
		b.gh.Fault(githubtest.Fault{Operation: "actions/list-workflow-runs", Kind: githubtest.Status, Code: code, Times: 5})
		b.enrol("0 * * * *", b.at)
		b.work()
		b.queue.drop(queue.ScanRuns{}.Kind())
		b.pass(time.Hour)
		b.restart()
		b.pass(24 * time.Hour)
		if w := b.watch(hourly); w.Samples != 30 || w.HistoryAt == 0 {
			t.Errorf("%d: a day later %d delays were learned", code, w.Samples)
		}
	}
}

// What was started again before it was watched counts by its first attempt.
func TestPastOfARerun(t *testing.T) {
	for _, first := range []string{"success", "failure", "cancelled"} {
		b := newBench(t, githubtest.Config{})
		x := b.run(hourly, "schedule", first)
		b.clock.Advance(time.Hour)
		if err := x.Rerun("octocat"); err != nil {
			t.Fatal(err)
		}
		if err := x.Complete("success"); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Hour)
		b.enrol("0 * * * *", b.at)
		b.work()
		past, err := b.store.PastRuns(b.ctx, b.repo.ID, hourly, "main", 0, 10)
		if err != nil || len(past) != 1 || past[0].Conclusion != first {
			t.Errorf("a run whose first attempt was a %s counts as %+v (%v)", first, past, err)
		}
		known, err := b.store.KnownRuns(b.ctx, b.repo.ID, []int64{x.ID})
		if err != nil || known[x.ID].Attempt != 2 {
			t.Errorf("%+v (%v), want the second attempt on record, too", known, err)
		}
	}
}

// One whose first attempt GitHub does not show is left out.
func TestPastOfARerunThatIsNotShown(t *testing.T) {
	for _, code := range []int{403, 404} {
		b := newBench(t, githubtest.Config{})
		b.live(10, 5)
		x := b.run(hourly, "schedule", "success")
		if err := x.Rerun("octocat"); err != nil {
			t.Fatal(err)
		}
		if err := x.Complete("success"); err != nil {
			t.Fatal(err)
		}
		b.clock.Advance(time.Hour)
		b.gh.Fault(githubtest.Fault{Operation: "actions/get-workflow-run-attempt", Kind: githubtest.Status, Code: code, Times: -1})
		b.enrol("0 * * * *", b.at)
		b.work()
		past, err := b.store.PastRuns(b.ctx, b.repo.ID, hourly, "main", 0, 100)
		if err != nil || len(past) != 10 || b.watch(hourly).HistoryAt == 0 {
			t.Errorf("%d: %d runs count (%v), want 10", code, len(past), err)
		}
	}
}
