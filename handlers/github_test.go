package handlers

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"
	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/commands"
	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/store"
)

// tee records what is enqueued, and passes it on when there is a next one.
type tee struct {
	next queue.Enqueuer

	mu    sync.Mutex
	items []queue.Item
}

func (q *tee) Enqueue(ctx context.Context, tx *store.Tx, items ...queue.Item) error {
	tx.OnCommit(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.items = append(q.items, items...)
	})
	if q.next == nil {
		return nil
	}
	return q.next.Enqueue(ctx, tx, items...)
}

func (q *tee) take() []queue.Item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

// connected is the App behind go-githubapp's own dispatcher, with signed
// webhooks from the double of GitHub.
type connected struct {
	*bench
	gh   *githubtest.Server
	site *githubtest.Repo
	repo queue.Repo
	jobs tee
}

func connect(t *testing.T) *connected {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c := &connected{bench: newBench(t), gh: gh}
	handlers := All(Config{
		Store: c.store, Queue: &c.jobs, Clock: c.clock, Runs: &c.runs, AppID: gh.AppID, BotLogin: func() string { return "redundancy[bot]" },
	})
	hook := httptest.NewServer(githubapp.NewEventDispatcher(handlers, gh.Secret()))
	t.Cleanup(func() {
		hook.Close()
		for _, v := range gh.Violations() {
			t.Errorf("GitHub would refuse: %s", v)
		}
		for _, d := range gh.Deliveries() {
			if d.StatusCode/100 != 2 {
				t.Errorf("delivery of %s %s: %d %s", d.Event, d.Action, d.StatusCode, d.Status)
			}
		}
		if err := gh.Close(); err != nil {
			t.Error(err)
		}
	})
	gh.SetHook(hook.URL)
	if c.site, err = gh.AddRepo("acme", "site", map[string]string{
		watchedPath: "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: x}]}}\n",
	}); err != nil {
		t.Fatal(err)
	}
	c.repo = queue.Repo{InstallationID: gh.Install("acme"), ID: c.site.ID, Owner: "acme", Name: "site"}
	gh.SetPermission(c.site, "alice", "write")
	c.settle(t)
	return c
}

func (c *connected) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.gh.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// asked is what was enqueued since the last call, without delivery ids and
// without what the queue would fold.
func (c *connected) asked(t *testing.T) []queue.Args {
	t.Helper()
	c.settle(t)
	var out []queue.Args
	var seen []string
	for _, item := range c.jobs.take() {
		if u := item.Options.Unique; strings.HasPrefix(u, "recover:") || !slices.Contains(seen, u) {
			seen = append(seen, u)
			out = append(out, anonymous(item.Args))
		}
	}
	return out
}

func anonymous(args queue.Args) queue.Args {
	switch a := args.(type) {
	case queue.ValidateCommit:
		a.DeliveryID = ""
		return a
	case queue.LoadConfig:
		a.DeliveryID = ""
		return a
	case queue.ExpectRun:
		a.DeliveryID, a.PushedAt = "", min(a.PushedAt, 1)
		return a
	case queue.ObserveRun:
		a.DeliveryID = ""
		return a
	case queue.Recover:
		a.DeliveryID = ""
		return a
	case queue.RunCommand:
		a.DeliveryID = ""
		return a
	case queue.SyncInstallation:
		a.DeliveryID = ""
		return a
	}
	return args
}

