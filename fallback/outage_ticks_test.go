package fallback

import (
	"context"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// enrolAll puts the hourly primaries of all repositories under watch.
func (f *fleet) enrolAll() {
	f.Helper()
	facts := map[string]config.WorkflowFacts{}
	for path, text := range scheduled("0 * * * *") {
		x, err := config.ReadWorkflow(path, []byte(text))
		if err != nil {
			f.Fatal(err)
		}
		facts[path] = x
	}
	f.configs.c.Workflows = f.configs.c.Workflows[:1]
	err := f.store.Update(f.ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, r := range f.repos {
			row := store.Repository{ID: r.ID, InstallationID: f.at.InstallationID, Owner: "acme", Name: r.Name, DefaultBranch: "main", SeenAt: 1}
			if _, err := store.SaveRepositories(ctx, tx, []store.Repository{row}); err != nil {
				return err
			}
			if err := f.engine.Enrol(ctx, tx, f.address(r), f.configs.c, facts); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
}

// TestOutageSettlesAllTicks: GitHub starts none of two hours' runs, and afterwards
// each tick has been answered, made up for, or given up for a newer one.
func TestOutageSettlesAllTicks(t *testing.T) {
	// Six repositories with two ticks each. With latest, the first one of a
	// repository is made up for only where it is the probe, before the second came.
	for catchup, want := range map[config.Catchup][2]int{config.CatchupLatest: {6, 7}, config.CatchupAll: {12, 12}} {
		t.Run(string(catchup), func(t *testing.T) { outageOfTicks(t, catchup, want) })
	}
}

func outageOfTicks(t *testing.T, catchup config.Catchup, want [2]int) {
	f := newFleet(t, 6, config.Workflow{Effect: config.Idempotent, Recover: []config.Step{dispatch}, Schedule: config.Schedule{Catchup: catchup}})
	f.clock.Advance(dawn.Sub(f.clock.Now()))
	f.restart() // a process that was started before all of it
	f.enrolAll()
	last := 11
	for h := 4; h <= last; h++ {
		f.pass(hour(h, 1).Sub(f.clock.Now()))
		if h != 6 && h != 7 {
			for _, r := range f.repos {
				f.start(r, primaryPath)
			}
		}
		for range 5 {
			f.turn(10 * time.Minute)
		}
	}
	upstream, made := 0, 0
	list, err := f.engine.Incidents(f.ctx, Filter{All: true, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	byTick := map[int64]map[time.Time]State{}
	for _, inc := range list {
		switch {
		case !inc.State.Settled():
			t.Errorf("incident %d of %s is %s: %s", inc.ID, inc.Repo.FullName(), inc.State, inc.Reason)
		case inc.Signal == Upstream:
			upstream++
		case inc.Tick != nil:
			if byTick[inc.Repo.ID] == nil {
				byTick[inc.Repo.ID] = map[time.Time]State{}
			}
			byTick[inc.Repo.ID][inc.Tick.UTC()] = inc.State
			if inc.State == Recovered {
				made++
			}
		}
	}
	if upstream != 1 {
		t.Errorf("%d upstream incidents", upstream)
	}
	for _, r := range f.repos {
		answered := map[time.Time]bool{}
		answers, err := store.RunTicks(f.ctx, f.store.Read(), r.ID, primaryPath, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range answers {
			answered[a.TickAt.Time().UTC()] = true
		}
		for h := 4; h <= last; h++ {
			state, ok := byTick[r.ID][hour(h, 0)]
			if !ok && !answered[hour(h, 0)] {
				t.Errorf("%s: nothing is known of the tick of %02d:00", r.Name, h)
			}
			if (h == 6 || h == 7) != ok {
				t.Errorf("%s: the tick of %02d:00 has the incident %q", r.Name, h, state)
			}
		}
	}
	if n := f.effects()[kindDispatch]; n != made || n < want[0] || n > want[1] {
		t.Errorf("%d dispatches, %d ticks made up for, want %v", n, made, want)
	}
}
