package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/fallback"
)

const (
	// killTickRounds is in how many lives the tick of the test is looked after,
	// at least. They last long enough to get somewhere.
	killTickRounds = 6
	killTickLife   = 2500 * time.Millisecond
	// killTickLead is how long before the tick the workflows are watched.
	killTickLead = 10 * time.Second
)

// killTickKinds are what becomes of a tick.
var killTickKinds = []string{"dropped", "late", "intime"}

// ofTick says that an incident is one of the workflows with the tick.
func ofTick(inc fallback.Incident) bool {
	kind, _, _ := strings.Cut(filepath.Base(inc.Workflow), "-")
	return slices.Contains(killTickKinds, kind)
}

// killTicks are workflows with a schedule whose one tick comes during the test:
// GitHub drops the tick of some, delivers that of others late, and that of the
// rest in time.
type killTicks struct {
	at   time.Time
	over bool
}

func newKillTicks(now time.Time) *killTicks {
	return &killTicks{at: now.Add(2 * killTickLead).Truncate(time.Minute).Add(time.Minute)}
}

// files are the workflow files, and their lines of the configuration. The
// graces are a hundredth of what stands there, as everything is in the test.
func (k *killTicks) files(files map[string]string) (config string) {
	cron := k.at.UTC().Format("4 15 2 1 *")
	for _, kind := range killTickKinds {
		for i := range killWorkflows {
			name := fmt.Sprintf("%s-%d", kind, i)
			files[".github/workflows/"+name+".yml"] = "on: {schedule: [{cron: '" + cron + "'}]}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n"
			files[".github/workflows/stands-in-for-"+name+".yml"] = "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n"
			config += fmt.Sprintf("  - {file: %s.yml, effect: idempotent, schedule: {grace: 1m, deadline: 2m, catchup: all}, recover: [{dispatch: {workflow: stands-in-for-%s.yml, ref: main}}]}\n", name, name)
		}
	}
	return config
}

// near says that the tick comes soon.
func (k *killTicks) near() bool { return !k.over && time.Until(k.at) < killTickLead }

// wait waits for the tick, of which the clock on the wall is the signal.
func (k *killTicks) wait(t *testing.T) {
	select {
	case <-time.After(time.Until(k.at)):
	case <-t.Context().Done():
		t.Fatal("the tick did not come")
	}
}

// come is GitHub starting the runs of a kind of workflow.
func (k *killing) come(kind string) {
	for i := range killWorkflows {
		run, err := k.repo.StartRun(fmt.Sprintf("%s-%d.yml", kind, i), "schedule")
		if err == nil {
			err = run.Complete("success")
		}
		if err != nil {
			k.t.Fatal(err)
		}
	}
}

// tickRounds kills the server around the tick.
func (k *killing) tickRounds(random *rand.Rand, rounds int) {
	if k.ticks.over {
		return
	}
	k.ticks.over = true
	rounds = max(killTickRounds, rounds/10)
	late := random.IntN(rounds)
	for round := range rounds {
		c := start(k.t, k.bin, k.gh, k.data, k.env...)
		k.gh.SetHook(c.hook())
		if round == 0 {
			k.ticks.wait(k.t)
			k.come("intime")
		}
		if round == late {
			k.come("late")
		}
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(killTickLife))), c.kill)
		<-c.exited
		timer.Stop()
	}
}

// judgeTicks: the work of each tick is done, by its run or by what stands in for
// it, and by the latter only once.
func (k *killing) judgeTicks(incidents []fallback.Incident) {
	t := k.t
	byName := map[string][]fallback.Incident{}
	for _, inc := range incidents {
		if !ofTick(inc) {
			continue
		}
		name := strings.TrimSuffix(filepath.Base(inc.Workflow), ".yml")
		byName[name] = append(byName[name], inc)
		if inc.Tick == nil || !inc.Tick.Equal(k.ticks.at) {
			t.Errorf("incident %d of %s is about %v, and not about the tick: %s", inc.ID, name, inc.Tick, inc.Reason)
		}
	}
	started := map[string]int{}
	for _, run := range k.repo.Runs() {
		started[strings.TrimSuffix(filepath.Base(run.Workflow), ".yml")]++
	}
	outcomes := map[string]int{}
	for _, kind := range killTickKinds {
		for i := range killWorkflows {
			name := fmt.Sprintf("%s-%d", kind, i)
			stood, state := started["stands-in-for-"+name], fallback.State("none")
			if n := len(byName[name]); n > 1 {
				t.Errorf("%d incidents of one tick of %s", n, name)
			} else if n == 1 {
				state = byName[name][0].State
			}
			outcomes[fmt.Sprintf("%s %s %d", kind, state, stood)]++
			switch {
			case stood > 1:
				t.Errorf("the tick of %s was made up for %d times", name, stood)
			case kind == "intime" && (stood != 0 || state != "none" && state != fallback.Healthy):
				t.Errorf("the tick of %s was delivered in time, and its incident is %s, with %d runs in its place", name, state, stood)
			case kind == "late" && state != "none" && !state.Settled():
				t.Errorf("the tick of %s was delivered late, and its incident is %s", name, state)
			case kind == "dropped" && (stood != 1 || state != fallback.Recovered):
				t.Errorf("the tick of %s was dropped, and its incident is %s, with %d runs in its place", name, state, stood)
			}
		}
	}
	t.Logf("ticks by kind, incident and runs in their place: %v", outcomes)
}
