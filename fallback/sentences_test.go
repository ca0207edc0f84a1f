package fallback

import (
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// TestSentencesOfPauses: what is put together from parts is a sentence, for one
// workflow and for many.
func TestSentencesOfPauses(t *testing.T) {
	workflow := store.Pause{Scope: store.PauseWorkflow, Owner: "acme", Repo: "site", WorkflowPath: ".github/workflows/sync.yml"}
	repository := store.Pause{Scope: store.PauseRepository, Owner: "acme", Repo: "site", Actor: "bob"}
	everything := store.Pause{Scope: store.PauseAll}
	const rest = ". What is under way is followed to its end; trouble is noticed and recorded, and nothing new begins by itself."
	for _, tt := range []struct{ got, want string }{
		{resumeAnswer(ResumeRequest{}, &workflow, nil, nil).Message, "No pause in force was made for sync."},
		{resumeAnswer(ResumeRequest{}, &repository, nil, nil).Message, "No pause in force was made for all workflows of acme/site."},
		{resumeAnswer(ResumeRequest{}, &everything, nil, nil).Message, "No pause in force was made for everything."},
		{
			resumeAnswer(ResumeRequest{}, &workflow, nil, []string{pauseText(&repository)}).Message,
			"No pause in force was made for sync. Still: bob paused all workflows of acme/site.",
		},
		{resumeAnswer(ResumeRequest{ID: 3}, &everything, nil, nil).Message, "There is no pause 3 that is in force or to come."},
		{resumeAnswer(ResumeRequest{}, &repository, []string{"a", "b", "c", "d", "e", "f"}, nil).Message, "Resumed a, b, c, d, e, 1 more."},
		{pauseAnswer(&workflow, nil, 0), "Paused sync until somebody resumes" + rest},
		{
			pauseAnswer(&store.Pause{Scope: store.PauseAll, UntilAt: 1000}, &repository, 0),
			"Paused everything until 1970-01-01 00:00:01 UTC; the pause that bob made goes on until somebody resumes, and nothing but resuming ends it sooner" + rest,
		},
		{pauseAnswer(&store.Pause{Scope: store.PauseRepository, Owner: "acme", Repo: "site", FromAt: 1000}, nil, 1), "Will pause all workflows of acme/site from 1970-01-01 00:00:01 UTC until somebody resumes" + rest},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

// TestResumingSaysEachThingOnce: two people paused the same.
func TestResumingSaysEachThingOnce(t *testing.T) {
	b := newBench(t, config.Workflow{})
	b.pause(PauseRequest{Repo: b.at, Actor: "alice"})
	b.pause(PauseRequest{Repo: b.at, Actor: "bob", For: time.Minute})
	if a, err := b.engine.Unpause(b.ctx, ResumeRequest{Repo: b.at}); err != nil || a.Message != "Resumed all workflows of acme/site." {
		t.Errorf("%q, %v", a.Message, err)
	}
}

// TestOneOfSomething: counts of one are told of as one.
func TestOneOfSomething(t *testing.T) {
	for held, want := range map[int]string{1: "GitHub Actions works again; waiting for it: 1 incident", 2: "GitHub Actions works again; waiting for it: 2 incidents"} {
		if got := (UpstreamStatus{Dependency: "github-actions", Held: held}).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	b := newBench(t, config.Workflow{Recover: []config.Step{local}})
	b.actions.exit["git-sync"] = 1
	b.fail("failure")
	b.want(Exhausted)
	b.actions.exit["git-sync"] = 0
	if a := b.ask(queue.Recover{Repo: b.at, Actor: "octocat"}); !strings.Contains(a.Message, "tries its 1 step again") {
		t.Errorf("%+v", a)
	}
}

func TestUpper(t *testing.T) {
	for in, want := range map[string]string{"": "", "a b": "A b", "A": "A", "élodie paused": "Élodie paused", "ßx": "ßx", "日本": "日本", "\xff": "\uFFFD"} {
		if got := upper(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
