package repoconfig_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/repoconfig"
	"github.com/redundancy-app/redundancy/store"
)

const syncPath = ".github/workflows/sync.yml"

func nightly(hour int) string {
	return fmt.Sprintf("on: {schedule: [{cron: '0 %d * * *', timezone: Europe/Berlin}]}\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}\n", hour)
}

// enrolments are what a loader says is in force: "attempts of the first step,
// crons of the workflow".
type enrolments struct {
	told []string
	err  error
}

func (r *enrolments) take() []string {
	told := r.told
	r.told = nil
	return told
}

func enrolling(t *testing.T, b *bench) *enrolments {
	t.Helper()
	r := &enrolments{}
	var err error
	b.loader, err = repoconfig.New(repoconfig.Config{
		Store: b.db, Clients: b.clients, Clock: b.clock, Registerer: prometheus.NewRegistry(),
		Enrol: func(_ context.Context, _ *store.Tx, repo queue.Repo, c config.Repository, facts map[string]config.WorkflowFacts) error {
			if repo != b.at {
				t.Errorf("enrolled %v", repo)
			}
			text := "nothing"
			for _, w := range c.Workflows {
				f, ok := facts[w.File]
				text = fmt.Sprintf("%d attempts, file %v, %v", w.Recover[0].Rerun.Attempts, ok, f.Crons)
			}
			r.told = append(r.told, text)
			return r.err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEnrol: whoever watches hears of each configuration and of each change of
// the watched files, with what the files at the head say.
func TestEnrol(t *testing.T) {
	b := start(t, map[string]string{config.RepositoryPath: good, syncPath: nightly(2), ".github/workflows/other.yml": workflow})
	r := enrolling(t, b)
	for _, step := range []struct {
		name string
		push map[string]string
		want []string
	}{
		{"first", nil, []string{"2 attempts, file true, [{0 2 * * * Europe/Berlin}]"}},
		{"nothing new", nil, nil},
		{"another file", map[string]string{"README.md": "hello"}, nil},
		{"another cron", map[string]string{syncPath: nightly(3)}, []string{"2 attempts, file true, [{0 3 * * * Europe/Berlin}]"}},
		{"another configuration", map[string]string{config.RepositoryPath: better}, []string{"3 attempts, file true, [{0 3 * * * Europe/Berlin}]"}},
		{"broken: the last good one stays", map[string]string{config.RepositoryPath: broken}, []string{"3 attempts, file true, [{0 3 * * * Europe/Berlin}]"}},
		{"its crons change all the same", map[string]string{syncPath: nightly(4)}, []string{"3 attempts, file true, [{0 4 * * * Europe/Berlin}]"}},
		{"mended", map[string]string{config.RepositoryPath: good}, []string{"2 attempts, file true, [{0 4 * * * Europe/Berlin}]"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.push != nil {
				b.push(step.push)
			}
			b.load()
			if diff := cmp.Diff(step.want, r.take()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestEnrolIsPartOfTheChange: a configuration is not in force for one and not
// for the other.
func TestEnrolIsPartOfTheChange(t *testing.T) {
	b := start(t, map[string]string{config.RepositoryPath: good, syncPath: nightly(2)})
	r := enrolling(t, b)
	r.err = errors.New("disk full")
	if err := b.work(); !errors.Is(err, r.err) {
		t.Fatal(err)
	}
	if _, known, err := b.loader.InForce(t.Context(), b.at.ID); err != nil || known {
		t.Errorf("known %v, %v", known, err)
	}
	r.err = nil
	b.load()
	if len(r.take()) != 2 {
		t.Error("it was not enrolled when that worked again")
	}
}
