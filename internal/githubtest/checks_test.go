package githubtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func annotations(n int) []any {
	out := []any{}
	for i := range n {
		out = append(out, map[string]any{"path": "a.go", "start_line": i + 1, "end_line": i + 1, "annotation_level": "notice", "message": fmt.Sprint("m", i)})
	}
	return out
}

// TestCheckRunLimits tries each limit of a check run at the limit and over it.
func TestCheckRunLimits(t *testing.T) {
	b := newBench(t, Config{})
	output := func(k string, v any) map[string]any {
		return map[string]any{"output": map[string]any{"title": "t", "summary": "s", k: v}}
	}
	action := func(k string, n int) map[string]any {
		a := map[string]any{"label": "l", "description": "d", "identifier": "i"}
		a[k] = strings.Repeat("x", n)
		return map[string]any{"actions": []any{a}}
	}
	actions := func(n int) map[string]any {
		var out []any
		for i := range n {
			out = append(out, map[string]any{"label": "l", "description": "d", "identifier": fmt.Sprint(i)})
		}
		return map[string]any{"actions": out}
	}
	annotation := func(change map[string]any) map[string]any {
		a := annotations(1)[0].(map[string]any)
		for k, v := range change {
			a[k] = v
		}
		return output("annotations", []any{a})
	}
	tests := []struct {
		name string
		at   map[string]any
		over map[string]any
	}{
		{"annotations", output("annotations", annotations(50)), output("annotations", annotations(51))},
		{"summary", output("summary", strings.Repeat("é", 65535)), output("summary", strings.Repeat("é", 65536))},
		{"text", output("text", strings.Repeat("x", 65535)), output("text", strings.Repeat("x", 65536))},
		{"actions", actions(3), actions(4)},
		{"label", action("label", 20), action("label", 21)},
		{"description", action("description", 40), action("description", 41)},
		{"identifier", action("identifier", 20), action("identifier", 21)},
		{"columns", annotation(map[string]any{"start_column": 1, "end_column": 2}), annotation(map[string]any{"start_column": 1, "end_column": 2, "end_line": 2})},
		{"message", annotation(map[string]any{"message": strings.Repeat("x", 64<<10)}), annotation(map[string]any{"message": strings.Repeat("x", 64<<10+1)})},
		{"annotation title", annotation(map[string]any{"title": strings.Repeat("x", 255)}), annotation(map[string]any{"title": strings.Repeat("x", 256)})},
		{"level", annotation(map[string]any{"annotation_level": "failure"}), annotation(map[string]any{"annotation_level": "error"})},
		{"conclusion", map[string]any{"status": "completed", "conclusion": "neutral"}, map[string]any{"status": "completed"}},
		{"stale", map[string]any{"conclusion": "timed_out"}, map[string]any{"conclusion": "stale"}},
		{"output without summary", output("text", "x"), map[string]any{"output": map[string]any{"title": "t"}}},
		{"commit", map[string]any{}, map[string]any{"head_sha": strings.Repeat("f", 40)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := func(change map[string]any) map[string]any {
				m := map[string]any{"name": tt.name, "head_sha": b.repo.Head("main")}
				for k, v := range change {
					m[k] = v
				}
				return m
			}
			b.call("POST", demo+"/check-runs", body(tt.at)).want(http.StatusCreated)
			b.call("POST", demo+"/check-runs", body(tt.over)).want(http.StatusUnprocessableEntity)
		})
	}
}

