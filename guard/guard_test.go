// Package guard_test runs the guard action's own steps, with bash and curl,
// against the real API and engine.
package guard_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/fallback"
	"github.com/redundancy-app/redundancy/store"
)

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
		"nobody listens":     {map[string]string{"server": nobody, "token": good, "timeout": "1"}, "no answer"},
		"no answer in time":  {map[string]string{"server": respond(0, ""), "token": good, "timeout": "1"}, "no answer"},
		"500":                {map[string]string{"server": respond(500, "{}"), "token": good}, "answers 500"},
		"503":                {map[string]string{"server": respond(503, `{"error": "busy"}`), "token": good, "timeout": "1"}, "answers 503: busy"},
		"a redirect":         {map[string]string{"server": respond(302, ""), "token": good}, "answers 302"},
		"409 of a proxy":     {map[string]string{"server": respond(409, "<html>conflict</html>"), "token": good}, ""},
		"409 of another API": {map[string]string{"server": respond(409, `{"state": "busy"}`), "token": good}, ""},
		"wrong token":        {map[string]string{"server": w.url, "token": good + "x"}, "answers 401"},
		"another repository": {map[string]string{"server": w.url, "token": api.GuardToken(apiToken, repoID+1)}, "answers 403"},
		"no token":           {map[string]string{"server": w.url, "token": ""}, "no token"},
		"hostile token":      {map[string]string{"server": w.url, "token": "a\"\nurl = \"file:///etc/passwd"}, "characters"},
		"hostile server":     {map[string]string{"server": "-o/etc/passwd", "token": good}, "no http address"},
		"server with a line": {map[string]string{"server": "http://x\n::error::x", "token": good}, "no http address"},
		"a password":         {map[string]string{"server": "http://admin:hunter2@127.0.0.1:1", "token": good}, "must not have a user name"},
		"200 of a proxy":     {map[string]string{"server": respond(200, "<html>log in to the hotel</html>"), "token": good}, "without a grant"},
		"200 with nothing":   {map[string]string{"server": respond(200, ""), "token": good}, "without a grant"},
		"200 that is done":   {map[string]string{"server": respond(200, `{"key": "abc", "state": "done", "epoch": 1}`), "token": good, "key": "run-9-509"}, "without a grant"},
		"200 without epoch":  {map[string]string{"server": respond(200, `{"key": "abc", "state": "held"}`), "token": good}, "without a grant"},
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
