package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// double drives the independent double of GitHub that lies beside the
// checkout: a Node program that judges every call by GitHub's own description.
type double struct {
	t       *testing.T
	URL     string `json:"url"`
	Control string `json:"control"`
	AppID   int64  `json:"app_id"`
	Secret  string `json:"webhook_secret"`
	KeyPath string `json:"-"`
}

// doubleDir is where the double lies beside the checkout.
const doubleDir = "../../../shared/github-double"

// startDouble copies the double to a temporary directory (its own may be
// read-only), installs its pinned packages and starts it. Where the folder is
// missing the test is skipped, except in CI, where that is a failure.
func startDouble(t *testing.T) *double {
	t.Helper()
	if _, err := os.Stat(doubleDir); errors.Is(err, os.ErrNotExist) {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing, and in CI it must not be", doubleDir)
		}
		t.Skipf("%s is not beside this checkout", doubleDir)
	}
	dir := t.TempDir()
	copied := filepath.Join(dir, "double")
	if err := os.CopyFS(copied, os.DirFS(doubleDir)); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = copied
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	d := &double{t: t, KeyPath: filepath.Join(dir, "app.pem")}
	cmd := exec.Command("node", "server.mjs", "--port=0", "--key="+d.KeyPath, "--data="+filepath.Join(dir, "data"))
	cmd.Dir = copied
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("start double: %v", err)
	}
	if err := json.Unmarshal([]byte(line), d); err != nil {
		t.Fatalf("start double: %v in %q", err, line)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return d
}

// ctl calls the double's control interface.
func (d *double) ctl(path string, in any) map[string]any {
	d.t.Helper()
	method, body := http.MethodGet, []byte(nil)
	if in != nil {
		method = http.MethodPost
		var err error
		if body, err = json.Marshal(in); err != nil {
			d.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(d.t.Context(), method, d.Control+path, bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		d.t.Fatalf("control %s: %s %s", path, resp.Status, answer)
	}
	var out map[string]any
	if err := json.Unmarshal(answer, &out); err != nil {
		d.t.Fatalf("control %s: %v", path, err)
	}
	return out
}

// until asks again until ok says yes. The double is another process without
// a way to signal us, so this is the one place that waits by asking.
func (d *double) until(what string, ok func() bool) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			d.t.Fatalf("waited in vain for %s; state:\n%s", what, d.dump())
		}
	}
}

func (d *double) dump() string {
	return fmt.Sprint(d.ctl("/summary", nil))
}

// dig follows a path of map keys and list indices.
func dig(v any, path ...any) any {
	for _, p := range path {
		switch key := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[key]
		case int:
			l, _ := v.([]any)
			if key >= len(l) {
				return nil
			}
			v = l[key]
		}
	}
	return v
}

// checks lists the Check Runs of the first repository with a name.
func (d *double) checks(name string) []map[string]any {
	var found []map[string]any
	list, _ := dig(d.ctl("/state", nil), "repos", 0, "checks").([]any)
	for _, c := range list {
		if m, ok := c.(map[string]any); ok && m["name"] == name {
			found = append(found, m)
		}
	}
	return found
}

// runsOf lists the runs of a workflow of the first repository, oldest first.
func (d *double) runsOf(workflow string) []map[string]any {
	var found []map[string]any
	list, _ := dig(d.ctl("/state", nil), "repos", 0, "runs").([]any)
	for _, r := range list {
		if m, ok := r.(map[string]any); ok && strings.HasSuffix(fmt.Sprint(m["path"]), "/"+workflow+".yml") {
			found = append(found, m)
		}
	}
	return found
}

// verdict fails the test on anything GitHub would have refused or the double
// did not know.
func (d *double) verdict() {
	d.t.Helper()
	s := d.ctl("/summary", nil)
	for _, k := range []string{"request_violations", "unknown_fields", "permission_denied", "unimplemented", "bench_errors", "response_violations", "delivery_violations"} {
		if l, ok := s[k].([]any); !ok || len(l) > 0 {
			d.t.Errorf("%s: %v", k, s[k])
		}
	}
	if n, _ := s["calls"].(float64); n < 5 {
		d.t.Errorf("the double saw %v calls: nothing was judged", n)
	}
}

// startBinary builds the program and runs `serve` with the double as GitHub.
// It returns the server's address.
func startBinary(t *testing.T, d *double, env ...string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "redundancy")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, "serve")
	cmd.Env = append(os.Environ(),
		"GITHUB_V3_API_URL="+d.URL+"/", "GITHUB_V4_API_URL="+d.URL+"/graphql", "GITHUB_WEB_URL="+d.URL,
		"GITHUB_APP_INTEGRATION_ID="+jsonNumber(d.AppID), "GITHUB_APP_PRIVATE_KEY="+d.KeyPath, "GITHUB_APP_WEBHOOK_SECRET="+d.Secret,
		"REDUNDANCY_LISTEN=127.0.0.1:0", "REDUNDANCY_LOG_FORMAT=json")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address := make(chan string, 1)
	var log bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			log.WriteString(lines.Text() + "\n")
			var entry struct{ Message, Address string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && strings.HasPrefix(entry.Message, "listening") {
				address <- entry.Address
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		if err := cmd.Wait(); err != nil {
			t.Errorf("serve after SIGTERM: %v", err)
		}
		if t.Failed() {
			t.Logf("log of serve:\n%s", log.String())
		}
	})
	select {
	case a := <-address:
		return a
	case <-done:
		t.Fatalf("serve ended:\n%s", log.String())
	case <-time.After(60 * time.Second):
		t.Fatal("serve did not say where it listens")
	}
	return ""
}

func jsonNumber(n int64) string { return strconv.FormatInt(n, 10) }
