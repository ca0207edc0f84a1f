package runs

import (
	"strings"
	"testing"
)

// Whatever an answer holds, a list of it has runs of the repository alone, and
// each becomes a row that the record can order.
func FuzzList(f *testing.F) {
	f.Add(`{"total_count":1,"workflow_runs":[{"id":1,"repository":{"id":7},"path":".github/workflows/x.yml@refs/heads/main","run_attempt":0,"status":"in_progress","updated_at":"2026-06-01T00:00:00Z","head_branch":"main","head_repository":{"id":7}}]}`)
	f.Add(`{"total_count":1,"workflow_runs":[{"id":-1,"repository":{"id":7},"head_repository":null,"actor":null,"run_attempt":-3,"created_at":"0001-01-01T00:00:00Z"},null]}`)
	f.Add(`{"total_count":1,"workflow_runs":[null]}`)
	f.Add(`{"total_count":1,"workflow_runs":[{"repository":{"id":8}}]}`)
	f.Add(`{"workflow_runs":{}}`)
	f.Add(`<!DOCTYPE html>`)
	f.Add(``)
	f.Fuzz(func(t *testing.T, body string) {
		p, err := List(t.Context(), says(body).client(), site, Query{})
		if err != nil {
			return
		}
		for _, r := range p.Runs {
			if r.GetRepository().GetID() != site.ID {
				t.Errorf("a run of repository %d", r.GetRepository().GetID())
			}
			check(t, r)
		}
		_ = p.Oldest()
	})
}

// FuzzGet does the same for the answer about one run.
func FuzzGet(f *testing.F) {
	f.Add(`{"id":5,"repository":{"id":7},"path":"x.yml@"}`)
	f.Add(`{"id":5,"repository":{"id":7},"run_attempt":-3,"run_started_at":1}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := Get(t.Context(), says(body).client(), site, 5)
		if err != nil {
			return
		}
		if r.GetID() != 5 || r.GetRepository().GetID() != site.ID {
			t.Errorf("run %d of repository %d", r.GetID(), r.GetRepository().GetID())
		}
		check(t, r)
	})
}

func check(t *testing.T, r *Run) {
	t.Helper()
	row := r.Row(site.ID, 1)
	if row.Attempt < 1 || strings.Contains(row.WorkflowPath, "@") || row.Beyond(row) || row.BeganAt != 0 && row.Status != "in_progress" {
		t.Errorf("row %+v", row)
	}
	if r.OnBranch(site.ID, "") || r.OnBranch(8, "main") && r.GetHeadRepository().GetID() != 8 {
		t.Error("a run of nobody's is taken for one of the branch")
	}
}
