// Package guard_test runs the guard action's own steps, with bash and curl,
// against the real API and engine.
package guard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
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
	out := filepath.Join(t.TempDir(), "output")
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

func TestThePrimary(t *testing.T) {
	w := newWorld(t)
	in := map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID)}
	first := use(t, in)
	first.want(t, 0, "true", "notice", "epoch 1")
	if first.outputs["epoch"] != "1" {
		t.Errorf("epoch %q", first.outputs["epoch"])
	}
	use(t, in).want(t, 0, "true", "notice", "epoch 1") // asked again after a lost answer
	w.update(func(ctx context.Context, tx *store.Tx) error { return tx.SettleRun(ctx, runID, 5) })
	use(t, in).want(t, 0, "false", "notice", "skip: the work is already done by run:509:1")
}

func TestThePrimaryIsToldToSkip(t *testing.T) {
	for state, says := range map[store.ClaimState]string{
		store.ClaimDone: "already done by incident:4", store.ClaimHeld: "incident:4 is doing the work", store.ClaimInDoubt: "a person decides",
	} {
		t.Run(string(state), func(t *testing.T) {
			w := newWorld(t)
			w.claim(state, "incident:4")
			use(t, map[string]string{"server": w.url + "/", "token": api.GuardToken(apiToken, repoID)}).want(t, 0, "false", "notice", says)
		})
	}
}

func TestWithoutAClearAnswerThePrimaryGoesAheadAndTheFallbackDoesNot(t *testing.T) {
	w := newWorld(t)
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	silent := make(chan struct{})
	respond := func(status int, body string) string {
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if status == 0 { // never
				<-silent
				return
			}
			if status == http.StatusFound {
				rw.Header().Set("Location", w.url+r.URL.Path)
			}
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	good := api.GuardToken(apiToken, repoID)
	for name, tc := range map[string]struct {
		inputs map[string]string
		says   string
	}{
		"nobody listens":     {map[string]string{"server": nobody, "token": good}, "no answer"},
		"no answer in time":  {map[string]string{"server": respond(0, ""), "token": good, "timeout": "1"}, "no answer"},
		"500":                {map[string]string{"server": respond(500, "{}"), "token": good}, "answers 500"},
		"503":                {map[string]string{"server": respond(503, "{}"), "token": good}, "answers 503"},
		"a redirect":         {map[string]string{"server": respond(302, ""), "token": good}, "answers 302"},
		"409 of a proxy":     {map[string]string{"server": respond(409, "<html>conflict</html>"), "token": good}, ""},
		"409 of another API": {map[string]string{"server": respond(409, `{"state": "busy"}`), "token": good}, ""},
		"wrong token":        {map[string]string{"server": w.url, "token": good + "x"}, "answers 401"},
		"another repository": {map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID+1)}, "answers 403"},
		"no token":           {map[string]string{"server": w.url, "token": ""}, "no token"},
		"hostile token":      {map[string]string{"server": w.url, "token": "a\"\nurl = \"file:///etc/passwd"}, "characters"},
		"hostile server":     {map[string]string{"server": "-o/etc/passwd", "token": good}, "no http address"},
		"server with a line": {map[string]string{"server": "http://x\n::error::x", "token": good}, "no http address"},
		"hostile key":        {map[string]string{"server": w.url, "token": good, "key": "../status"}, "no claim"},
	} {
		t.Run(name, func(t *testing.T) {
			use(t, tc.inputs).want(t, 0, "true", "warning", tc.says)
			fallback := map[string]string{"mode": "fallback", "epoch": "1"}
			for k, v := range tc.inputs {
				fallback[k] = v
			}
			use(t, fallback).want(t, 1, "false", "error", tc.says)
		})
	}
	close(silent) // before the servers are closed, which wait for their handlers
	if c, known, err := store.ReadClaim(t.Context(), w.store.Read(), fallback.OccurrenceKey(7, repoID, ".github/workflows/x.yml", "push", "", runID)); err != nil || known {
		t.Errorf("a claim was granted on the way: %+v, %v", c, err)
	}
}

