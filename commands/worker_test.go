package commands

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
)

func TestOnlyWritersMayCommand(t *testing.T) {
	for role, allowed := range map[string]bool{
		"admin": true, "maintain": true, "write": true,
		"triage": false, "read": false, "": false, // "": no collaborator of a public repository
	} {
		t.Run("role "+role, func(t *testing.T) {
			r := newRig(t)
			r.gh.AddUser("bob")
			if role != "" {
				r.gh.SetPermission(r.site, "bob", role)
			}
			r.engine.answer = fallback.Answer{Accepted: true, Message: "Started."}
			cmd := r.says("bob", r.site.OpenIssue("bob", "help"), "/redundancy recover a")
			r.runs(cmd)
			if got := len(r.engine.asked) == 1; got != allowed {
				t.Errorf("engine asked: %t, want %t", got, allowed)
			}
			if allowed {
				r.wantReactions(cmd, "eyes", "rocket")
				return
			}
			r.wantReactions(cmd, "confused")
			r.golden("refused", r.reply(cmd.Number).Body)
		})
	}
}

func TestUnknownAuthorIsRefused(t *testing.T) {
	for _, author := range []string{"gone", "x/../../admin", "a b", ""} {
		t.Run(author, func(t *testing.T) {
			r := newRig(t)
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a")
			cmd.Author = author
			r.runs(cmd)
			if len(r.engine.asked) != 0 {
				t.Error("command was run")
			}
			r.wantReactions(cmd, "confused")
		})
	}
}

func TestPermissionComesBeforeEverything(t *testing.T) {
	r := newRig(t)
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy help")
	r.gh.ForgetCalls()
	r.runs(cmd)
	var got []string
	for _, c := range r.gh.Calls() {
		got = append(got, c.Operation)
	}
	want := []string{
		"apps/create-installation-access-token", "repos/get-collaborator-permission-level", "reactions/create-for-issue-comment",
		"reactions/create-for-issue-comment", "issues/list-comments", "issues/create-comment",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestCommentWithoutCommandCostsNothing(t *testing.T) {
	r := newRig(t)
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "> /redundancy recover")
	r.gh.ForgetCalls()
	r.runs(cmd)
	if calls := r.gh.Calls(); len(calls) != 0 {
		t.Errorf("calls: %v", calls)
	}
}

func TestRecover(t *testing.T) {
	r := newRig(t)
	id := r.incident("recovering", "step 1 of 2 begins")
	r.engine.answer = fallback.Answer{Accepted: true, IncidentID: id, Message: "Recovery of marketing-sync has begun."}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "Please:\r\n/redundancy recover marketing-sync\r\n")
	r.runs(cmd)
	want := []queue.Recover{{
		Repo: r.repo, Target: "marketing-sync", Reason: "comment", Actor: "alice", DeliveryID: "comment:" + itoa(cmd.CommentID) + ":0",
	}}
	if diff := cmp.Diff(want, r.engine.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	r.wantReactions(cmd, "eyes", "rocket")
	r.golden("recover", r.reply(cmd.Number).Body)
}

func TestRecoverThatIsDeclined(t *testing.T) {
	r := newRig(t)
	r.engine.answer = fallback.Answer{Message: "No watched workflow is called @all/`x` <b>."}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover @all/`x`")
	r.runs(cmd)
	r.wantReactions(cmd, "eyes", "confused")
	r.golden("declined", r.reply(cmd.Number).Body)
}

func TestValidate(t *testing.T) {
	r := newRig(t)
	sha := must(r.site.Push("topic", map[string]string{"a.txt": "a\n"}, "a"))(t)
	pull := r.says("alice", must(r.site.OpenPull("topic", "main", "alice"))(t), "/redundancy validate")
	pull.PullHead = true
	issue := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy validate")
	r.runs(pull)
	r.runs(issue)
	want := []queue.Item{
		queue.ValidateCommit{Repo: r.repo, SHA: sha, DeliveryID: "guid-1", Again: true}.Item(),
		queue.ValidateCommit{Repo: r.repo, DeliveryID: "guid-1", Again: true}.Item(),
	}
	if diff := cmp.Diff(want, r.jobs.items); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	r.wantReactions(pull, "eyes", "rocket")
	if body := r.reply(pull.Number).Body; !strings.Contains(body, sha[:7]) {
		t.Errorf("reply does not name the commit:\n%s", body)
	}
	r.golden("validate", r.reply(issue.Number).Body)
}

func TestSeveralCommandsRunInOrder(t *testing.T) {
	r := newRig(t)
	r.engine.answer = fallback.Answer{Accepted: true, Message: "Started."}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a\n/redundancy dance\n/redundancy recover b\n/redundancy recover c")
	r.runs(cmd)
	var targets []string
	for _, a := range r.engine.asked {
		targets = append(targets, a.Target)
	}
	if diff := cmp.Diff([]string{"a", "b"}, targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	r.wantReactions(cmd, "eyes", "confused")
	r.golden("several", r.reply(cmd.Number).Body)
}

func TestRetryGoesOnWhereItStopped(t *testing.T) {
	r := newRig(t)
	r.engine.answer = fallback.Answer{Accepted: true, Message: "Started."}
	r.engine.errs = []error{nil, errors.New("database is busy")}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a\n/redundancy recover b")
	if err := r.try(cmd, 1); err == nil {
		t.Fatal("no error, so nothing would be tried again")
	}
	if got := r.replies(cmd.Number); len(got) != 0 {
		t.Errorf("replied before the end: %+v", got)
	}
	if err := r.try(cmd, 2); err != nil {
		t.Fatal(err)
	}
	var targets []string
	for _, a := range r.engine.asked {
		targets = append(targets, a.Target)
	}
	if diff := cmp.Diff([]string{"a", "b", "b"}, targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	r.wantReactions(cmd, "eyes", "rocket")
}

func TestLastAttemptAnswers(t *testing.T) {
	r := newRig(t)
	r.engine.errs = []error{errors.New("boom: secret detail")}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a")
	if err := r.try(cmd, queue.DefaultMaxAttempts); err != nil {
		t.Fatal(err)
	}
	r.wantReactions(cmd, "eyes", "confused")
	if body := r.reply(cmd.Number).Body; strings.Contains(body, "secret") || !strings.Contains(body, "did not work") {
		t.Errorf("reply:\n%s", body)
	}
}

func TestPermissionLostBetweenAttempts(t *testing.T) {
	r := newRig(t)
	r.engine.answer = fallback.Answer{Accepted: true, Message: "Started."}
	r.engine.errs = []error{nil, errors.New("busy")}
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a\n/redundancy recover b\n/redundancy recover c")
	_ = r.try(cmd, 1)
	r.gh.SetPermission(r.site, "alice", "read")
	for attempt := range 2 {
		if err := r.try(cmd, 2+attempt); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.engine.asked) != 2 {
		t.Errorf("asked %d times, want 2: what comes after the refusal must not run", len(r.engine.asked))
	}
	r.golden("refused_midway", r.reply(cmd.Number).Body)
}

func TestLimitsAreLeftToTheQueue(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"primary":       {Kind: githubtest.Primary},
		"secondary":     {Kind: githubtest.Secondary},
		"secondary 429": {Kind: githubtest.Secondary, Code: 429},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			fault.Operation = "repos/get-collaborator-permission-level"
			r.gh.Fault(fault)
			cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a")
			err := r.try(cmd, queue.DefaultMaxAttempts)
			if _, limited := githubapi.LimitedUntil(err); !limited {
				t.Errorf("error %v is no limit", err)
			}
			if len(r.engine.asked) != 0 || len(r.replies(cmd.Number)) != 0 {
				t.Error("something was done without authorisation")
			}
		})
	}
}

