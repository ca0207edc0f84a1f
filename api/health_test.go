package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/risk"
	"github.com/redundancy-app/redundancy/store"
)

// watched adds acme/other with a workflow of 1,500 hourly runs that has bad
// periods and has just failed; its trouble is not ours to show as an incident.
func (b *bench) watched() {
	b.t.Helper()
	made := risk.Regimes(time.Now().Add(-1500 * time.Hour).Truncate(time.Second))
	made.Workflows, made.Runs, made.Every = 1, 1500, time.Hour
	history := risk.Generate(made, 8)
	err := b.store.Update(b.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		repo := store.Repository{ID: 10, InstallationID: 7, Owner: "acme", Name: "other", DefaultBranch: "main", SeenAt: 1}
		if _, err := store.SaveRepositories(ctx, tx, []store.Repository{repo}); err != nil {
			return err
		}
		const path = ".github/workflows/y.yml"
		w := store.Watch{RepoID: 10, WorkflowPath: path, InstallationID: 7, Facts: `{}`, Flow: `{}`, WatchedSince: store.MillisOf(made.From)}
		if err := tx.SaveWatch(ctx, &w); err != nil {
			return err
		}
		for i, r := range history {
			at := store.MillisOf(r.Start)
			run := store.WorkflowRun{
				RepoID: 10, RunID: int64(i), Attempt: 1, WorkflowPath: path, Event: "schedule", HeadBranch: "main", URL: fmt.Sprint("https://example.com/", i),
				Status: "completed", Conclusion: "success", CreatedAt: at, StartedAt: at, BeganAt: at + 5000, UpdatedAt: at + 60_000, ObservedAt: at + 60_000,
			}
			if r.Failed {
				run.Conclusion = "failure"
			}
			if _, err := tx.SaveRun(ctx, run); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) decode(path string, into any) {
	b.t.Helper()
	got := b.get(path, token)
	if got.status != 200 {
		b.t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	if err := json.Unmarshal([]byte(got.body), into); err != nil {
		b.t.Fatal(err)
	}
}

func TestHealthOverTime(t *testing.T) {
	b := newBench(t)
	b.watched()
	var all, one api.Health
	b.decode("/api/v1/health", &all)
	if all.Healthy || len(all.Open) != 1 || all.RepositoriesTotal != 1 || all.Score == nil || *all.Score != 85.6 || all.Formula.Runs != 45 {
		t.Errorf("over all: %+v", all)
	}
	b.decode("/api/v1/health?repo=ACME/other", &one)
	if !one.Healthy || len(one.Open) != 0 || len(one.Targets) != 1 || one.Targets[0].Deductions[0].Cause != "16 of the last 50 runs failed" {
		t.Errorf("an incident of another repository is no matter of this one: %+v", one)
	}
	if link := one.Targets[0].Deductions[0].Links[0]; link.Kind != "run" || link.URL != "https://example.com/1499" {
		t.Errorf("the deduction leads to %+v", link)
	}
	if len(one.Risk) != 1 || !one.Risk[0].Signal || !strings.HasPrefix(one.Risk[0].Text, "2 of the last 10 runs failed: risk 35 % (80 % interval 25 to 46 %)") || one.Risk[0].Outcomes == nil {
		t.Errorf("risk: %+v", one.Risk)
	}
	if one.EarlyWarning == nil || one.EarlyWarning.Warning || one.EarlyWarning.BaselineSamples < 600 {
		t.Errorf("early warning: %+v", one.EarlyWarning)
	}
}

func TestRisk(t *testing.T) {
	b := newBench(t)
	b.watched()
	for _, path := range []string{"/api/v1/risk", "/api/v1/risk?repo=acme/other", "/api/v1/risk?repo=acme/other&workflow=.github/workflows/y.yml"} {
		var rep risk.Report
		b.decode(path, &rep)
		if len(rep.Targets) != 1 || !rep.Targets[0].Signal || rep.Note != risk.Note {
			t.Errorf("%s: %+v", path, rep)
		}
	}
	var none risk.Report
	if b.decode("/api/v1/risk?workflow=y.yml", &none); len(none.Targets) != 0 {
		t.Errorf("of a workflow that is not watched: %+v", none)
	}
	var res risk.Result
	b.decode("/api/v1/risk/backtest", &res)
	if res.Runs != 1500 || res.N != 1300 || res.From.IsZero() || len(res.Predictors) != 4 {
		t.Errorf("backtest: %+v", res)
	}
	res = risk.Result{}
	b.decode("/api/v1/risk/backtest?repo=acme/site", &res)
	if got := b.get("/api/v1/risk/backtest?repo=acme/site", token); res.Runs != 0 || strings.Contains(got.body, `"from"`) || strings.Contains(got.body, "0001-01-01") {
		t.Errorf("of a repository without watched workflows: %+v", res)
	}
}

func TestRiskNeedsTheToken(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"risk", "risk/backtest", "health?repo=acme/site"} {
		if got := b.get("/api/v1/"+path, "x"); got.status != 401 {
			t.Errorf("%s: %d", path, got.status)
		}
	}
}
