package handlers

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/queue"
)

// FuzzHandlers feeds every event's parser any bytes: nothing may panic or fail,
// and what is enqueued must be addressed to an installation.
func FuzzHandlers(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(example(f, strings.TrimSuffix(filepath.Base(file), ".json"), addressed))
	}
	f.Add([]byte(`{"action":"redundancy-recover","client_payload":{"target":1e999}}`))
	b := &base{Config: Config{
		Store: newBench(f).store, Runs: &fakeRuns{watched: map[string]bool{watchedPath: true}}, AppID: appID, BotLogin: func() string { return "" },
	}}
	parsers := map[string]func(context.Context, []byte) (intent, error){
		"push": parsing(func(ctx context.Context, e *pushEvent) (intent, error) { return (&Push{b}).decide(ctx, e, "g") }),
		"workflow_run": parsing(func(ctx context.Context, e *workflowRunEvent) (intent, error) {
			return (&WorkflowRun{b}).decide(ctx, e, "g")
		}),
		"check_run": parsing(func(ctx context.Context, e *checkRunEvent) (intent, error) { return (&CheckRun{b}).decide(ctx, e, "g") }),
		"check_suite": parsing(func(_ context.Context, e *checkSuiteEvent) (intent, error) {
			return (&CheckSuite{b}).decide(e, "g"), nil
		}),
		"pull_request": parsing(func(_ context.Context, e *pullRequestEvent) (intent, error) {
			return (&PullRequest{b}).decide(e, "g"), nil
		}),
		"issue_comment": parsing(func(_ context.Context, e *issueCommentEvent) (intent, error) {
			return (&IssueComment{b}).decide(e, "g"), nil
		}),
		"repository_dispatch": parsing(func(ctx context.Context, e *repositoryDispatchEvent) (intent, error) {
			return (&RepositoryDispatch{b}).decide(ctx, e, "g"), nil
		}),
		"installation": parsing(func(_ context.Context, e *installationEvent) (intent, error) {
			return (&Installation{b}).decide(e, "g"), nil
		}),
		"installation_repositories": parsing(func(_ context.Context, e *installationRepositoriesEvent) (intent, error) {
			return (&InstallationRepositories{b}).decide(e, "g"), nil
		}),
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		for event, parse := range parsers {
			want, err := parse(t.Context(), payload)
			if err != nil {
				t.Errorf("%s: %v", event, err)
			}
			for _, item := range want.items {
				check(t, event, item)
			}
		}
	})
}

// parsing is handle without the database, which is too slow to fuzz.
func parsing[E payload](decide func(context.Context, E) (intent, error)) func(context.Context, []byte) (intent, error) {
	return func(ctx context.Context, body []byte) (intent, error) {
		if e, err := decode[E](body); err == nil {
			return decide(ctx, e)
		}
		return ignore("malformed"), nil
	}
}

func check(t *testing.T, event string, item queue.Item) {
	t.Helper()
	var repo queue.Repo
	switch args := item.Args.(type) {
	case queue.SyncInstallation:
		if args.InstallationID <= 0 {
			t.Errorf("%s: no installation: %+v", event, args)
		}
		return
	case queue.ValidateCommit:
		repo = args.Repo
		if args.SHA != "" && !isCommit(args.SHA) {
			t.Errorf("%s: bad commit: %+v", event, args)
		}
	case queue.LoadConfig:
		repo = args.Repo
	case queue.ObserveRun:
		repo = args.Repo
	case queue.RunCommand:
		repo = args.Repo
	case queue.Recover:
		repo = args.Repo
		if len(args.Target) > maxTarget || len(args.Reason) > maxReason || args.Depth < 0 || args.Depth > maxDepth {
			t.Errorf("%s: out of bounds: %+v", event, args)
		}
	}
	if repo.InstallationID <= 0 || repo.ID <= 0 || repo.Owner == "" || repo.Name == "" {
		t.Errorf("%s: not addressed: %+v", event, item.Args)
	}
}
