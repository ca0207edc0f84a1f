package commands

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestOneCommentPerThread(t *testing.T) {
	r := newRig(t)
	number := r.site.OpenIssue("alice", "x")
	r.runs(r.says("alice", number, "/redundancy help"))
	first := r.reply(number)
	r.engine.answer = fallback.Answer{Message: "No."}
	r.runs(r.says("alice", number, "/redundancy recover a"))
	r.runs(r.says("alice", number, "/redundancy nonsense @bob"))
	last := r.reply(number)
	if last.ID != first.ID || last.Edits != 2 {
		t.Errorf("comment %d with %d edits, want %d with 2", last.ID, last.Edits, first.ID)
	}
	r.golden("earlier", last.Body)
}

func TestLostAnswerLeavesOneComment(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"reset after the effect":  {Kind: githubtest.Reset, AfterEffect: true},
		"5xx after the effect":    {Kind: githubtest.Status, Code: 502, AfterEffect: true},
		"5xx before the effect":   {Kind: githubtest.Status, Code: 502},
		"broken off after effect": {Kind: githubtest.Truncate, AfterEffect: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.engine.answer = fallback.Answer{Accepted: true, Message: "Started."}
			fault.Operation = "issues/create-comment"
			r.gh.Fault(fault)
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a")
			if err := r.try(cmd, 1); err == nil {
				t.Fatal("no error")
			}
			if err := r.try(cmd, 2); err != nil {
				t.Fatal(err)
			}
			r.reply(cmd.Number)
			if len(r.engine.asked) != 1 {
				t.Errorf("recovery was asked for %d times", len(r.engine.asked))
			}
			r.wantReactions(cmd, "eyes", "rocket")
		})
	}
}

func TestRepeatedJobChangesNothing(t *testing.T) {
	r := newRig(t)
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy validate")
	r.runs(cmd)
	r.runs(cmd)
	if got := r.reply(cmd.Number); got.Edits != 0 {
		t.Errorf("%d edits", got.Edits)
	}
	if len(r.jobs.items) != 1 {
		t.Errorf("%d validations were enqueued", len(r.jobs.items))
	}
	r.wantReactions(cmd, "eyes", "rocket")
}

func TestForgedMarkerIsLeftAlone(t *testing.T) {
	r := newRig(t)
	number := r.site.OpenIssue("mallory", "x")
	forged := must(r.site.Comment(number, "mallory", marker+"\nmine"))(t)
	r.runs(r.says("alice", number, "/redundancy help"))
	r.reply(number)
	for _, c := range r.site.Comments(number) {
		if c.ID == forged && c.Edits != 0 {
			t.Error("a stranger's comment was edited")
		}
	}
}

func TestMarkerIsFoundBehindManyComments(t *testing.T) {
	r := newRig(t)
	number := r.site.OpenIssue("alice", "x")
	for i := range 120 {
		must(r.site.Comment(number, "alice", fmt.Sprint(i)))(t)
	}
	r.gh.Fault(githubtest.Fault{Operation: "issues/create-comment", Kind: githubtest.Reset, AfterEffect: true})
	cmd := r.says("alice", number, "/redundancy help")
	_ = r.try(cmd, 1)
	if err := r.try(cmd, 2); err != nil {
		t.Fatal(err)
	}
	r.reply(number)
}

func TestDeletedReplyIsWrittenAgain(t *testing.T) {
	r := newRig(t)
	number := r.site.OpenIssue("alice", "x")
	r.runs(r.says("alice", number, "/redundancy help"))
	first := r.reply(number)
	client := must(r.clients.Installation(r.repo.InstallationID))(t)
	if _, err := client.Issues.DeleteComment(t.Context(), "acme", "site", first.ID); err != nil {
		t.Fatal(err)
	}
	r.runs(r.says("alice", number, "/redundancy dance"))
	if second := r.reply(number); second.ID == first.ID {
		t.Error("the deleted comment was edited")
	}
}

func TestReplyThatCannotBeWrittenEndsTheJob(t *testing.T) {
	for _, code := range []int{403, 410, 422} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			r := newRig(t)
			r.gh.Fault(githubtest.Fault{Operation: "issues/create-comment", Kind: githubtest.Status, Code: code})
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy help")
			r.runs(cmd)
			r.wantReactions(cmd, "eyes", "rocket")
		})
	}
}

func TestThreadThatIsNotThereYet(t *testing.T) {
	r := newRig(t)
	r.gh.Fault(githubtest.Fault{Operation: "issues/create-comment", Kind: githubtest.Status, Code: 404, Times: -1})
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy help")
	for attempt := 1; attempt < patience; attempt++ {
		if err := r.try(cmd, attempt); err == nil {
			t.Fatalf("attempt %d gave up", attempt)
		}
	}
	if err := r.try(cmd, patience); err != nil {
		t.Errorf("attempt %d: %v, want an end", patience, err)
	}
}

