package checks_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/checks"
	"github.com/redundancy-app/redundancy/checks/checkrun"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

func TestCrashBetweenPostAndRecord(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): broken})
	sha := b.repo.Head("main")
	b.gh.Fault(githubtest.Fault{Operation: "checks/create", Kind: githubtest.Reset, AfterEffect: true})
	if err := b.work(t, 1, queue.ValidateCommit{SHA: sha}); err == nil {
		t.Fatal("no error although the answer was lost")
	}
	b.restart(t)
	b.must(t, 1, queue.ValidateCommit{SHA: sha})
	if run := b.only(t, sha); len(run.Annotations) != 1 {
		t.Errorf("annotations %v", places(run))
	}
}

func TestFaultsInReading(t *testing.T) {
	for name, fault := range map[string]githubtest.Fault{
		"tree":          {Operation: "git/get-tree", Kind: githubtest.Status, Code: 502},
		"blob":          {Operation: "git/get-blob", Kind: githubtest.Status, Code: 500, Skip: 3},
		"half a blob":   {Operation: "git/get-blob", Kind: githubtest.Truncate, Skip: 3},
		"another blob":  {Operation: "git/get-blob", Kind: githubtest.BadJSON, Skip: 3},
		"limit reached": {Operation: "git/get-blob", Kind: githubtest.Primary, Skip: 3},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			for i := range 12 {
				files[path(fmt.Sprintf("w%d.yml", i))] = fmt.Sprintf("name: w%d\n", i) + good
			}
			b := setup(t, files)
			sha := b.repo.Head("main")
			b.gh.Fault(fault)
			if err := b.work(t, 1, queue.ValidateCommit{SHA: sha}); err == nil {
				t.Fatal("no error")
			}
			if runs := b.repo.CheckRuns(sha); len(runs) != 0 {
				t.Errorf("posted although not everything was read: %+v", runs)
			}
			if fault.Kind == githubtest.Primary {
				return // the client stays closed until the reset
			}
			b.must(t, 1, queue.ValidateCommit{SHA: sha})
			if run := b.only(t, sha); run.Conclusion != "success" || run.Title != "No problems in 12 workflow files" {
				t.Errorf("check run %+v", run)
			}
			if effects := b.gh.Count("git/get-blob"); name == "blob" && effects > 12+8 {
				t.Errorf("what had been read was read again: %d requests", effects)
			}
		})
	}
}

func TestAThousandWorkflows(t *testing.T) {
	files := map[string]string{}
	for i := range 1000 {
		files[path(fmt.Sprintf("w%04d.yml", i))] = fmt.Sprintf("name: w%d\n", i) + broken
	}
	files[path("big.yml")] = good + strings.Repeat("#", 500_001)
	b := setup(t, files)
	sha := b.repo.Head("main")
	b.must(t, 1, queue.ValidateCommit{SHA: sha})
	run := b.only(t, sha)
	if len(run.Annotations) != checkrun.MaxAnnotations || run.Conclusion != "neutral" || run.Title != "Advice: 1001 errors in 1001 workflow files" {
		t.Errorf("%d annotations, title %q", len(run.Annotations), run.Title)
	}
	if a := run.Annotations[0]; a.Path != path("big.yml") || a.Title != "file-size" {
		t.Errorf("the file that is too large gave %+v", a)
	}
	b.gh.ForgetCalls()
	sha = b.push(t, map[string]string{path("w0500.yml"): good})
	b.must(t, 2, queue.ValidateCommit{SHA: sha})
	if n := b.gh.Count("git/get-blob"); n != 1 {
		t.Errorf("%d blobs read after a change of one of 1,000", n)
	}
	if run := b.only(t, sha); len(run.Annotations) != 1000 {
		t.Errorf("%d annotations", len(run.Annotations))
	}
}

