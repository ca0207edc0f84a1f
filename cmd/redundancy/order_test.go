package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// arrangements are orders in which the webhooks of one run can arrive: each
// order of the three, each in three multiplicities.
func arrangements() [][]string {
	var out [][]string
	for _, o := range [][]string{
		{"requested", "in_progress", "completed"}, {"requested", "completed", "in_progress"}, {"in_progress", "requested", "completed"},
		{"in_progress", "completed", "requested"}, {"completed", "requested", "in_progress"}, {"completed", "in_progress", "requested"},
	} {
		out = append(out, o,
			[]string{o[0], o[0], o[1], o[1], o[2], o[2]},
			[]string{o[0], o[1], o[2], o[2], o[1], o[0], o[0], o[1], o[2]})
	}
	return out
}

// ordering is a repository with a watched workflow and its fallback per
// arrangement.
type ordering struct {
	gh   *githubtest.Server
	repo *githubtest.Repo
	list [][]string
	runs []*githubtest.Run
}

func newOrdering(t *testing.T) *ordering {
	o := &ordering{gh: startGitHub(t), list: arrangements()}
	files := map[string]string{}
	cfg := "version: 1\nworkflows:\n"
	for i := range o.list {
		files[fmt.Sprintf(".github/workflows/primary-%d.yml", i)] = demoFile("marketing-sync.yml")
		files[fmt.Sprintf(".github/workflows/fallback-%d.yml", i)] = demoFile("marketing-sync-fallback.yml")
		cfg += fmt.Sprintf("  - {file: primary-%d.yml, recover: [{dispatch: {workflow: fallback-%d.yml, ref: main}}]}\n", i, i)
	}
	files[".github/redundancy.yml"] = cfg
	var err error
	if o.repo, err = o.gh.AddRepo("acme", "site", files); err != nil {
		t.Fatal(err)
	}
	o.gh.SetRunner(func(*githubtest.Run) string { return "success" })
	return o
}

// failAll takes one run of each workflow from its begin to its failure.
func (o *ordering) failAll(t *testing.T) {
	t.Helper()
	for i := range o.list {
		run, err := o.repo.StartRun(fmt.Sprintf("primary-%d.yml", i), "schedule")
		if err == nil {
			err = run.Progress()
		}
		if err == nil {
			err = run.Complete("failure")
		}
		if err != nil {
			t.Fatal(err)
		}
		o.runs = append(o.runs, run)
	}
}

// subject is the run that a webhook is about.
func subject(t *testing.T, d githubtest.Delivery) int64 {
	var p struct {
		Run struct{ ID int64 } `json:"workflow_run"`
	}
	if err := json.Unmarshal(d.Payload, &p); err != nil {
		t.Error(err)
	}
	return p.Run.ID
}

// arrange puts the webhooks of each run into its arrangement, and those of
// different runs between each other.
func (o *ordering) arrange(t *testing.T, held []githubtest.Delivery) []githubtest.Delivery {
	var out []githubtest.Delivery
	for place := 0; ; place++ {
		before := len(out)
		for i, run := range o.runs {
			if place >= len(o.list[i]) {
				continue
			}
			at := slices.IndexFunc(held, func(d githubtest.Delivery) bool {
				return d.Event == "workflow_run" && d.Action == o.list[i][place] && subject(t, d) == run.ID
			})
			if at < 0 {
				t.Fatalf("there is no webhook %s of %s", o.list[i][place], run.Workflow)
			}
			out = append(out, held[at])
		}
		if len(out) == before {
			return out
		}
	}
}

// tally is what came of one failed run.
type tally struct{ Incidents, CheckRuns, Dispatches int }