func TestTheFallback(t *testing.T) {
	w := newWorld(t)
	key, epoch := w.claim(store.ClaimHeld, "incident:4")
	w.update(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.OpenIncident(ctx, &store.Incident{OccurrenceKey: key, InstallationID: 7, RepoID: repoID, State: "recovering", Ladder: "{}", OpenedAt: 1, UpdatedAt: 1})
		return err
	})
	in := func(epoch string) map[string]string {
		return map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID), "mode": "fallback", "key": key, "epoch": epoch}
	}
	use(t, in(fmt.Sprint(epoch))).want(t, 0, "true", "notice", "epoch 1")
	use(t, in("2")).want(t, 1, "false", "error", "epoch 2 was replaced by epoch 1")
	use(t, in("")).want(t, 1, "false", "error", "epoch is no number")
	use(t, in("1; id")).want(t, 1, "false", "error", "epoch is no number")
	w.update(func(ctx context.Context, tx *store.Tx) error { return tx.SetClaim(ctx, key, epoch, store.ClaimDone, 9) })
	use(t, in(fmt.Sprint(epoch))).want(t, 1, "false", "error", "the claim is done")
}

func TestAWrongModeFails(t *testing.T) {
	w := newWorld(t)
	use(t, map[string]string{"server": w.url, "token": "x", "mode": "both"}).want(t, 1, "false", "error", "neither")
	if len(w.asked) != 0 {
		t.Errorf("%d requests", len(w.asked))
	}
}

// A timeout that is no number of seconds is 10.
func TestTheTimeoutIsBounded(t *testing.T) {
	w := newWorld(t)
	for _, v := range []string{"0", "301", "-1", "1e3", "x", "08"} {
		got := use(t, map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID), "timeout": v})
		got.want(t, 0, "true", "notice", "claim epoch")
		if warned := strings.Contains(got.log, "waiting for 10"); warned == (v == "08") {
			t.Errorf("timeout %s: %s", v, got.log)
		}
	}
}

// The token must show neither in the log nor in a list of processes.
func TestTheTokenStaysSecret(t *testing.T) {
	w := newWorld(t)
	secret := api.GuardToken(apiToken, repoID)
	spy := t.TempDir()
	real, err := exec.LookPath("curl")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s/argv\nexec %s \"$@\"\n", spy, real)
	if err := os.WriteFile(filepath.Join(spy, "curl"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", spy+":"+os.Getenv("PATH"))
	t.Setenv("SHELLOPTS", "xtrace") // a debug run
	got := use(t, map[string]string{"server": w.url, "token": secret})
	got.want(t, 0, "true", "notice", "claim epoch")
	argv, err := os.ReadFile(filepath.Join(spy, "argv"))
	if err != nil || !bytes.Contains(argv, []byte("/api/v1/claims/run-9-509")) {
		t.Fatalf("argv %s, %v", argv, err)
	}
	mac := secret[len(secret)-20:]
	if bytes.Contains(argv, []byte(mac)) || strings.Contains(got.log, mac) {
		t.Errorf("the token shows:\n%s\n%s", argv, got.log)
	}
	if auth := w.asked[0].Header.Get("Authorization"); auth != "Bearer "+secret {
		t.Errorf("Authorization %q", auth)
	}
}

// What others can choose must not be put into a script.
func TestNoExpressionStandsInAScript(t *testing.T) {
	a := readAction(t)
	for _, step := range a.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("step %s: %s", step.ID, step.Run)
		}
	}
	script, err := os.ReadFile("ask.sh")
	if err != nil || bytes.Contains(script, []byte("${{")) {
		t.Errorf("ask.sh has an expression, or cannot be read: %v", err)
	}
	if a.Runs.Using != "composite" || a.Outputs["proceed"].Value != "${{ steps.ask.outputs.proceed }}" {
		t.Errorf("%+v", a)
	}
}