func TestCommitsThatAreNone(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): good})
	b.must(t, 1, queue.ValidateCommit{SHA: strings.Repeat("0", 40)})
	var permanent *queue.PermanentError
	if err := b.work(t, 2, queue.ValidateCommit{SHA: "../../user"}); !errors.As(err, &permanent) {
		t.Errorf("error %v, want a permanent one", err)
	}
	for _, ref := range []string{"../../../user", "a b", "x?y", "no-such-branch", "/", strings.Repeat("x", 300), "a..b", "@{u}", ".x"} {
		b.must(t, 3, queue.ValidateCommit{Ref: ref})
	}
	for _, c := range b.gh.Calls() {
		if strings.HasPrefix(c.Operation, "repos/get-commit") && !strings.Contains(c.Path, "no-such-branch") {
			t.Errorf("asked for %s", c.Path)
		}
	}
	if n := b.gh.Effects("checks/create"); n != 0 {
		t.Errorf("%d check runs", n)
	}
	if err := b.validator.Work(t.Context(), queue.Job{Args: []byte("{")}); !errors.As(err, &permanent) {
		t.Errorf("error %v, want a permanent one", err)
	}
}

func TestRefsAreResolvedAndQueued(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): good})
	main := b.repo.Head("main")
	feature, err := b.repo.Push("feature/x", map[string]string{"x": "y"}, "branch")
	if err != nil {
		t.Fatal(err)
	}
	b.queue.Handle(queue.ValidateCommit{}.Kind(), queue.Worker{Work: b.validator.Work, Timeout: checks.Timeout})
	if err := b.queue.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = b.store.Update(ctx, func(ctx context.Context, tx *store.Tx) error {
		return b.queue.Enqueue(ctx, tx, queue.ValidateCommit{Repo: b.at, Again: true, DeliveryID: "d1"}.Item(), queue.ValidateCommit{Repo: b.at, Ref: "feature/x", Again: true, DeliveryID: "d2"}.Item())
	})
	if err != nil {
		t.Fatal(err)
	}
	err = b.gh.Wait(ctx, func() bool { return len(b.repo.CheckRuns(main)) == 1 && len(b.repo.CheckRuns(feature)) == 1 })
	if err != nil {
		t.Errorf("wait for check runs: %v", err)
	}
	if err := b.queue.Drain(ctx); err != nil {
		t.Error(err)
	}
	if got := b.only(t, feature).ExternalID; got != "validate/"+feature+"/d2" {
		t.Errorf("external id %q", got)
	}
}

func TestRetention(t *testing.T) {
	b := setup(t, map[string]string{path("a.yml"): good})
	first := b.repo.Head("main")
	b.must(t, 1, queue.ValidateCommit{SHA: first})
	b.clock.Advance(20 * 24 * time.Hour)
	second := b.push(t, map[string]string{path("b.yml"): broken})
	b.must(t, 2, queue.ValidateCommit{SHA: second}) // uses a.yml again, from memory
	b.clock.Advance(20 * 24 * time.Hour)
	b.restart(t) // only the store remembers, and only what was noted as used
	third := b.push(t, map[string]string{path("c.yml"): broken + "# c\n"})
	b.must(t, 3, queue.ValidateCommit{SHA: third})
	if n := b.gh.Count("git/get-blob"); n != 3 {
		t.Errorf("%d blobs read, want 3: what is used stays", n)
	}
	b.clock.Advance(100 * 24 * time.Hour)
	fourth := b.push(t, map[string]string{"README.md": "x"})
	b.must(t, 4, queue.ValidateCommit{SHA: fourth}) // touches the three
	for sha, want := range map[string]bool{first: false, second: false, third: false, fourth: true} {
		if _, ok, err := b.store.Validation(t.Context(), b.at.ID, sha); err != nil || ok != want {
			t.Errorf("record of %s is there: %t, %v", sha, ok, err)
		}
	}
	b.must(t, 5, queue.ValidateCommit{SHA: third}) // its record is gone, its Check Run is not
	b.only(t, third)
}
