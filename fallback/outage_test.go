package fallback

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback/schedule"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

const (
	secondPath = ".github/workflows/second.yml"
	thirdPath  = ".github/workflows/third.yml"
)

// fleet are many repositories on one bench, whose runs begin or not as
// GitHub is.
type fleet struct {
	*bench
	repos []*githubtest.Repo
	rand  *rand.Rand
	share float64 // of starts that fail
	tried int
}

func newFleet(t *testing.T, repos int, flow config.Workflow) *fleet {
	t.Helper()
	f := &fleet{bench: newBenchOn(t, githubtest.Config{RateLimit: 1 << 20}, flow), rand: rand.New(rand.NewPCG(7, 9))}
	// What most of these tests are about is not the budgets, of which a server
	// that knows of no other runs has one of 100.
	f.budgets = Budgets{Floor: -1}
	f.restart()
	files := map[string]string{secondPath: workflows[primaryPath], thirdPath: workflows[primaryPath]}
	for path, text := range workflows {
		files[path] = text
	}
	for i := range repos {
		r, err := f.gh.AddRepo("acme", fmt.Sprintf("site-%03d", i), files)
		if err != nil {
			t.Fatal(err)
		}
		f.repos = append(f.repos, r)
	}
	flow = f.configs.c.Workflows[0]
	for _, path := range []string{secondPath, thirdPath} {
		flow.File = path
		f.configs.c.Workflows = append(f.configs.c.Workflows, flow)
	}
	return f
}

