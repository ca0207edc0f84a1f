package risk

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadCSV(t *testing.T) {
	const header = "workflow,started_at,completed_at,conclusion\n"
	run := func(failed bool) Run {
		return Run{Workflow: "x.yml", Start: epoch, End: epoch.Add(time.Minute), Failed: failed}
	}
	const row = "x.yml,2026-08-03T00:00:00Z,2026-08-03T00:01:00Z,"
	for _, tt := range []struct {
		name, doc string
		want      []Run
		skipped   int
		err       string
	}{
		{"both outcomes", header + row + "success\n" + row + "timed_out\n", []Run{run(false), run(true)}, 0, ""},
		{"neutral", header + row + "cancelled\n" + row + "skipped\n" + row + "\n", nil, 3, ""},
		{"GitHub's own names, a mark and another order", "\ufeffconclusion,run_attempt,updated_at,run_started_at,name\nfailure,1,2026-08-03T02:01:00+02:00,2026-08-03T00:00:00Z,x.yml\n", []Run{run(true)}, 0, ""},
		{"re-runs", "attempt," + header + "2," + row + "success\n1," + row + "failure\n", []Run{run(true)}, 1, ""},
		{"running", header + "x.yml,2026-08-03T00:00:00Z,,success\n", nil, 1, ""},
		{"of a repository", "repo,run_id," + header + "acme/site,7," + row + "success\n", []Run{{ID: 7, Workflow: "acme/site x.yml", Start: epoch, End: epoch.Add(time.Minute)}}, 0, ""},
		{"empty", "", nil, 0, "the file is empty"},
		{"no conclusion", "workflow,started_at,completed_at\n", nil, 0, "line 1: no column conclusion or outcome"},
		{"bad time", header + row + "success\nx,yesterday,2026-08-03T00:01:00Z,success\n", nil, 0, "line 3: start"},
		{"backwards", header + "x,2026-08-03T00:02:00Z,2026-08-03T00:01:00Z,success\n", nil, 0, "line 2: ends at 2026-08-03T00:01:00Z, before it starts"},
		{"bad id", "id," + header + "x," + row + "success\n", nil, 0, "line 2: run id"},
		{"no workflow", header + row + "success\n ," + row[6:] + "success\n", nil, 0, "line 3: no workflow"},
		{"no workflow, cancelled", header + "," + row[6:] + "cancelled\n", nil, 0, "line 2: no workflow"},
		{"bad attempt", "attempt," + header + "first," + row + "success\n", nil, 0, "line 2: attempt"},
		{"attempt 0", "attempt," + header + "0," + row + "success\n", nil, 0, "line 2: attempt 0: want 1 or more"},
		{"ragged", header + "x\n", nil, 0, "line 2: wrong number of fields"},
		{"long name", header + strings.Repeat("x", maxCSVName) + row[5:] + "success\n" + strings.Repeat("x", maxCSVName+1) + row[5:] + "success\n", nil, 0, "line 3: workflow has more than 1000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, skipped, err := ReadCSV(strings.NewReader(tt.doc))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || skipped != tt.skipped {
				t.Errorf("%d skipped, %v", skipped, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// endless is a CSV file that never ends.
type endless struct {
	header string
	row    string
	n      int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.header != "" {
		n := copy(p, e.header)
		e.header = e.header[n:]
		return n, nil
	}
	n := 0
	for n < len(p) {
		at := int(e.n % int64(len(e.row)))
		c := copy(p[n:], e.row[at:])
		n, e.n = n+c, e.n+int64(c)
	}
	return n, nil
}

func TestReadCSVIsBounded(t *testing.T) {
	for name, tt := range map[string]struct{ row, want string }{
		"rows":  {"a,b,c,d\n", "more than 1000000 rows"},
		"bytes": {strings.Repeat("x", 2000) + ",b,c,d\n", "more than 64 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ReadCSV(&endless{header: "workflow,start,end,conclusion\n", row: tt.row})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	var doc strings.Builder
	doc.WriteString("workflow,start,end,conclusion\n")
	for range maxCSVRows {
		doc.WriteString("a,b,c,d\n")
	}
	if _, skipped, err := ReadCSV(strings.NewReader(doc.String())); err != nil || skipped != maxCSVRows {
		t.Errorf("at the limit: %d, %v", skipped, err)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("workflow,started_at,completed_at,conclusion\nx,2026-08-03T00:00:00Z,2026-08-03T00:01:00Z,success\n")
	f.Add("workflow,start,end,conclusion,id\n\"a\nb\",2026-08-03T00:00:00Z,9999-12-31T23:59:59Z,failure,-1\n")
	f.Fuzz(func(t *testing.T, doc string) {
		runs, _, err := ReadCSV(strings.NewReader(doc))
		if err != nil {
			return
		}
		for _, r := range runs {
			if r.End.Before(r.Start) {
				t.Errorf("a run that ends before it starts: %+v", r)
			}
		}
		if res := Backtest(runs, Options{BurnIn: 1, Draws: 2}); res.Runs != len(runs) {
			t.Errorf("%d of %d runs", res.Runs, len(runs))
		}
		_ = fmt.Sprint(Assess("a/b", "c", runs))
	})
}
