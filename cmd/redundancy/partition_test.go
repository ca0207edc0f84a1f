package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// caller uses the API of a running server.
type caller struct {
	t     *testing.T
	c     *child
	token string
}

func (a caller) do(method, path, body string, into any) int {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, "http://"+a.c.address+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		a.t.Fatalf("%s %s: %v\n%s", method, path, err, data)
	}
	return resp.StatusCode
}

type shownClaim struct {
	State string
	Epoch int64
	Error string
}

// TestHostThatIsLostMidScript: what an action did whose supervisor is gone
// nobody can know. Its claim stays in doubt over a restart, nothing is repeated
// until a person decides, and from then on whoever still acts under the old
// epoch is refused.
func TestHostThatIsLostMidScript(t *testing.T) {
	h := newActionHost(t, "echo begun >>SELF.ran\necho $PPID >SELF.pid\nread line <SELF.gate\necho ended >>SELF.ran\n", "")
	pids, gate := h.script+".pid", h.script+".gate"
	for _, name := range []string{pids, gate} {
		if err := syscall.Mkfifo(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	repo, bin := h.repo("acme", "site"), program(t)
	// A person's word goes on with the next step; here it is the same work again.
	if _, err := repo.Push("main", map[string]string{
		".github/redundancy.yml": "version: 1\nworkflows: [{file: sync-health.yml, recover: [{run: {host: local, action: act}}, {run: {host: local, action: act}}]}]\n",
	}, "twice"); err != nil {
		t.Fatal(err)
	}
	const token = "an-api-token-for-this-test-only"
	c := start(t, bin, h.gh, h.data, "REDUNDANCY_API_TOKEN="+token)
	h.gh.SetHook(c.hook())
	h.gh.Install("acme")
	run, err := repo.StartRun("sync-health.yml", "workflow_dispatch")
	if err == nil {
		err = run.Complete("failure")
	}
	if err != nil {
		t.Fatal(err)
	}
	supervisor, err := strconv.Atoi(strings.TrimSpace(readFIFO(t, pids)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.await(repo, run, c, "action_required")

	key := h.key(caller{t, c, token})
	c.term()
	c = start(t, bin, h.gh, h.data, "REDUNDANCY_API_TOKEN="+token)
	h.gh.SetHook(c.hook())
	api := caller{t, c, token}
	var claim shownClaim
	if code := api.do("GET", "/api/v1/claims/"+key, "", &claim); code != 200 || claim.State != "in_doubt" || claim.Epoch != 1 {
		t.Errorf("after a restart: %d %+v", code, claim)
	}
	if h.ran() != "begun\n" {
		t.Errorf("it ran like this: %q", h.ran())
	}
	// Nobody else gets it while it is in doubt.
	if code := api.do("POST", "/api/v1/claims/"+key, `{"owner":"somebody"}`, &claim); code != 409 {
		t.Errorf("a claim in doubt was granted: %d %+v", code, claim)
	}

	var answer struct{ Message string }
	body := `{"repo":"acme/site","target":"sync-health"}`
	if code := api.do("POST", "/api/v1/recover", body, &answer); code != 200 {
		t.Fatalf("a person's word: %d %+v", code, answer)
	}
	readFIFO(t, pids) // it runs once more
	for epoch, want := range map[int64]int{1: 409, 2: 200} {
		if code := api.do("POST", "/api/v1/claims/"+key, fmt.Sprintf(`{"epoch":%d}`, epoch), &claim); code != want || claim.Epoch != 2 {
			t.Errorf("epoch %d was answered with %d: %+v, want %d", epoch, code, claim, want)
		}
	}
	write(t, gate, "go\n")
	h.await(repo, run, c, "success")
	if h.ran() != "begun\nbegun\nended\n" {
		t.Errorf("it ran like this: %q", h.ran())
	}
	if code := api.do("POST", "/api/v1/claims/"+key, `{"epoch":1}`, &claim); code != 409 || claim.State != "done" {
		t.Errorf("the old epoch after the end: %d %+v", code, claim)
	}
}

// await waits until the App's Check Run of a run has a conclusion.
func (h *actionHost) await(repo *githubtest.Repo, run *githubtest.Run, c *child, conclusion string) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	var shown githubtest.CheckRun
	err := h.gh.Wait(ctx, func() bool {
		shown, _ = repo.CheckRun(run.HeadSHA, "redundancy / recover sync-health")
		return shown.Conclusion == conclusion
	})
	if err != nil {
		h.t.Fatalf("it shows %s %s: %s, want %s\n%s", shown.Status, shown.Conclusion, shown.Summary, conclusion, tail(c.said(), 20))
	}
}

// key is the claim of the one incident.
func (h *actionHost) key(api caller) string {
	h.t.Helper()
	var inc struct {
		State string
		Claim struct{ Key string }
	}
	if code := api.do("GET", "/api/v1/incidents/1", "", &inc); code != 200 || inc.State != "in_doubt" || inc.Claim.Key == "" {
		h.t.Fatalf("%d %+v", code, inc)
	}
	return inc.Claim.Key
}

// readFIFO reads what one writer writes.
func readFIFO(t *testing.T, path string) string {
	t.Helper()
	got := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(path)
		if err != nil {
			data = []byte(err.Error())
		}
		got <- string(data)
	}()
	select {
	case s := <-got:
		return s
	case <-time.After(time.Minute):
		t.Fatalf("nobody wrote to %s", path)
		return ""
	}
}