// judge waits until all is over and counts, for each run.
func (o *ordering) judge(t *testing.T, p *inProcess) {
	t.Helper()
	head := o.repo.Head("main")
	p.until(time.Minute, func(ctx context.Context) string {
		if n := missing(ctx, o.gh, p); n > 0 {
			return fmt.Sprintf("%d webhooks did not arrive", n)
		}
		for i := range o.runs {
			if c, ok := o.repo.CheckRun(head, fmt.Sprintf("redundancy / recover primary-%d", i)); !ok || c.Status != "completed" {
				return fmt.Sprintf("no recovery of %v is shown; %s", o.list[i], p.resting(ctx))
			}
		}
		return p.resting(ctx)
	})
	for i, run := range o.runs {
		var got tally
		for _, inc := range p.incidents(t.Context()) {
			if path.Base(inc.WorkflowPath) == path.Base(run.Workflow) {
				got.Incidents++
				if inc.State != "recovered" || inc.RunID != run.ID {
					t.Errorf("%v: incident of run %d is %s: %s", o.list[i], inc.RunID, inc.State, inc.Reason)
				}
			}
		}
		for _, c := range o.repo.CheckRuns(head) {
			if c.Name == fmt.Sprintf("redundancy / recover primary-%d", i) {
				got.CheckRuns++
				if c.Conclusion != "success" {
					t.Errorf("%v: the Check Run says %s: %s", o.list[i], c.Conclusion, c.Summary)
				}
			}
		}
		for _, r := range o.repo.Runs() {
			if strings.HasSuffix(r.Workflow, fmt.Sprintf("/fallback-%d.yml", i)) {
				got.Dispatches++
			}
		}
		if diff := cmp.Diff(tally{1, 1, 1}, got); diff != "" {
			t.Errorf("webhooks in the order %v (-want +got):\n%s", o.list[i], diff)
		}
	}
	if dead := p.buried(); dead != "" {
		t.Errorf("jobs gave up: %s", dead)
	}
	for _, v := range o.gh.Violations() {
		t.Errorf("GitHub would have refused: %s", v)
	}
}

// TestWebhooksInEveryOrder: whatever the order and number of a failing run's
// webhooks, there is one incident, one Check Run and one dispatch.
func TestWebhooksInEveryOrder(t *testing.T) {
	o := newOrdering(t)
	p := startInProcess(t, o.gh, t.TempDir(), 100)
	o.gh.Install("acme")
	settle(t, o.gh)
	o.gh.HoldDeliveries()
	o.failAll(t)
	o.gh.ReleaseDeliveries(func(held []githubtest.Delivery) []githubtest.Delivery { return o.arrange(t, held) })
	o.judge(t, p)

	// Once more when all is over, and as webhooks that were never seen.
	settle(t, o.gh)
	for _, d := range o.gh.Deliveries() {
		if d.Event != "workflow_run" {
			continue
		}
		if again, err := o.gh.SendWebhook(d.Event, d.Payload, githubtest.SendOptions{}); err != nil || again.StatusCode != http.StatusAccepted {
			t.Fatalf("webhook sent again: %d %v", again.StatusCode, err)
		}
	}
	o.judge(t, p)
}

// TestWebhooksThatAllWereLost: the same runs fail while the App is down. At
// its next start it asks GitHub for what it missed, and ends in the same state.
func TestWebhooksThatAllWereLost(t *testing.T) {
	o := newOrdering(t)
	data := t.TempDir()
	p := startInProcess(t, o.gh, data, 100)
	o.gh.Install("acme")
	settle(t, o.gh)
	p.until(time.Minute, p.resting)
	p.stop()
	o.gh.DropDeliveries(true)
	o.failAll(t)
	settle(t, o.gh)
	if n := undelivered(o.gh); n != 3*len(o.runs) {
		t.Fatalf("%d webhooks are lost, want %d", n, 3*len(o.runs))
	}
	p = startInProcess(t, o.gh, data, 100)
	o.judge(t, p)
	if !strings.Contains(p.log.String(), "was down from") {
		t.Errorf("the log does not tell of the outage:\n%s", tail(p.log.String(), 10))
	}
}

// settle waits until every webhook so far was sent.
func settle(t *testing.T, gh *githubtest.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := gh.Settle(ctx); err != nil {
		t.Fatalf("webhooks are not sent: %v", err)
	}
}
