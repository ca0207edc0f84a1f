package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/internal/githubtest"
)

// diskSize of the file system that gets full.
const diskSize = "size=16m"

// insideEnv marks the second process of the test, in a namespace of its own.
const insideEnv = "REDUNDANCY_TEST_OWN_NAMESPACE"

// smallDisk mounts a small file system, which needs root: that of the machine,
// or that of a user namespace, in which the test then runs again. "" means that
// it has done so.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("redundancy-test", dir, "tmpfs", 0, diskSize)
	if err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmount: %v", err)
			}
		})
		return dir
	}
	unable := fmt.Sprintf("cannot mount a tmpfs: %v", err)
	if os.Getenv(insideEnv) == "" {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		if probe, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err == nil {
			again := exec.Command("unshare", "-rm", self, "-test.run", "^"+t.Name()+"$", "-test.v")
			again.Env = append(os.Environ(), insideEnv+"=1")
			out, err := again.CombinedOutput()
			t.Logf("in a user namespace:\n%s", out)
			if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
				t.Errorf("the test failed there: %v", err)
			}
			return ""
		} else {
			unable += fmt.Sprintf("; unshare -rm: %v %s", err, probe)
		}
	}
	if os.Getenv("CI") != "" || os.Getenv(insideEnv) != "" {
		t.Fatal(unable)
	}
	t.Skip(unable)
	return ""
}

// fill writes until nothing fits any more.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for {
			if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// post16k sends a webhook whose body does not compress.
func post16k(t *testing.T, c *child, gh *githubtest.Server, guid string) (code int, retryAfter string) {
	t.Helper()
	noise := make([]byte, 12<<10)
	_, _ = crand.Read(noise)
	body := fmt.Appendf(nil, `{"action":"created","zen":%q}`, base64.StdEncoding.EncodeToString(noise))
	mac := hmac.New(sha256.New, []byte(gh.Secret()))
	mac.Write(body)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.hook(), bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "star")
	req.Header.Set("X-GitHub-Delivery", guid)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Errorf("no answer to a webhook: %v", err)
		return 0, ""
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// TestDiskFull fills the disk under a running server: it says so to GitHub,
// keeps what it has acknowledged, and works again once there is room.
func TestDiskFull(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts a file system; part of make test")
	}
	disk := smallDisk(t)
	if disk == "" {
		return
	}
	gh := startGitHub(t)
	repo, err := gh.AddRepo("acme", "site", faultFiles)
	if err != nil {
		t.Fatal(err)
	}
	gh.SetRunner(func(*githubtest.Run) string { return "success" })
	data := filepath.Join(disk, "state")
	const token = "token-of-the-disk-full-test-only"
	c := start(t, program(t), gh, data, "REDUNDANCY_API_TOKEN="+token)
	gh.SetHook(c.hook())
	gh.Install("acme")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	fail := func(workflow string) *githubtest.Run {
		run, err := repo.StartRun(workflow+".yml", "schedule")
		if err == nil {
			err = run.Complete("failure")
		}
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	awaitRecovery := func(run *githubtest.Run, workflow string) {
		err := gh.Wait(ctx, func() bool {
			shown, ok := repo.CheckRun(run.HeadSHA, "redundancy / recover "+workflow)
			return ok && shown.Conclusion == "success"
		})
		if err != nil {
			t.Fatalf("%s was not recovered:\n%s", workflow, tail(c.said(), 25))
		}
	}
	awaitRecovery(fail("sync-health"), "sync-health")

	ballast := filepath.Join(disk, "ballast")
	acked, refused := map[string]bool{}, 0
	var mu sync.Mutex
	flood := func(stop func() bool) {
		var senders sync.WaitGroup
		for range 4 {
			senders.Go(func() {
				for {
					mu.Lock()
					done := stop() || ctx.Err() != nil
					mu.Unlock()
					if done {
						return
					}
					guid := newGUID()
					code, after := post16k(t, c, gh, guid)
					mu.Lock()
					switch {
					case code/100 == 2:
						acked[guid] = true
					case code == http.StatusServiceUnavailable && after != "":
						refused++
					case code == 0:
						cancel() // nobody answers any more
					default:
						t.Errorf("a webhook was answered %d, Retry-After %q", code, after)
					}
					mu.Unlock()
				}
			})
		}
		senders.Wait()
	}
	// The disk becomes full while webhooks come in. What SQLite has allocated
	// already takes a few more of them, then nothing fits.
	var flooding sync.WaitGroup
	flooding.Go(func() { flood(func() bool { return refused >= 40 }) })
	fill(t, ballast)
	flooding.Wait()
	before := len(acked)
	t.Logf("disk full: %d acknowledged, %d refused", before, refused)
	during := fail("marketing-sync")
	if code, body := get(t, c, "/healthz", ""); code != http.StatusOK {
		t.Errorf("/healthz with a full disk: %d %s", code, body)
	}
	if err := gh.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	if undelivered(gh) == 0 {
		t.Error("no webhook of the run was refused: the disk was not full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	flood(func() bool { return len(acked) >= before+20 })
	awaitRecovery(during, "marketing-sync")
	t.Logf("room again: %d more acknowledged, %d refused in all", len(acked)-before, refused)
	for _, d := range gh.Deliveries() {
		if d.StatusCode/100 == 2 {
			acked[d.GUID] = true
		}
	}
	awaitProcessed(ctx, t, c, token, acked)
	if n := gh.Effects("actions/create-workflow-dispatch"); n != 1 {
		t.Errorf("the fallback was dispatched %d times", n)
	}
	if n := gh.Effects("repos/create-dispatch-event"); n != 1 {
		t.Errorf("the event was sent %d times", n)
	}
	if code, _ := c.term(); code != 0 {
		t.Errorf("exit %d:\n%s", code, tail(c.said(), 10))
	}
}

func newGUID() string {
	b := make([]byte, 16)
	_, _ = crand.Read(b)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// awaitProcessed waits until every acknowledged delivery is handled, and fails
// at once for one that is not stored.
func awaitProcessed(ctx context.Context, t *testing.T, c *child, token string, acked map[string]bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		stored := map[string]api.Delivery{}
		for cursor := ""; ; {
			code, body := get(t, c, "/api/v1/deliveries?limit=100"+cursor, token)
			var page api.DeliveryList
			if err := json.Unmarshal([]byte(body), &page); code != http.StatusOK || err != nil {
				t.Fatalf("list of deliveries: %d %s", code, body)
			}
			if len(page.Deliveries) == 0 {
				break
			}
			for _, d := range page.Deliveries {
				stored[d.GUID] = d
				cursor = fmt.Sprintf("&before=%d", d.Cursor)
			}
		}
		var open []string
		for guid := range acked {
			d, ok := stored[guid]
			if !ok {
				t.Fatalf("delivery %s was acknowledged and is not stored", guid)
			}
			if d.ProcessedAt == nil {
				open = append(open, guid+" "+d.Event+" "+d.Error)
			}
		}
		if len(open) == 0 {
			t.Logf("%d acknowledged deliveries, all of them stored and handled", len(acked))
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d deliveries were not handled:\n%s\n%s", len(open), strings.Join(open, "\n"), tail(c.said(), 25))
		}
	}
}