func TestAcknowledgementDoesNotHoldUpTheWork(t *testing.T) {
	r := newRig(t)
	r.engine.answer = fallback.Answer{Accepted: true, Message: "Started."}
	r.gh.Fault(githubtest.Fault{Operation: "reactions/create-for-issue-comment", Kind: githubtest.Status, Code: 502, Times: 1})
	cmd := r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy recover a")
	r.runs(cmd)
	if len(r.engine.asked) != 1 {
		t.Error("command was not run")
	}
	r.wantReactions(cmd, "rocket")
}

func TestCommandsAreCounted(t *testing.T) {
	r := newRig(t)
	r.runs(r.says("alice", r.site.OpenIssue("alice", "x"), "/redundancy help\n/redundancy dance"))
	want := `
# HELP redundancy_commands_total Comment commands by what came of them: done, failed or refused.
# TYPE redundancy_commands_total counter
redundancy_commands_total{command="help",outcome="done"} 1
redundancy_commands_total{command="unknown",outcome="failed"} 1
`
	if err := testutil.GatherAndCompare(r.registry, strings.NewReader(want), "redundancy_commands_total"); err != nil {
		t.Error(err)
	}
}

func TestArgumentsThatCannotBeRead(t *testing.T) {
	w := New(Config{})
	for kind, worker := range w.Workers() {
		var permanent *queue.PermanentError
		if err := worker.Work(t.Context(), queue.Job{Kind: kind, Args: []byte(`[`)}); !errors.As(err, &permanent) {
			t.Errorf("%s: error %v, want a permanent one", kind, err)
		}
	}
}

func TestVerified(t *testing.T) {
	for name, tc := range map[string]struct {
		role   string
		verify bool
		want   bool
	}{
		"writer":                      {"write", true, true},
		"reader":                      {"read", true, false},
		"reader, verified by another": {"read", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.gh.SetPermission(r.site, "bob", tc.role)
			ran := false
			work := Verified(r.clients, func(context.Context, queue.Job) error { ran = true; return nil })
			args := must(json.Marshal(queue.Recover{Repo: r.repo, Actor: "bob", Verify: tc.verify}))(t)
			if err := work(t.Context(), queue.Job{Args: args}); err != nil {
				t.Fatal(err)
			}
			if ran != tc.want {
				t.Errorf("ran: %t, want %t", ran, tc.want)
			}
		})
	}
}
