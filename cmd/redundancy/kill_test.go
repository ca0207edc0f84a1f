package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// killWorkflows is how many workflows of each kind are watched, and
// killIncidents how many incidents the test makes at most: one listing shows a
// thousand.
const (
	killWorkflows = 3
	killIncidents = 900
)

// TestKillNineAtRandomPoints kills the server again and again while runs fail,
// and then looks at what GitHub and the host saw: every acknowledged delivery
// was handled, and no step ran twice.
func TestKillNineAtRandomPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("starts many processes; part of make test")
	}
	rounds := 10
	if v := os.Getenv("REDUNDANCY_FAULT_ROUNDS"); v != "" {
		var err error
		if rounds, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	seed := rand.Uint64()
	t.Logf("%d rounds, seed %d", rounds, seed)
	random := rand.New(rand.NewPCG(seed, 1))
	k := newKilling(t)
	var failed []*githubtest.Run
	for round := range rounds {
		if round > 0 && k.ticks.near() {
			k.tickRounds(random, rounds)
		}
		c := start(t, k.bin, k.gh, k.data, k.env...)
		k.gh.SetHook(c.hook())
		if round == 0 {
			k.gh.Install("acme")
		}
		dead := make(chan struct{})
		timer := time.AfterFunc(time.Duration(random.IntN(400))*time.Millisecond, func() { c.kill(); close(dead) })
		failed = append(failed, k.fail(random, min(3*killWorkflows, max(1, killIncidents/rounds)))...)
		<-dead
		timer.Stop()
	}
	k.tickRounds(random, rounds)
	c := start(t, k.bin, k.gh, k.data, k.env...)
	k.gh.SetHook(c.hook())
	k.judge(c, failed)
}

// killing is the world of the test.
type killing struct {
	t         *testing.T
	gh        *githubtest.Server
	repo      *githubtest.Repo
	bin, data string
	made      int      // failed jobs
	env       []string // of the server
	ticks     *killTicks
}

func newKilling(t *testing.T) *killing {
	// Hundreds of starts within minutes, with intervals divided by a hundred, are
	// no hour of a server: the hourly limit is not what is tested here.
	gh, err := githubtest.Start(githubtest.Config{RateLimit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gh.Close() })
	// Nor are budgets, of which a day's are needed within minutes.
	k := &killing{t: t, gh: gh, bin: program(t), data: t.TempDir(), env: []string{"REDUNDANCY_BUDGET_SCALE=1000"}, ticks: newKillTicks(time.Now())}
	files := map[string]string{}
	cfg := "version: 1\nworkflows:\n"
	agent := "actions:\n"
	for i := range killWorkflows {
		for kind, recover := range map[string]string{
			"dispatch": fmt.Sprintf("[{dispatch: {workflow: fallback-%d.yml, ref: main}}]", i),
			"rerun":    "[{rerun: {attempts: 1}}]",
			"local":    fmt.Sprintf("[{run: {host: local, action: act-%d}}]", i),
		} {
			files[fmt.Sprintf(".github/workflows/%s-%d.yml", kind, i)] = demoFile("marketing-sync.yml")
			cfg += fmt.Sprintf("  - {file: %s-%d.yml, recover: %s, breaker: {failures: 1000}}\n", kind, i, recover)
		}
		files[fmt.Sprintf(".github/workflows/fallback-%d.yml", i)] = "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: \"true\"}]}}\n"
		script := filepath.Join(k.data, fmt.Sprintf("act-%d.sh", i))
		content := fmt.Appendf(nil, "echo x >>%s.ran\n", script)
		if err := os.WriteFile(script, content, 0o700); err != nil {
			t.Fatal(err)
		}
		agent += fmt.Sprintf("  act-%d: {argv: [/bin/sh, %q], sha256: \"%x\"}\n", i, script, sha256.Sum256(content))
	}
	files[".github/redundancy.yml"] = cfg + k.ticks.files(files)
	if err := os.WriteFile(filepath.Join(k.data, "agent.yml"), []byte(agent), 0o600); err != nil {
		t.Fatal(err)
	}
	if k.repo, err = gh.AddRepo("acme", "site", files); err != nil {
		t.Fatal(err)
	}
	gh.SetRunner(func(*githubtest.Run) string { return "success" })
	return k
}

// fail makes one run each of n watched workflows fail.
func (k *killing) fail(random *rand.Rand, n int) []*githubtest.Run {
	var out []*githubtest.Run
	kinds := []string{"dispatch", "rerun", "local"}
	for _, i := range random.Perm(len(kinds) * killWorkflows)[:n] {
		run, err := k.repo.StartRun(fmt.Sprintf("%s-%d.yml", kinds[i%len(kinds)], i/len(kinds)), "schedule")
		if err == nil {
			err = run.Complete("failure", k.job())
		}
		if err != nil {
			k.t.Fatal(err)
		}
		out = append(out, run)
	}
	return out
}

// job fails in a way that no other one did: the same failure within half an
// hour of its recovery would be cooled down, which is not what is tested here.
// The difference is in words, since numbers in an error line do not count.
func (k *killing) job() githubtest.Job {
	k.made++
	word := strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%05d", k.made))
	return githubtest.Job{Name: "post", Conclusion: "failure", Log: "Error: " + word + " is not there\n"}
}

