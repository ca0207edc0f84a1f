package githubtest

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// hookSchemas compiles the schemas of GitHub's webhook description.
func hookSchemas(t *testing.T) func(name string) *jsonschema.Schema {
	t.Helper()
	raw, err := unzip(hookDescription)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	// The library's own check knows no operators such as {/sha}, which RFC 6570 and GitHub have.
	c.RegisterFormat(&jsonschema.Format{Name: "uri-template", Validate: func(any) error { return nil }})
	if err := c.AddResource("mem:///hooks.json", doc); err != nil {
		t.Fatal(err)
	}
	return func(name string) *jsonschema.Schema {
		s, err := c.Compile("mem:///hooks.json#/components/schemas/" + name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return s
	}
}

// TestWebhooksAreAsDescribed makes everything happen that the double tells about and holds each payload against the
// description, the signature against the secret and the headers against GitHub's documentation.
func TestWebhooksAreAsDescribed(t *testing.T) {
	b := newBench(t, Config{})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sha, err := b.repo.Push("feature", map[string]string{"a": "b"}, "a")
	must(err)
	pull, err := b.repo.OpenPull("feature", "main", "mona")
	must(err)
	_, err = b.repo.Push("feature", map[string]string{"a": Deleted, "c": "d"}, "b")
	must(err)
	fork, _, err := b.repo.OpenForkPull("outsider", "main", map[string]string{"evil.yml": "x"}, "help")
	must(err)
	_, err = b.repo.PushToFork(fork, map[string]string{"evil.yml": "y"}, "more")
	must(err)
	must(b.repo.ClosePull(pull, "mona"))
	must(b.repo.ReopenPull(pull, "mona"))
	id, err := b.repo.Comment(pull, "mona", "/redundancy help")
	must(err)
	must(b.repo.EditComment(id, "mona", "changed"))
	run, err := b.repo.StartRun("ci.yml", "schedule")
	must(err)
	must(run.Progress())
	must(run.Complete("startup_failure"))
	must(run.Rerun("mona"))
	must(run.Complete("success"))
	must(b.repo.SendDispatch("redundancy-recover", map[string]any{"target": "ci.yml"}, "mona"))
	must(b.repo.SendDispatch("redundancy-validate", nil, "mona"))
	var check struct{ ID int64 }
	b.call("POST", "/repos/acme/demo/check-runs", map[string]any{"name": "n", "head_sha": sha, "conclusion": "failure", "actions": []any{map[string]any{"label": "l", "description": "d", "identifier": "recover"}}}).into(&check)
	must(b.repo.RerequestCheck(check.ID, "mona"))
	must(b.repo.ClickAction(check.ID, "recover", "mona"))
	must(b.repo.RerequestSuite(sha, "mona"))
	must(b.repo.DeleteBranch("feature"))
	other, err := b.s.AddRepo("acme", "other", nil)
	must(err)
	must(b.s.RemoveRepositories(b.id, other))
	must(b.s.AddRepositories(b.id, other))
	must(b.s.Suspend(b.id))
	must(b.s.Unsuspend(b.id))
	must(b.s.AcceptPermissions(b.id, DefaultPermissions()))
	must(b.s.Uninstall(b.id))
	b.settle()

	schema := hookSchemas(t)
	for _, h := range b.hooks.all() {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(h.body))
		must(err)
		if h.event == "repository_dispatch" { // described with one sample action
			v.(map[string]any)["action"] = "sample.collected"
		}
		if err := schema(hookSchema(h.event, h.action)).Validate(v); err != nil {
			t.Errorf("%s.%s: %v", h.event, h.action, err)
		}
		if _, err := github.ParseWebHook(h.event, h.body); err != nil {
			t.Errorf("%s.%s: go-github cannot read it: %v", h.event, h.action, err)
		}
		if !h.signed || h.guid == "" || h.header.Get("X-GitHub-Hook-Installation-Target-Type") != "integration" || h.header.Get("X-Hub-Signature") == "" {
			t.Errorf("%s.%s: headers %v", h.event, h.action, h.header)
		}
		if got := dig(h.payload, "installation")["id"]; got != float64(b.id) {
			t.Errorf("%s.%s: installation %v", h.event, h.action, got)
		}
	}
	want := strings.Fields(`installation.created push check_suite.requested pull_request.opened push check_suite.requested pull_request.synchronize
		pull_request.opened pull_request.synchronize pull_request.closed pull_request.reopened issue_comment.created issue_comment.edited
		workflow_run.requested workflow_run.in_progress workflow_run.completed workflow_run.completed
		repository_dispatch.redundancy-recover repository_dispatch.redundancy-validate
		check_run.created check_run.completed check_suite.completed check_run.rerequested check_run.requested_action check_suite.rerequested push
		installation_repositories.removed installation_repositories.added installation.suspend installation.unsuspend installation.new_permissions_accepted installation.deleted`)
	if d := cmp.Diff(want, b.hooks.names()); d != "" {
		t.Error(d)
	}
}