// yesterday puts the last day of hourly runs on record.
func (f *fleet) yesterday() {
	f.Helper()
	err := f.store.Update(f.ctx, func(ctx context.Context, tx *store.Tx) error {
		for i, r := range f.repos {
			for h := range 24 {
				at := store.MillisOf(f.clock.Now().Add(-time.Duration(h)*time.Hour - 5*time.Minute))
				run := store.WorkflowRun{
					RepoID: r.ID, RunID: int64(i*100 + h + 1), Attempt: 1, WorkflowPath: primaryPath, Event: schedule.Event, HeadBranch: "main",
					Status: "completed", Conclusion: "success", CreatedAt: at, StartedAt: at, UpdatedAt: at, ObservedAt: at,
				}
				if _, err := tx.NewInsert().Model(&run).Exec(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fleet) address(r *githubtest.Repo) queue.Repo {
	return queue.Repo{InstallationID: f.at.InstallationID, ID: r.ID, Owner: "acme", Name: r.Name}
}

// start is GitHub starting a run of the schedule.
func (f *fleet) start(r *githubtest.Repo, workflow string) {
	f.Helper()
	if _, err := r.StartRun(workflow, schedule.Event); err != nil {
		f.Fatal(err)
	}
}

// turn ends what is queued, as GitHub is at the moment, tells of it, and lets
// a stretch of time pass.
func (f *fleet) turn(d time.Duration) {
	f.Helper()
	for _, r := range f.repos {
		for _, x := range r.Runs() {
			if x.Status() == "completed" {
				continue
			}
			conclusion := "success"
			if f.rand.Float64() < f.share {
				conclusion = startupFailure
			}
			f.tried++
			f.end(x, conclusion)
			f.enqueue(queue.ObserveRun{Repo: f.address(r), RunID: x.ID, DeliveryID: "d"}.Item())
		}
	}
	f.pass(d)
}

// acts are the steps on GitHub, oldest first.
func (f *fleet) acts() []store.Step {
	f.Helper()
	var list []store.Step
	err := f.store.Read().NewSelect().Model(&list).Where("epoch <> 0").Where("state NOT IN ('not_sent', 'not_done')").OrderExpr("intent_at, id").Scan(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	return list
}

// phase is a stretch in the life of an upstream incident.
type phase struct {
	state string // open | half open | closed
	from  store.Millis
}

func (f *fleet) phases(up Incident) []phase {
	var list []phase
	for _, ev := range up.Timeline {
		at := store.MillisOf(ev.At)
		switch {
		case strings.Contains(ev.Reason, "not working"):
			list = append(list, phase{"open", at})
		case strings.Contains(ev.Reason, "may be working"):
			list = append(list, phase{"half open", at})
		case strings.Contains(ev.Reason, "works again"):
			list = append(list, phase{"closed", at})
		}
	}
	return list
}

func during(phases []phase, at store.Millis) (string, store.Millis) {
	state, from := "before", store.Millis(0)
	for _, p := range phases {
		if p.from <= at {
			state, from = p.state, p.from
		}
	}
	return state, from
}

// TestOutage is an outage like that of 2026-07-09: for 20 minutes 96 % of all
// starts fail, in 200 repositories. It is one incident; nothing is started
// while it is open; then everything is made up for, slowly.
func TestOutage(t *testing.T) {
	if testing.Short() {
		t.Skip("200 repositories")
	}
	f := newFleet(t, 200, config.Workflow{Recover: []config.Step{rerun}, Effect: config.Idempotent})
	f.budgets = Budgets{} // those of every server: a tenth of a day's runs is enough
	f.restart()
	f.yesterday()
	const step = 10 * time.Second
	begun := f.clock.Now()
	for range 6 { // a quiet minute before
		f.turn(step)
	}
	var upstream int64
	for i := range 120 { // the outage: each repository has its tick, some have several
		f.share = 0.96
		r := f.repos[i*len(f.repos)/120]
		f.start(r, primaryPath)
		if i%3 != 0 {
			f.start(f.repos[(i*len(f.repos)/120+1)%len(f.repos)], primaryPath)
		}
		if i%12 == 0 {
			f.start(r, secondPath)
			f.start(r, thirdPath)
		}
		if i%20 == 10 || i%20 == 14 { // two ticks of one workflow: the first is not wanted any more
			f.start(f.repos[len(f.repos)-1-i/20], secondPath)
		}
		f.turn(step)
		if i == 60 {
			f.restart() // nothing of it is in memory
		}
	}
	list, err := f.engine.Incidents(f.ctx, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, inc := range list {
		if inc.Signal == Upstream {
			upstream = inc.ID
		} else if !inc.State.Settled() {
			t.Errorf("incident %d of %s is listed beside the upstream incident: %s, %s", inc.ID, inc.Repo.FullName(), inc.State, inc.Reason)
		}
	}
	if upstream == 0 {
		t.Fatalf("no upstream incident among %d", len(list))
	}
	parts, err := f.engine.Incidents(f.ctx, Filter{Upstream: upstream, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) < 100 {
		t.Errorf("the upstream incident has %d parts", len(parts))
	}

	f.share = 0
	for range 70 * 6 { // over an hour: the longest pause, and the drain
		f.turn(step)
	}

	up := f.incident(upstream)
	for _, ev := range up.Timeline {
		t.Logf("%s %s → %s: %s", ev.At.Sub(begun), ev.From, ev.To, ev.Reason)
	}
	f.wantState(up, Healthy)
	all, err := f.engine.Incidents(f.ctx, Filter{All: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	states := map[State]int{}
	for _, inc := range all {
		states[inc.State]++
		if inc.Signal == Upstream && inc.ID != upstream {
			t.Errorf("a second upstream incident, %d: %s", inc.ID, inc.Reason)
		}
		if !inc.State.Settled() {
			t.Errorf("incident %d is %s: %s", inc.ID, inc.State, inc.Reason)
		}
	}
	t.Logf("%d incidents: %v; %d starts", len(all), states, f.tried)
	if states[Recovered] < 150 || states[Superseded] == 0 {
		t.Errorf("%v: want most of them recovered, and those dropped for which a newer one came", states)
	}

	phases := f.phases(up)
	probes := map[store.Millis]int{}
	count := map[string]int{}
	after := map[int64][]time.Time{}
	for _, st := range f.acts() {
		state, from := during(phases, st.IntentAt)
		count[state]++
		switch state {
		case "open":
			t.Errorf("step %d (%s) began at %s, while the incident was open", st.ID, st.Kind, st.IntentAt.Time().Sub(begun))
		case "half open":
			probes[from]++
		case "closed":
			after[st.RepoID] = append(after[st.RepoID], st.IntentAt.Time())
		}
	}
	t.Logf("steps by phase: %v", count)
	if count["before"] > 3 {
		t.Errorf("%d steps before the incident opened, want at most 3", count["before"])
	}
	for at, n := range probes {
		if n > 2 {
			t.Errorf("%d probes in the half-open phase at %s", n, at.Time().Sub(begun))
		}
	}
	busiest := 0
	for repo, times := range after {
		slices.SortFunc(times, time.Time.Compare)
		busiest = max(busiest, len(times))
		for i := 1; i < len(times); i++ {
			if gap := times[i].Sub(times[i-1]); gap < 20*time.Second {
				t.Errorf("two recoveries of repository %d within %s", repo, gap)
			}
		}
	}
	if busiest < 2 {
		t.Errorf("no repository had more than one to drain: the rate was not tried")
	}
}
