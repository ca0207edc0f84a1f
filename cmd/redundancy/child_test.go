package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// child is `redundancy serve` as a process of its own: this test binary under
// the program's name.
type child struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	exited  chan struct{}

	mu    sync.Mutex
	log   bytes.Buffer
	grown chan struct{} // closed and replaced with every line
}

// program is this test binary under the name that makes it the program.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "redundancy")
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// start runs serve against gh and waits until it listens.
func start(t *testing.T, bin string, gh *githubtest.Server, dataDir string, env ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(bin, "serve"), exited: make(chan struct{}), grown: make(chan struct{})}
	c.cmd.Env = append(os.Environ(),
		"GITHUB_V3_API_URL="+gh.URL()+"/api/v3/", "GITHUB_WEB_URL="+gh.URL(),
		"GITHUB_APP_INTEGRATION_ID="+jsonNumber(gh.AppID), "GITHUB_APP_PRIVATE_KEY="+string(gh.PrivateKeyPEM()),
		"GITHUB_APP_WEBHOOK_SECRET="+gh.Secret(), "REDUNDANCY_LISTEN=127.0.0.1:0", "REDUNDANCY_DATA_DIR="+dataDir,
		"REDUNDANCY_LOG_FORMAT=json", "REDUNDANCY_POLL_SCALE=100")
	c.cmd.Env = append(c.cmd.Env, env...)
	out, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	go func() {
		defer close(c.exited)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			c.mu.Lock()
			c.log.Write(append(lines.Bytes(), '\n'))
			close(c.grown)
			c.grown = make(chan struct{})
			c.mu.Unlock()
			var entry struct{ Message, Address string }
			if json.Unmarshal(lines.Bytes(), &entry) == nil && strings.HasPrefix(entry.Message, "listening") {
				listening <- entry.Address
			}
		}
		_ = c.cmd.Wait()
	}()
	t.Cleanup(c.kill)
	select {
	case c.address = <-listening:
	case <-c.exited:
		t.Fatalf("serve ended:\n%s", c.said())
	case <-time.After(time.Minute):
		t.Fatalf("serve does not listen:\n%s", c.said())
	}
	return c
}

func (c *child) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

// await waits until the log says something.
func (c *child) await(text string) {
	c.t.Helper()
	deadline := time.After(time.Minute)
	for {
		c.mu.Lock()
		found, grown := strings.Contains(c.log.String(), text), c.grown
		c.mu.Unlock()
		if found {
			return
		}
		select {
		case <-grown:
		case <-c.exited:
			c.t.Fatalf("serve ended without saying %q:\n%s", text, c.said())
		case <-deadline:
			c.t.Fatalf("serve did not say %q:\n%s", text, c.said())
		}
	}
}

// kill is kill -9.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	<-c.exited
}

// term is what an orchestrator sends; it returns how the process ended and
// how long it took.
func (c *child) term() (code int, took time.Duration) {
	begun := time.Now()
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	<-c.exited
	return c.cmd.ProcessState.ExitCode(), time.Since(begun)
}

func (c *child) hook() string { return "http://" + c.address + "/api/github/hook" }
