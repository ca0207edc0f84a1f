package guard_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/jonboulle/clockwork"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/queue/embedded"
	"github.com/redundancy-app/redundancy/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	apiToken = "api-token-of-the-guard-test"
	repoID   = 9
	runID    = 509
)

// action is what of action.yml a runner acts on.
type action struct {
	Inputs map[string]struct {
		Default  string `yaml:"default"`
		Required bool   `yaml:"required"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []struct {
			ID    string            `yaml:"id"`
			Shell string            `yaml:"shell"`
			Env   map[string]string `yaml:"env"`
			Run   string            `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"runs"`
}

func readAction(t *testing.T) action {
	t.Helper()
	text, err := os.ReadFile("action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	if err := yaml.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// world is a server with a run of repository 9 that is under way.
type world struct {
	*testing.T
	store *store.Store
	url   string
	asked []*http.Request
}

type noConfig struct{}

func (noConfig) InForce(context.Context, int64) (config.Repository, bool, error) {
	return config.Repository{}, true, nil
}

func (noConfig) Load(context.Context, queue.Repo) (config.Repository, error) {
	return config.Repository{}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t}
	var err error
	if w.store, err = store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "r.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.store.Close() })
	clock := clockwork.NewRealClock()
	jobs, err := embedded.New(embedded.Config{Store: w.store, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	engine := fallback.New(fallback.Config{Store: w.store, Queue: jobs, Clock: clock, Configs: noConfig{}})
	t.Cleanup(engine.Close)
	w.update(func(ctx context.Context, tx *store.Tx) error {
		if _, _, err := store.SaveInstallation(ctx, tx, store.Installation{ID: 7, Account: "acme", State: store.InstallationActive, UpdatedAt: 1}); err != nil {
			return err
		}
		if _, err := store.SaveRepositories(ctx, tx, []store.Repository{{ID: repoID, InstallationID: 7, Owner: "acme", Name: "site", SeenAt: 1}}); err != nil {
			return err
		}
		_, err := tx.SaveRun(ctx, store.WorkflowRun{
			RepoID: repoID, RunID: runID, Attempt: 1, WorkflowPath: ".github/workflows/x.yml", Event: "push", Status: "in_progress", CreatedAt: 1, UpdatedAt: 1,
		})
		return err
	})
	handler := api.New(api.Config{
		Token: apiToken, Clock: clock, Log: zerolog.Nop(), Gatherer: prometheus.NewRegistry(),
		Incidents: engine, Claims: engine, Pauses: engine, Repositories: w.store, Jobs: jobs,
	})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked = append(w.asked, r.Clone(context.Background()))
		handler.ServeHTTP(rw, r)
	}))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

func (w *world) update(f func(ctx context.Context, tx *store.Tx) error) {
	w.Helper()
	if err := w.store.Update(w.Context(), f); err != nil {
		w.Fatal(err)
	}
}

// claim puts the claim of the run into a state.
func (w *world) claim(state store.ClaimState, owner string) (key string, epoch int64) {
	w.Helper()
	key = fallback.OccurrenceKey(7, repoID, ".github/workflows/x.yml", "push", "", runID)
	w.update(func(ctx context.Context, tx *store.Tx) error {
		now := store.MillisOf(time.Now())
		c, ok, err := tx.Acquire(ctx, key, owner, now, now+store.Millis(time.Hour.Milliseconds()))
		if err != nil || !ok {
			return fmt.Errorf("%v: %w", c, err)
		}
		epoch = c.Epoch
		return tx.SetClaim(ctx, key, c.Epoch, state, now)
	})
	return key, epoch
}

// outcome of a run of the action.
type outcome struct {
	code    int
	log     string
	outputs map[string]string
}

var expression = regexp.MustCompile(`\$\{\{ *([a-z_.]+) *\}\}`)

// use runs the action's steps as a runner does: inputs and contexts are put
// into the environment, nothing else of them is seen by the shell.
func use(t *testing.T, inputs map[string]string) outcome {
	t.Helper()
	return useIn(t, t.TempDir(), inputs)
}

// useIn keeps the outputs in a folder.
func useIn(t *testing.T, folder string, inputs map[string]string) outcome {
	t.Helper()
	a := readAction(t)
	values := map[string]string{"github.repository_id": fmt.Sprint(repoID), "github.run_id": fmt.Sprint(runID), "github.run_attempt": "1"}
	for name, in := range a.Inputs {
		values["inputs."+name] = in.Default
	}
	for name, v := range inputs {
		if _, known := a.Inputs[name]; !known {
			t.Fatalf("the action has no input %s", name)
		}
		values["inputs."+name] = v
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(folder, "output")
	got := outcome{outputs: map[string]string{}}
	for _, step := range a.Runs.Steps {
		cmd := exec.CommandContext(t.Context(), step.Shell, "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step.Run)
		cmd.Env = append(os.Environ(), "GITHUB_ACTION_PATH="+dir, "GITHUB_OUTPUT="+out, "no_proxy=*")
		for name, value := range step.Env {
			cmd.Env = append(cmd.Env, name+"="+expression.ReplaceAllStringFunc(value, func(e string) string {
				v, known := values[expression.FindStringSubmatch(e)[1]]
				if !known {
					t.Fatalf("the action uses %s, which no runner has", e)
				}
				return v
			}))
		}
		text, err := cmd.CombinedOutput()
		got.log += string(text)
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			got.code = exit.ExitCode()
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	text, _ := os.ReadFile(out) // none when there is no output
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got.outputs[name] = value
	}
	return got
}

func (o outcome) want(t *testing.T, code int, proceed, annotation, says string) {
	t.Helper()
	if o.code != code || o.outputs["proceed"] != proceed || !strings.Contains(o.log, "::"+annotation+" ") || !strings.Contains(o.log, says) {
		t.Errorf("exit %d, outputs %v, log:\n%s\nwant exit %d, proceed %s, %s with %q", o.code, o.outputs, o.log, code, proceed, annotation, says)
	}
}