func TestReplyFollowsTheIncident(t *testing.T) {
	r := newRig(t)
	id := r.incident("recovering", "step 1 of 2 begins")
	r.engine.answer = fallback.Answer{Accepted: true, IncidentID: id, Message: "Recovery of marketing-sync has begun."}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover marketing-sync")
	r.runs(cmd)

	refresh := func() int {
		t.Helper()
		r.jobs.items = nil
		r.runs(queue.RefreshReplies{IncidentID: id})
		want := []queue.Item{queue.UpdateReply{Repo: r.repo, Number: cmd.Number}.Item()}
		if diff := cmp.Diff(want, r.jobs.items); diff != "" {
			t.Fatalf("jobs (-want +got):\n%s", diff)
		}
		r.gh.ForgetCalls()
		r.runs(r.jobs.items[0].Args)
		return len(r.gh.Calls())
	}
	if calls := refresh(); calls != 0 {
		t.Errorf("%d calls though nothing has changed", calls)
	}
	r.move(id, "recovered", "the dispatched run <i>succeeded</i> @all")
	if calls := refresh(); calls != 1 {
		t.Errorf("%d calls, want one edit", calls)
	}
	r.golden("recovered", r.reply(cmd.Number).Body)
}

func TestRefreshOfAnIncidentNobodyAskedAbout(t *testing.T) {
	r := newRig(t)
	r.runs(queue.RefreshReplies{IncidentID: 99})
	if len(r.jobs.items) != 0 || len(r.gh.Calls()) != 0 {
		t.Errorf("jobs %v, calls %v", r.jobs.items, r.gh.Calls())
	}
}

func TestStatus(t *testing.T) {
	const runs = "https://github.example/acme/site/actions/runs/"
	at := time.Date(2026, 3, 1, 6, 30, 0, 0, time.UTC)
	until := at.Add(time.Hour)
	for name, status := range map[string]fallback.RepositoryStatus{
		"status_unread": {},
		"status_none":   {Known: true},
		"status": {Known: true, Workflows: []fallback.WorkflowStatus{
			{File: ".github/workflows/marketing-sync.yml", State: fallback.Exhausted, Breaker: &fallback.BreakerStatus{State: "open", Until: &until},
				Incident: &fallback.Incident{ID: 17, State: fallback.Exhausted, OpenedAt: at, CheckRun: 31, RunURL: runs + "900"},
				LastRun:  &fallback.RunView{ID: 901, Status: "completed", Conclusion: "failure", URL: runs + "901"}},
			{File: ".github/workflows/a|b`@all.yml", State: fallback.Healthy, Breaker: &fallback.BreakerStatus{State: "closed", Failures: 1}},
			{File: ".github/workflows/c.yml", State: fallback.Healthy, LastRun: &fallback.RunView{ID: 7, Status: "in_progress", URL: "javascript:alert(1)"},
				Incident: &fallback.Incident{ID: 3, State: fallback.Recovered, OpenedAt: at, CheckRun: 5, RunURL: "javascript:alert(1)"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.engine.status = status
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy status")
			r.runs(cmd)
			r.wantReactions(cmd, "eyes", "rocket")
			r.golden(name, r.reply(cmd.Number).Body)
		})
	}
}

func TestRepliesFitIntoAComment(t *testing.T) {
	r := newRig(t)
	r.engine.status.Known = true
	for range maxRows + 200 {
		r.engine.status.Workflows = append(r.engine.status.Workflows, fallback.WorkflowStatus{File: strings.Repeat("é`|", 600), State: "healthy"})
	}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), strings.Repeat("/redundancy status\n", 3))
	r.runs(cmd)
	if n := utf8.RuneCountInString(r.reply(cmd.Number).Body); n > 65_536 || n < 60_000 {
		t.Errorf("%d characters", n)
	}
}

func TestOldRecordsArePruned(t *testing.T) {
	r := newRig(t)
	number := r.site.OpenIssue("alice", "x")
	old := r.says("alice", number, "/redundancy help")
	r.runs(old)
	r.clock.Advance(91 * 24 * time.Hour)
	r.runs(r.says("alice", number, "/redundancy dance"))
	if rows := must(r.store.CommandsOf(t.Context(), r.repo.ID, old.CommentID))(t); len(rows) != 0 {
		t.Errorf("%d old records", len(rows))
	}
	r.reply(number) // forgotten, but found by its marker
}

func TestRunsStayLinks(t *testing.T) {
	const run = "https://github.example/acme/site/actions/runs/900"
	for message, linked := range map[string]bool{
		"Nothing to recover: " + run:      true,
		"See " + run + "?x=<script>":      false,
		"See https://evil.example/x":      false,
		"See https://evil.example/" + run: false,
	} {
		got := sentence(message)
		if strings.HasSuffix(got, " "+run) != linked || !linked && strings.Contains(got, "://") {
			t.Errorf("sentence(%q) = %q", message, got)
		}
	}
}