// judge lets everything come to rest and counts effects.
func (k *killing) judge(c *child, failed []*githubtest.Run) {
	t := k.t
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Duration(len(failed))*200*time.Millisecond)
	defer cancel()
	t.Setenv("REDUNDANCY_LISTEN", c.address)
	t.Setenv("REDUNDANCY_DATA_DIR", k.data)
	flags := clientFlags{}
	client, err := flags.client()
	if err != nil {
		t.Fatal(err)
	}
	incidents := k.rest(ctx, c, client, len(failed)+killWorkflows)
	states := map[fallback.State]int{}
	byRun := map[int64]fallback.Incident{}
	for _, inc := range incidents {
		if ofTick(inc) || inc.Signal == fallback.Upstream {
			continue // judgeTicks looks at those of ticks
		}
		states[inc.State]++
		if _, twice := byRun[inc.Run]; twice {
			t.Errorf("two incidents for run %d", inc.Run)
		}
		byRun[inc.Run] = inc
	}
	t.Logf("%d failed runs, incidents by state: %v", len(failed), states)
	failures, givenUp := map[string]int{}, 0 // by workflow
	for _, run := range failed {
		inc, ok := byRun[run.ID]
		if !ok {
			t.Errorf("run %d of %s failed and has no incident", run.ID, run.Workflow)
			continue
		}
		switch inc.State {
		case fallback.Recovered, fallback.Healthy:
		case fallback.InDoubt, fallback.Exhausted:
			// Killed where nobody can tell, or killed twice before the same step
			// was sent: it is given up rather than tried without end.
			givenUp++
			t.Logf("incident %d of %s ended %s: %s", inc.ID, run.Workflow, inc.State, inc.Reason)
		default:
			t.Errorf("incident %d of %s ended %s: %s", inc.ID, run.Workflow, inc.State, inc.Reason)
		}
		name := strings.TrimSuffix(filepath.Base(run.Workflow), ".yml")
		failures[name]++
		if strings.HasPrefix(name, "rerun-") && run.Attempt() > 2 {
			t.Errorf("run %d was re-run %d times", run.ID, run.Attempt()-1)
		}
	}
	for i := range killWorkflows {
		children := 0
		for _, run := range k.repo.Runs() {
			if strings.HasSuffix(run.Workflow, fmt.Sprintf("/fallback-%d.yml", i)) {
				children++
			}
		}
		if want := failures[fmt.Sprintf("dispatch-%d", i)]; children > want {
			t.Errorf("fallback-%d ran %d times for %d failures", i, children, want)
		}
		want := failures[fmt.Sprintf("local-%d", i)]
		ran, err := os.ReadFile(filepath.Join(k.data, fmt.Sprintf("act-%d.sh.ran", i)))
		if err != nil && want > 0 {
			t.Error(err)
		}
		if n := strings.Count(string(ran), "\n"); n > want {
			t.Errorf("act-%d ran %d times for %d failures", i, n, want)
		}
	}
	k.judgeTicks(incidents)
	if givenUp*20 > len(failed) {
		t.Errorf("%d of %d incidents were given up: too easily", givenUp, len(failed))
	}
	k.acknowledged(ctx, client)
	for _, v := range k.gh.Violations() {
		t.Errorf("GitHub would have refused: %s", v)
	}
}

// rest waits until every failure and every dropped tick has an incident, and
// none is being worked on. A hundredth of an hour holds so many failures that
// they can look like an outage, which is an incident, too.
func (k *killing) rest(ctx context.Context, c *child, client *client, want int) []fallback.Incident {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var list api.IncidentList
		if err := client.call(ctx, http.MethodGet, "incidents?all=true&limit=1000", nil, &list); err != nil {
			k.t.Fatalf("%v; the server said:\n%s", err, tail(c.said(), 40))
		}
		active, known := 0, 0
		for _, inc := range list.Incidents {
			if inc.State.Active() {
				active++
			}
			if inc.Signal != fallback.Upstream {
				known++
			}
		}
		if known >= min(want, 1000) && active == 0 {
			return list.Incidents
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			for _, inc := range list.Incidents {
				if inc.State.Active() {
					k.t.Logf("incident %d of %s: %s, %s", inc.ID, inc.Workflow, inc.State, inc.Reason)
				}
			}
			k.t.Fatalf("%d of %d incidents, %d still active; the server said:\n%s", known, want, active, tail(c.said(), 40))
		}
	}
}

// tail is the last n lines.
func tail(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// acknowledged looks up every delivery that was answered with 2xx: each one is
// stored, and handled in the end.
func (k *killing) acknowledged(ctx context.Context, client *client) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		sent := k.gh.Deliveries() // before the listing: more may arrive during it
		stored := k.stored(ctx, client)
		acked, waiting := 0, ""
		for _, d := range sent {
			if d.StatusCode/100 != 2 {
				continue
			}
			acked++
			got, ok := stored[d.GUID]
			if !ok {
				k.t.Errorf("delivery %s (%s) was acknowledged with %d and is not stored", d.GUID, d.Event, d.StatusCode)
			} else if got.ProcessedAt == nil {
				waiting = fmt.Sprintf("delivery %s (%s): %s", d.GUID, d.Event, got.Error)
			}
		}
		if waiting == "" || k.t.Failed() {
			k.t.Logf("%d deliveries acknowledged and looked up", acked)
			if acked == 0 {
				k.t.Error("nothing was acknowledged: the test shows nothing")
			}
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			k.t.Fatalf("never handled: %s", waiting)
		}
	}
}

func (k *killing) stored(ctx context.Context, client *client) map[string]api.Delivery {
	stored := map[string]api.Delivery{}
	for before := int64(0); ; {
		q := url.Values{"limit": {"100"}}
		if before > 0 {
			q.Set("before", strconv.FormatInt(before, 10))
		}
		var page api.DeliveryList
		if err := client.call(ctx, http.MethodGet, "deliveries?"+q.Encode(), nil, &page); err != nil {
			k.t.Fatal(err)
		}
		if len(page.Deliveries) == 0 {
			return stored
		}
		for _, d := range page.Deliveries {
			stored[d.GUID] = d
			before = d.Cursor
		}
	}
}
