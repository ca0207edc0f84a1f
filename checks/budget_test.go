package checks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/redundancy-app/redundancy/checks"
	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/queue"
)

func workflows(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[path(fmt.Sprintf("w%03d.yml", i))] = fmt.Sprintf("name: w%d\n", i) + good
	}
	return files
}

// A commit whose files take all the time of one is reported as far as that
// went, says so, and goes on there when it is asked for again.
func TestLintBudget(t *testing.T) {
	files := workflows(40)
	files[".github/redundancy.yml"] = "version: 1\nworkflows: []\nvalidate: {ignore: [not-checked]}\n"
	b := setup(t, files)
	sha := b.repo.Head("main")
	b.validator = checks.New(checks.Config{
		Store: b.store, Queue: b.queue, Clients: b.clients, Publisher: &checkrun.Publisher{AppID: b.gh.AppID},
		Clock: clockwork.NewRealClock(), WebURL: b.gh.URL(), LintBudget: time.Nanosecond,
	})
	b.must(t, 1, queue.ValidateCommit{SHA: sha})
	run := b.only(t, sha)
	if run.Conclusion != "neutral" || !strings.HasSuffix(run.Title, " files not checked") || len(run.Annotations) != 1 {
		t.Fatalf("conclusion %s, title %q, annotations %v", run.Conclusion, run.Title, places(run))
	}
	if a := run.Annotations[0]; a.Level != "notice" || !strings.HasPrefix(a.Message, "not checked: .github/workflows/w") || !strings.Contains(a.Message, " more. ") {
		t.Errorf("annotation %+v", a)
	}
	if !strings.Contains(run.Summary, "files not checked**") || strings.Contains(run.Summary, "40 workflow files checked") {
		t.Errorf("summary %q", run.Summary)
	}
	before := b.gh.Count("git/get-blob")
	if before >= 40 {
		t.Errorf("%d files were read without time for them", before)
	}
	b.restart(t)
	b.must(t, 2, queue.ValidateCommit{SHA: sha, Again: true, DeliveryID: "d"})
	runs := b.repo.CheckRuns(sha)
	if last := runs[len(runs)-1]; last.Conclusion != "success" || last.Title != "No problems in 40 workflow files" {
		t.Errorf("asked again: %s %q", last.Conclusion, last.Title)
	}
	// Those that were read while the time ran out are read again.
	if n := b.gh.Count("git/get-blob"); n > 41+8 {
		t.Errorf("%d files read in both attempts", n)
	}
}

// A shutdown ends a validation between two files, and keeps what it has.
func TestCancelledBetweenFiles(t *testing.T) {
	const n = 600
	b := setup(t, workflows(n))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan error, 1)
	go func() {
		seen <- b.gh.Wait(ctx, func() bool { return b.gh.Count("git/get-blob") >= 80 })
		cancel()
	}()
	args := queue.ValidateCommit{Repo: b.at, SHA: b.repo.Head("main")}
	raw, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.validator.Work(ctx, queue.Job{ID: 1, Kind: args.Kind(), Args: raw}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := <-seen; err != nil {
		t.Fatal(err)
	}
	if read := b.gh.Count("git/get-blob"); read > n/2 {
		t.Errorf("%d files read although nobody wanted them any more", read)
	}
	b.restart(t)
	b.must(t, 1, queue.ValidateCommit{SHA: args.SHA})
	if read := b.gh.Count("git/get-blob"); read > n+8 {
		t.Errorf("%d files read in both attempts", read)
	}
}
