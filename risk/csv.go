package risk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Limits of a CSV file.
const (
	MaxCSV     = 64 << 20 // bytes
	maxCSVRows = 1_000_000
	maxCSVName = 1000 // characters of a workflow's or repository's name
)

// columns of a CSV file by the names they may have. GitHub's own names of the
// REST API are among them.
var columns = map[string][]string{
	"workflow":   {"workflow", "workflow_path", "path", "workflow_name", "name"},
	"start":      {"started_at", "run_started_at", "start", "created_at"},
	"end":        {"completed_at", "ended_at", "end", "updated_at"},
	"conclusion": {"conclusion", "outcome"},
	"attempt":    {"attempt", "run_attempt"},
	"repo":       {"repo", "repository", "full_name"},
	"id":         {"run_id", "id"},
}

// ReadCSV reads runs: a header with at least workflow, started_at, completed_at
// and conclusion, in any order; attempt, repo and run_id when there. Times are
// RFC 3339. Runs that are not conclusive, not ended or no first attempt are
// skipped and counted. Errors name the line: a row without a workflow, an
// attempt that is no number, times that are none.
func ReadCSV(r io.Reader) (runs []Run, skipped int, err error) {
	limited := &io.LimitedReader{R: r, N: MaxCSV + 1}
	c := csv.NewReader(limited)
	c.ReuseRecord = true
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, 0, errors.New("read runs: the file is empty; a header with workflow, started_at, completed_at and conclusion is needed")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read runs: %w", err)
	}
	at, err := locate(header)
	if err != nil {
		return nil, 0, err
	}
	for {
		row, err := c.Read()
		if limited.N <= 0 {
			return nil, 0, fmt.Errorf("read runs: more than %d MiB", MaxCSV>>20)
		}
		if errors.Is(err, io.EOF) {
			return runs, skipped, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("read runs: %w", err)
		}
		if len(runs)+skipped == maxCSVRows {
			return nil, 0, fmt.Errorf("read runs: more than %d rows", maxCSVRows)
		}
		run, counts, err := at.run(row)
		if err != nil {
			line, _ := c.FieldPos(0)
			return nil, 0, fmt.Errorf("read runs: line %d: %w", line, err)
		}
		if !counts {
			skipped++
			continue
		}
		runs = append(runs, run)
	}
}

// located says in which column what stands; -1 nowhere.
type located map[string]int

func locate(header []string) (located, error) {
	at := located{}
	for what, aliases := range columns {
		at[what] = -1
		for _, alias := range aliases {
			for i, h := range header {
				h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
				if at[what] < 0 && h == alias {
					at[what] = i
				}
			}
		}
	}
	for _, what := range []string{"workflow", "start", "end", "conclusion"} {
		if at[what] < 0 {
			return nil, fmt.Errorf("read runs: line 1: no column %s", strings.Join(columns[what], " or "))
		}
	}
	return at, nil
}

func (at located) field(row []string, what string) string {
	if i := at[what]; i >= 0 {
		return strings.TrimSpace(row[i])
	}
	return ""
}

func (at located) run(row []string) (r Run, counts bool, err error) {
	r = Run{Workflow: at.field(row, "workflow")}
	if r.Workflow == "" {
		return Run{}, false, errors.New("no workflow")
	}
	attempt := 1
	if text := at.field(row, "attempt"); text != "" {
		if attempt, err = strconv.Atoi(text); err != nil {
			return Run{}, false, fmt.Errorf("attempt: %w", err)
		}
		if attempt < 1 {
			return Run{}, false, fmt.Errorf("attempt %d: want 1 or more", attempt)
		}
	}
	var conclusive bool
	r.Failed, conclusive = Outcome(at.field(row, "conclusion"))
	if !conclusive || attempt != 1 || at.field(row, "end") == "" {
		return Run{}, false, nil
	}
	if repo := at.field(row, "repo"); repo != "" {
		r.Workflow = repo + " " + r.Workflow
	}
	if len(r.Workflow) > maxCSVName {
		return Run{}, false, fmt.Errorf("workflow has more than %d characters", maxCSVName)
	}
	if r.Start, err = time.Parse(time.RFC3339, at.field(row, "start")); err != nil {
		return Run{}, false, fmt.Errorf("start: %w", err)
	}
	if r.End, err = time.Parse(time.RFC3339, at.field(row, "end")); err != nil {
		return Run{}, false, fmt.Errorf("end: %w", err)
	}
	if r.End.Before(r.Start) {
		return Run{}, false, fmt.Errorf("ends at %s, before it starts", at.field(row, "end"))
	}
	if id := at.field(row, "id"); id != "" {
		if r.ID, err = strconv.ParseInt(id, 10, 64); err != nil {
			return Run{}, false, fmt.Errorf("run id: %w", err)
		}
	}
	return r, true, nil
}