func TestForkPullsTellOnlyOfThePull(t *testing.T) {
	b := newBench(t, Config{})
	b.settle()
	b.hooks.reset()
	number, sha, err := b.repo.OpenForkPull("outsider", "main", map[string]string{".github/workflows/new.yml": "on: push\n"}, "help")
	if err != nil {
		t.Fatal(err)
	}
	b.settle()
	if d := cmp.Diff([]string{"pull_request.opened"}, b.hooks.names()); d != "" {
		t.Error(d)
	}
	head := dig(b.hooks.all()[0].payload, "pull_request", "head")
	if head["sha"] != sha || dig(head, "repo")["full_name"] != "outsider/demo" || dig(head, "repo")["fork"] != true {
		t.Errorf("head of the pull request: %v", head)
	}
	// The base repository knows the commit: a check run can be put on it, and its tree be read.
	b.get("/repos/acme/demo/git/trees/" + sha + "?recursive=1")
	var check struct {
		PullRequests []any              `json:"pull_requests"`
		CheckSuite   struct{ ID int64 } `json:"check_suite"`
	}
	b.call("POST", "/repos/acme/demo/check-runs", map[string]any{"name": "n", "head_sha": sha}).want(http.StatusCreated).into(&check)
	if len(check.PullRequests) != 0 {
		t.Errorf("the check run of a fork's commit names pull requests: %v", check.PullRequests)
	}
	var files []struct{ Filename string }
	b.get("/repos/acme/demo/pulls/" + itoa(int64(number)) + "/files").into(&files)
	if len(files) != 1 || files[0].Filename != ".github/workflows/new.yml" {
		t.Errorf("files of the pull request: %v", files)
	}
	b.clean()
}

func TestSubscriptions(t *testing.T) {
	tests := []struct {
		name        string
		permissions map[string]string
		events      []string
		want        []string
	}{
		{"check suites come with checks:write unasked", map[string]string{"checks": "write", "contents": "read"}, []string{}, []string{"check_suite.requested"}},
		{"not with checks:read", map[string]string{"checks": "read", "contents": "read"}, []string{"check_suite", "push"}, []string{"push"}},
		{"no event without its permission", map[string]string{"checks": "none"}, []string{"push", "workflow_run"}, []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, Config{Permissions: tt.permissions, Events: tt.events})
			b.settle()
			b.hooks.reset()
			if _, err := b.repo.Push("main", map[string]string{"a": "b"}, "a"); err != nil {
				t.Fatal(err)
			}
			b.settle()
			if d := cmp.Diff(tt.want, b.hooks.names()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestOneSuitePerCommit(t *testing.T) {
	b := newBench(t, Config{})
	sha, err := b.repo.Push("one", map[string]string{"a": "b"}, "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.repo.PushRef("two", sha); err != nil {
		t.Fatal(err)
	}
	b.settle()
	n := 0
	for _, name := range b.hooks.names() {
		if name == "check_suite.requested" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d check_suite.requested for one commit on two branches, want 1", n)
	}
}

func TestSendWebhook(t *testing.T) {
	b := newBench(t, Config{})
	b.settle()
	tests := []struct {
		name         string
		o            SendOptions
		signed, sha1 bool
	}{
		{"good", SendOptions{GUID: "g1"}, true, true},
		{"bad signature", SendOptions{BadSignature: true}, false, true},
		{"only SHA-1", SendOptions{SHA1Only: true}, false, true},
		{"no signature", SendOptions{NoSignature: true}, false, false},
		{"another secret", SendOptions{Secret: "old"}, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.hooks.reset()
			d, err := b.s.SendWebhook("ping", []byte(`{"zen":"x","installation":{"id":7}}`), tt.o)
			if err != nil {
				t.Fatal(err)
			}
			h := b.hooks.all()[0]
			if h.signed != tt.signed || (h.header.Get("X-Hub-Signature") != "") != tt.sha1 || h.guid != d.GUID || d.StatusCode != http.StatusAccepted || d.InstallationID != 7 {
				t.Errorf("sent %+v, recorded %+v", h, d)
			}
		})
	}
}

func TestReceiverThatFails(t *testing.T) {
	b := newBench(t, Config{HookTimeout: time.Second})
	b.settle()
	send := func(to string) Delivery {
		t.Helper()
		b.s.SetHook(to)
		d, err := b.s.SendWebhook("ping", []byte(`{}`), SendOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	stuck := newReceiver(t)
	release := make(chan struct{})
	stuck.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })
	if d := send(stuck.URL); d.StatusCode != http.StatusGatewayTimeout || d.Status != "timed out" {
		t.Errorf("slow receiver: %+v", d)
	}
	close(release)
	if d := send("http://127.0.0.1:1/"); d.StatusCode != http.StatusBadGateway {
		t.Errorf("nobody there: %+v", d)
	}
	if d := send("http://192.0.2.1/"); d.StatusCode != 0 || !strings.HasPrefix(d.Status, "refused") {
		t.Errorf("not loopback: %+v", d)
	}
	b.hooks.answer(http.StatusServiceUnavailable)
	if d := send(b.hooks.URL); d.StatusCode != http.StatusServiceUnavailable || d.Status == "OK" {
		t.Errorf("a receiver that answers 503: %+v", d)
	}
}