func TestCheckRunLife(t *testing.T) {
	b := newBench(t, Config{})
	sha := b.repo.Head("main")
	var made struct{ ID int64 }
	b.call("POST", demo+"/check-runs", map[string]any{"name": "n", "head_sha": sha, "external_id": "key", "details_url": "http://127.0.0.1/x",
		"output": map[string]any{"title": "t", "summary": "s", "annotations": annotations(50)}}).want(http.StatusCreated).into(&made)
	at := fmt.Sprintf("%s/check-runs/%d", demo, made.ID)
	b.call("PATCH", at, map[string]any{"output": map[string]any{"summary": "s2", "annotations": annotations(1)}}).want(http.StatusOK)
	b.call("PATCH", at, map[string]any{"conclusion": "success", "completed_at": "2026-01-02T03:04:05Z"}).want(http.StatusOK)
	got, ok := b.repo.CheckRun(sha, "n")
	if !ok || len(got.Annotations) != 51 {
		t.Fatalf("check run %+v", got)
	}
	got.Annotations, got.StartedAt = nil, ""
	want := CheckRun{ID: made.ID, Name: "n", HeadSHA: sha, ExternalID: "key", DetailsURL: "http://127.0.0.1/x", Status: "completed", Conclusion: "success", Title: "t", Summary: "s2",
		CompletedAt: "2026-01-02T03:04:05Z", App: "redundancy", Updates: 3}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if n := len(b.annotations(at)); n != 51 {
		t.Errorf("%d annotations are listed, want 51", n)
	}
	t.Run("re-requests do not change the run", func(t *testing.T) {
		b.settle()
		b.hooks.reset()
		if err := b.repo.RerequestCheck(made.ID, "mona"); err != nil {
			t.Fatal(err)
		}
		if after, _ := b.repo.CheckRun(sha, "n"); after.Status != "completed" || after.Updates != 3 {
			t.Errorf("run %+v", after)
		}
		if s := b.get(fmt.Sprintf("%s/check-suites/%d", demo, b.repo.checks[0].suite.id)).json()["status"]; s != "queued" {
			t.Errorf("the suite is %v, want queued", s)
		}
		b.settle()
		if d := cmp.Diff([]string{"check_run.rerequested"}, b.hooks.names()); d != "" {
			t.Error(d)
		}
		if err := b.repo.ClickAction(made.ID, "recover", "mona"); err == nil {
			t.Error("a button that is not there was pressed")
		}
	})
	t.Run("another app's run", func(t *testing.T) {
		id := b.repo.AddForeignCheckRun(sha, "build", "failure")
		r := b.call("PATCH", fmt.Sprintf("%s/check-runs/%d", demo, id), map[string]any{"conclusion": "success"}).want(http.StatusForbidden)
		if m := r.json()["message"].(string); !strings.HasPrefix(m, "Invalid app_id `15368`") {
			t.Error(m)
		}
	})
	t.Run("opened again", func(t *testing.T) {
		b.call("PATCH", at, map[string]any{"status": "in_progress"}).want(http.StatusOK)
		if again, _ := b.repo.CheckRun(sha, "n"); again.Status != "in_progress" || again.Conclusion != "" || again.CompletedAt != "" {
			t.Errorf("run %+v", again)
		}
	})
	b.clean()
}

func (b *bench) annotations(at string) []any {
	var v []any
	b.get(at + "/annotations?per_page=100").into(&v)
	return v
}

func TestOldestRunsOfOneNameGo(t *testing.T) {
	b := newBench(t, Config{})
	sha := b.repo.Head("main")
	u := b.repo.suiteOf(sha, "redundancy")
	for i := range mostOfOneName {
		b.repo.checks = append(b.repo.checks, &checkRun{id: int64(i), suite: u, sha: sha, name: "n", status: "queued"})
	}
	b.call("POST", demo+"/check-runs", map[string]any{"name": "n", "head_sha": sha}).want(http.StatusCreated)
	if runs := b.repo.CheckRuns(sha); len(runs) != mostOfOneName || runs[0].ID != 1 {
		t.Errorf("%d runs, the first is %d", len(runs), runs[0].ID)
	}
}

func TestComments(t *testing.T) {
	b := newBench(t, Config{})
	n := b.repo.OpenIssue("mona", "help")
	id, err := b.repo.Comment(n, "mona", "/redundancy status")
	if err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("%s/issues/comments/%d", demo, id)
	b.call("POST", at+"/reactions", map[string]any{"content": "eyes"}).want(http.StatusCreated)
	b.call("POST", at+"/reactions", map[string]any{"content": "eyes"}).want(http.StatusOK)
	b.call("POST", at+"/reactions", map[string]any{"content": "thumbs"}).want(http.StatusUnprocessableEntity)
	comments := fmt.Sprintf("%s/issues/%d/comments", demo, n)
	var mine struct{ ID int64 }
	b.call("POST", comments, map[string]any{"body": strings.Repeat("é", maxCommentRunes)}).want(http.StatusCreated).into(&mine)
	b.call("POST", comments, map[string]any{"body": strings.Repeat("é", maxCommentRunes+1)}).want(http.StatusUnprocessableEntity)
	b.call("PATCH", fmt.Sprintf("%s/issues/comments/%d", demo, mine.ID), map[string]any{"body": "done"}).want(http.StatusOK)
	want := []Comment{
		{ID: id, Author: "mona", Body: "/redundancy status", Reactions: []Reaction{{"redundancy[bot]", "eyes"}}},
		{ID: mine.ID, Author: "redundancy[bot]", Body: "done", Edits: 1},
	}
	if d := cmp.Diff(want, b.repo.Comments(n)); d != "" {
		t.Error(d)
	}
	if _, err := b.repo.Comment(99, "mona", "x"); err == nil {
		t.Error("a comment on nothing was taken")
	}
}
