package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

func startGitHub(t *testing.T) *githubtest.Server {
	t.Helper()
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gh.Close() })
	return gh
}

// get fetches a path of a running server.
func get(t *testing.T, c *child, path, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestSecondServerOnOneDatabaseIsRefused(t *testing.T) {
	gh, bin, data := startGitHub(t), program(t), t.TempDir()
	first := start(t, bin, gh, data)
	second := exec.Command(bin, "serve")
	second.Env = first.cmd.Env
	out, err := second.CombinedOutput()
	if second.ProcessState.ExitCode() != exitUsage {
		t.Errorf("second server: exit %d (%v), want %d", second.ProcessState.ExitCode(), err, exitUsage)
	}
	if want := fmt.Sprintf("REDUNDANCY_DATABASE_URL: open database %s: database is in use by another process (pid %d",
		filepath.Join(data, "redundancy.db"), first.cmd.Process.Pid); !strings.Contains(string(out), want) {
		t.Errorf("second server says %q, want %q in it", out, want)
	}
	third := exec.Command(bin, "serve")
	third.Env = append(first.cmd.Env, "REDUNDANCY_LISTEN="+first.address, "REDUNDANCY_DATA_DIR="+t.TempDir())
	out, _ = third.CombinedOutput()
	if third.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "REDUNDANCY_LISTEN: "+first.address+" is in use") {
		t.Errorf("same address: exit %d, %q", third.ProcessState.ExitCode(), out)
	}
}

func TestSetupModeAnswersNothingElse(t *testing.T) {
	bin := program(t)
	gh := startGitHub(t)
	c := start(t, bin, gh, t.TempDir(), "GITHUB_APP_INTEGRATION_ID=", "GITHUB_APP_PRIVATE_KEY=", "GITHUB_APP_WEBHOOK_SECRET=")
	for path, want := range map[string]int{"/setup": 200, "/healthz": 200, "/readyz": 503, "/api/v1/status": 503, "/api/github/hook": 503, "/metrics": 503} {
		if got, body := get(t, c, path, ""); got != want {
			t.Errorf("GET %s: %d %s, want %d", path, got, body, want)
		}
	}
	if _, body := get(t, c, "/setup", ""); !strings.Contains(body, "default_permissions:") {
		t.Errorf("/setup does not show what to register: %s", body)
	}
	if _, body := get(t, c, "/readyz", ""); !json.Valid([]byte(body)) {
		t.Errorf("/readyz is no JSON: %s", body)
	}
	if !strings.Contains(c.said(), "setup mode") {
		t.Errorf("the log does not say so:\n%s", c.said())
	}
	if code, _ := c.term(); code != 0 {
		t.Errorf("exit %d after SIGTERM", code)
	}
}