func (c *connected) want(t *testing.T, what string, want ...queue.Args) {
	t.Helper()
	if diff := cmp.Diff(want, c.asked(t)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestWebhooksOfGitHub lets things happen on GitHub and looks at what they lead to.
func TestWebhooksOfGitHub(t *testing.T) {
	c := connect(t)
	c.want(t, "installed", queue.SyncInstallation{InstallationID: c.repo.InstallationID})

	before := c.site.Head("main")
	sha, err := c.site.Push("main", map[string]string{".github/redundancy.yml": "version: 1\n"}, "configure")
	ok(t, err)
	c.want(t, "pushed to main", queue.ValidateCommit{Repo: c.repo, SHA: sha}, queue.ExpectRun{Repo: c.repo, Branch: "main", SHA: sha, PushedAt: 1}, queue.LoadConfig{Repo: c.repo, Before: before})

	topic, err := c.site.Push("topic", map[string]string{"a.txt": "a\n"}, "topic")
	ok(t, err)
	c.want(t, "pushed to a branch", queue.ValidateCommit{Repo: c.repo, SHA: topic})
	ok(t, c.site.DeleteBranch("topic"))
	c.want(t, "deleted a branch")

	_, fork, err := c.site.OpenForkPull("bob", "main", map[string]string{"b.txt": "b\n"}, "from a fork")
	ok(t, err)
	c.want(t, "pull request of a fork", queue.ValidateCommit{Repo: c.repo, SHA: fork})

	ok(t, c.site.RerequestSuite(sha, "alice"))
	c.want(t, "re-run all checks", queue.ValidateCommit{Repo: c.repo, SHA: sha, Again: true})

	ok(t, c.site.SendDispatch("redundancy-recover", map[string]any{"target": "marketing-sync", "depth": 1}, "alice"))
	c.want(t, "dispatched", queue.Recover{Repo: c.repo, Target: "marketing-sync", Actor: "alice", Depth: 1, Automated: true})
	ok(t, c.site.SendDispatch("redundancy-validate", map[string]any{"ref": "main"}, "alice"))
	c.want(t, "dispatched", queue.ValidateCommit{Repo: c.repo, Ref: "main", Again: true})

	number := c.site.OpenIssue("alice", "x")
	id, err := c.site.Comment(number, "alice", "/redundancy status")
	ok(t, err)
	c.want(t, "commented", queue.RunCommand{Repo: c.repo, Number: number, CommentID: id, Author: "alice", Body: "/redundancy status"})
	ok(t, c.site.EditComment(id, "alice", "/redundancy recover"))
	c.want(t, "edited a comment")

	c.runs.watched[watchedPath] = true
	run, err := c.site.StartRun("marketing-sync.yml", "schedule")
	ok(t, err)
	c.want(t, "run started")
	ok(t, run.Complete("failure"))
	c.want(t, "run failed", queue.ObserveRun{Repo: c.repo, RunID: run.ID})

	ok(t, c.gh.Suspend(c.repo.InstallationID))
	c.want(t, "suspended", queue.SyncInstallation{InstallationID: c.repo.InstallationID})
}

func TestButtonsOfOurCheckRuns(t *testing.T) {
	c := connect(t)
	clients, err := githubapi.New(githubapi.Config{BaseURL: c.gh.URL(), AppID: c.gh.AppID, PrivateKey: c.gh.PrivateKeyPEM()})
	ok(t, err)
	client, err := clients.Installation(c.repo.InstallationID)
	ok(t, err)
	sha := c.site.Head("main")
	made := map[string]int64{}
	for _, name := range []string{"redundancy / validate", "redundancy / recover marketing-sync"} {
		run, _, err := client.Checks.CreateCheckRun(t.Context(), "acme", "site", github.CreateCheckRunOptions{
			Name: name, HeadSHA: sha, Conclusion: github.String("failure"),
			Actions: []*github.CheckRunAction{{Label: "Recover", Description: "Try again", Identifier: "recover"}},
		})
		ok(t, err)
		made[name] = run.GetID()
	}
	foreign := c.site.AddForeignCheckRun(sha, "redundancy / recover other", "failure")
	c.asked(t)

	recovery := queue.Recover{Repo: c.repo, Target: "marketing-sync", Actor: "alice", Verify: true}
	recovery.Reason = "button"
	ok(t, c.site.ClickAction(made["redundancy / recover marketing-sync"], "recover", "alice"))
	c.want(t, "button", recovery)
	recovery.Reason = "re-run of the check run"
	ok(t, c.site.RerequestCheck(made["redundancy / recover marketing-sync"], "alice"))
	c.want(t, "re-run of the recovery", recovery)
	ok(t, c.site.RerequestCheck(made["redundancy / validate"], "alice"))
	c.want(t, "re-run of the validation", queue.ValidateCommit{Repo: c.repo, SHA: sha, Again: true})
	_ = c.site.RerequestCheck(foreign, "alice")
	c.want(t, "re-run of another App's")
}

// TestCommandsFromWebhookToReply runs the whole way with the real queue.
func TestCommandsFromWebhookToReply(t *testing.T) {
	c := connect(t)
	clock := clockwork.NewRealClock()
	clients, err := githubapi.New(githubapi.Config{BaseURL: c.gh.URL(), AppID: c.gh.AppID, PrivateKey: c.gh.PrivateKeyPEM()})
	ok(t, err)
	jobs, err := embedded.New(embedded.Config{Store: c.store, Log: zerolog.Nop(), Classify: githubapi.Classify(clock)})
	ok(t, err)
	worker := commands.New(commands.Config{
		Store: c.store, Queue: jobs, Clock: clock, Clients: clients, BotLogin: func() string { return "redundancy[bot]" },
	})
	for kind, w := range worker.Workers() {
		jobs.Handle(kind, w)
	}
	ok(t, jobs.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		ok(t, jobs.Drain(ctx))
	})
	// Only comments go on into the queue: the other kinds have no worker here.
	c.jobs.next = enqueueFunc(func(ctx context.Context, tx *store.Tx, items ...queue.Item) error {
		items = slices.DeleteFunc(slices.Clone(items), func(i queue.Item) bool { return i.Args.Kind() != queue.RunCommand{}.Kind() })
		return jobs.Enqueue(ctx, tx, items...)
	})

	number := c.site.OpenIssue("alice", "x")
	_, err = c.site.Comment(number, "alice", "/redundancy help")
	ok(t, err)
	_, err = c.site.Comment(number, "mallory", "/redundancy help")
	ok(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ok(t, c.gh.Wait(ctx, func() bool {
		list := c.site.Comments(number)
		return len(list) == 3 && strings.Contains(list[2].Body, "write access") && strings.Contains(list[2].Body, "Earlier")
	}))
	list := c.site.Comments(number)
	want := map[string][]githubtest.Reaction{
		"alice":   {{User: "redundancy[bot]", Content: "eyes"}, {User: "redundancy[bot]", Content: "rocket"}},
		"mallory": {{User: "redundancy[bot]", Content: "confused"}},
	}
	for _, comment := range list[:2] {
		if diff := cmp.Diff(want[comment.Author], comment.Reactions); diff != "" {
			t.Errorf("reactions to %s (-want +got):\n%s", comment.Author, diff)
		}
	}
}

type enqueueFunc func(context.Context, *store.Tx, ...queue.Item) error

func (f enqueueFunc) Enqueue(ctx context.Context, tx *store.Tx, items ...queue.Item) error {
	return f(ctx, tx, items...)
}
