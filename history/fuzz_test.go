package history

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever an answer holds, it becomes a row that the record can order.
func FuzzListed(f *testing.F) {
	f.Add([]byte(`{"id":1,"path":".github/workflows/x.yml@refs/heads/main","run_attempt":0,"status":"in_progress","updated_at":"2026-06-01T00:00:00Z","head_branch":"main","head_repository":{"id":7}}`))
	f.Add([]byte(`{"id":-1,"head_repository":null,"actor":null,"run_attempt":-3,"created_at":"0001-01-01T00:00:00Z"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := new(listed)
		if json.Unmarshal(data, r) != nil {
			return
		}
		row := r.row(7, 1)
		if row.Attempt < 1 || strings.Contains(row.WorkflowPath, "@") || row.Beyond(row) {
			t.Errorf("row %+v", row)
		}
		if r.onBranch(7, "") || r.onBranch(8, "main") && r.GetHeadRepository().GetID() != 8 {
			t.Error("a run of nobody's is taken for one of the branch")
		}
	})
}