func TestReadinessSaysWhatIsMissing(t *testing.T) {
	gh := startGitHub(t)
	bin := program(t)
	c := start(t, bin, gh, t.TempDir())
	c.await("GitHub knows the App")
	type readiness struct {
		Ready  bool
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	ask := func(c *child) (r readiness) {
		_, body := get(t, c, "/readyz", "")
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask(c)
	names := []string{}
	for _, check := range r.Checks {
		names = append(names, check.Name)
		if !check.OK {
			t.Errorf("not ready: %+v", check)
		}
	}
	// "upstream" is what is said of GitHub's outages, and never fails.
	if want := []string{"database", "queue", "key", "github", "upstream"}; !r.Ready || !slices.Equal(names, want) {
		t.Errorf("ready %v by %v, want by %v", r.Ready, names, want)
	}
	gh.Fault(githubtest.Fault{Operation: "apps/get-authenticated", Kind: githubtest.Status, Code: 401, Times: -1})
	wrong := start(t, bin, gh, t.TempDir())
	wrong.await("GitHub does not answer for the App")
	r = ask(wrong)
	if r.Ready {
		t.Errorf("ready though GitHub refuses the key: %+v", r)
	}
	for _, check := range r.Checks {
		if check.Name == "key" && (check.OK || !strings.Contains(check.Detail, "GITHUB_APP_PRIVATE_KEY")) {
			t.Errorf("check of the key: %+v", check)
		}
	}
}

// TestSIGTERMWhileAnActionRuns: the server leaves within its time, the action
// goes on under its supervisor, and the next server reads its outcome.
func TestSIGTERMWhileAnActionRuns(t *testing.T) {
	gh, bin, data := startGitHub(t), program(t), t.TempDir()
	gate, script := filepath.Join(data, "gate"), filepath.Join(data, "slow.sh")
	if err := exec.Command("mkfifo", gate).Run(); err != nil {
		t.Fatal(err)
	}
	content := fmt.Appendf(nil, "echo begun >>%s.ran\nread line <%s\necho ended >>%s.ran\n", script, gate, script)
	write := func(name string, content []byte, mode os.FileMode) {
		if err := os.WriteFile(name, content, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(script, content, 0o700)
	write(filepath.Join(data, "agent.yml"), fmt.Appendf(nil, "actions:\n  slow: {argv: [/bin/sh, %q], sha256: \"%x\", timeout: 2m}\n", script, sha256.Sum256(content)), 0o600)
	repo, err := gh.AddRepo("acme", "site", map[string]string{
		".github/workflows/sync-health.yml": demoFile("sync-health.yml"),
		".github/redundancy.yml":            "version: 1\nworkflows: [{file: sync-health.yml, recover: [{run: {host: local, action: slow}}]}]\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := start(t, bin, gh, data)
	gh.SetHook(c.hook())
	gh.Install("acme")
	run, err := repo.StartRun("sync-health.yml", "schedule")
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Complete("failure"); err != nil {
		t.Fatal(err)
	}
	shown := func() (githubtest.CheckRun, bool) {
		return repo.CheckRun(run.HeadSHA, "redundancy / recover sync-health")
	}
	// The fifo opens for writing once the action reads it.
	open := make(chan *os.File, 1)
	go func() {
		f, err := os.OpenFile(gate, os.O_WRONLY, 0)
		if err == nil {
			open <- f
		}
	}()
	var f *os.File
	select {
	case f = <-open:
	case <-ctx.Done():
		t.Fatalf("the action did not begin:\n%s", c.said())
	}
	code, took := c.term()
	if code != 0 || took > 30*time.Second {
		t.Errorf("SIGTERM: exit %d after %s:\n%s", code, took, tail(c.said(), 10))
	}
	t.Logf("left %s after SIGTERM", took.Round(time.Millisecond))
	if _, err := f.WriteString("go\n"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	c = start(t, bin, gh, data)
	gh.SetHook(c.hook())
	if err := gh.Wait(ctx, func() bool { s, ok := shown(); return ok && s.Status == "completed" }); err != nil {
		s, _ := shown()
		t.Fatalf("the recovery was not completed: %+v\n%s", s, tail(c.said(), 20))
	}
	if s, _ := shown(); s.Conclusion != "success" {
		t.Errorf("the recovery ended as %s: %s", s.Conclusion, s.Summary)
	}
	if ran, _ := os.ReadFile(script + ".ran"); string(ran) != "begun\nended\n" {
		t.Errorf("the action ran like this: %q", ran)
	}
}

// TestSecretsAreNowhere runs the main job and looks for every secret in all
// files that the server wrote and in its log.
func TestSecretsAreNowhere(t *testing.T) {
	gh, bin, data := startGitHub(t), program(t), t.TempDir()
	const planted = "planted-value-of-a-variable"
	script := filepath.Join(data, "leak.sh")
	content := []byte("echo \"token is $SECRET_TOKEN\"\nexit 3\n")
	if err := os.WriteFile(script, content, 0o700); err != nil {
		t.Fatal(err)
	}
	agent := fmt.Appendf(nil, "actions:\n  leak: {argv: [/bin/sh, %q], sha256: \"%x\", env: [SECRET_TOKEN]}\n", script, sha256.Sum256(content))
	if err := os.WriteFile(filepath.Join(data, "agent.yml"), agent, 0o600); err != nil {
		t.Fatal(err)
	}
	repo, err := gh.AddRepo("acme", "site", map[string]string{
		".github/workflows/sync-health.yml": demoFile("sync-health.yml"),
		".github/redundancy.yml":            "version: 1\nworkflows: [{file: sync-health.yml, recover: [{run: {host: local, action: leak}}]}]\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	const token = "an-api-token-for-this-test-only"
	c := start(t, bin, gh, data, "SECRET_TOKEN="+planted, "REDUNDANCY_LOG_LEVEL=trace", "REDUNDANCY_API_TOKEN="+token)
	gh.SetHook(c.hook())
	gh.Install("acme")
	run, err := repo.StartRun("sync-health.yml", "schedule")
	if err == nil {
		err = run.Complete("failure")
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var shown githubtest.CheckRun
	if err := gh.Wait(ctx, func() (ok bool) {
		shown, ok = repo.CheckRun(run.HeadSHA, "redundancy / recover sync-health")
		return ok && shown.Status == "completed"
	}); err != nil {
		t.Fatalf("no end:\n%s", tail(c.said(), 20))
	}
	if !strings.Contains(shown.Summary+shown.Text, "exit code 3") {
		t.Errorf("the Check Run does not tell the exit code: %s\n%s", shown.Summary, shown.Text)
	}
	if code, _ := get(t, c, "/api/v1/status", token); code != http.StatusOK {
		t.Errorf("the API's own token is refused: %d", code)
	}
	if code, _ := get(t, c, "/api/v1/status", token+"x"); code != http.StatusUnauthorized {
		t.Errorf("a wrong token is accepted: %d", code)
	}
	c.term()
	key := string(gh.PrivateKeyPEM())
	secrets := map[string]string{
		"webhook secret": gh.Secret(), "installation token": "ghs_", "key": strings.Split(key, "\n")[5],
		"value of a variable": planted, "API token": token, "JWT": "eyJhbGciOiJSUzI1NiI",
	}
	check := func(where string, content []byte) {
		for name, s := range secrets {
			if bytes.Contains(content, []byte(s)) {
				t.Errorf("%s in %s", name, where)
			}
		}
	}
	check("the log", []byte(c.said()))
	check("the Check Run", []byte(fmt.Sprintf("%+v", shown)))
	files := 0
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		check(path, b)
		return err
	})
	if err != nil || files < 4 {
		t.Errorf("looked into %d files: %v", files, err)
	}
}
