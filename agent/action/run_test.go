package action

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOutcomes(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   Result
	}{
		"success":      {"echo out; echo err >&2; cat", Result{State: Succeeded, Output: []byte("out\nerr\n")}},
		"exit code":    {"echo no; exit 7", Result{State: Failed, ExitCode: 7, Reason: "exit code 7", Output: []byte("no\n")}},
		"signal":       {"kill -9 $$", Result{State: Failed, ExitCode: -1, Reason: "ended by signal 9 (killed)"}},
		"beside it":    {`cat "$(dirname "$0")/script.sh" | head -n 1; pwd | sed 's/.*\///' >/dev/null`, Result{State: Succeeded, Output: []byte("#!/bin/sh\n")}},
		"leaves a son": {"sleep 100 & echo $! > pid; echo done", Result{State: Succeeded, Output: []byte("done\n")}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tc.script)
			before := time.Now().Add(-time.Second)
			got := b.must("id-1")
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(Result{}, "StartedAt", "EndedAt")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if got.StartedAt.Before(before) || got.EndedAt.Before(got.StartedAt) {
				t.Errorf("from %s to %s", got.StartedAt, got.EndedAt)
			}
			if pid := strings.TrimSpace(b.file("pid")); pid != "" && !gone(pid) {
				t.Errorf("what it started (pid %s) outlives it", pid)
			}
		})
	}
}

func TestRunOnce(t *testing.T) {
	b := newBench(t, "echo ran >> count")
	b.runner.cfg.Actions["a"] = b.action
	var (
		wg      sync.WaitGroup
		results [8]Result
	)
	for i := range results {
		wg.Go(func() {
			var err error
			if results[i], err = b.runner.Run(context.Background(), Request{ID: "same", Claim: "claim", Name: "a"}); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	wg.Wait()
	b.action.SHA256 = "changed since, which must not matter any more"
	for _, again := range append(results[:], b.must("same")) {
		if diff := cmp.Diff(results[0], again); diff != "" || again.State != Succeeded {
			t.Errorf("results differ:\n%s", diff)
		}
	}
	if got := b.file("count"); got != "ran\n" {
		t.Errorf("it ran as often as this: %q", got)
	}
}

func TestResolveStartsNothing(t *testing.T) {
	b := newBench(t, "exit 0")
	res, err := b.runner.Resolve(context.Background(), "never", "claim")
	if err != nil || res.State != NotStarted {
		t.Errorf("resolve: %+v, %v", res, err)
	}
	if entries, _ := os.ReadDir(b.runner.cfg.Dir); len(entries) != 0 {
		t.Errorf("resolving left %v", entries)
	}
}

// The data directory survives the database of whoever asks: a journal that is
// of another claim must not pass for the outcome.
func TestOtherClaim(t *testing.T) {
	b := newBench(t, "echo ran >> count")
	b.must("same")
	other := Request{ID: "same", Claim: "claim of a later failure", Name: "a"}
	if res, err := b.runner.Run(context.Background(), other); !errors.Is(err, ErrOtherClaim) || res.State == Succeeded {
		t.Errorf("run: %+v, %v", res, err)
	}
	if res, err := b.runner.Resolve(context.Background(), other.ID, other.Claim); !errors.Is(err, ErrOtherClaim) || res.State == Succeeded {
		t.Errorf("resolve: %+v, %v", res, err)
	}
	if res := b.must("same"); res.State != Succeeded || b.file("count") != "ran\n" {
		t.Errorf("the first one's outcome: %+v, ran %q", res, b.file("count"))
	}
	j := journal(filepath.Join(b.runner.cfg.Dir, "same"))
	must(t, os.Remove(j.file(fileSpec)))
	if res, err := b.run("same"); err == nil {
		t.Errorf("an outcome of nobody knows what is taken over: %+v", res)
	}
}

func TestRepositories(t *testing.T) {
	for name, tc := range map[string]struct {
		list []string
		ask  string
		ok   bool
	}{
		"everybody":         {nil, "stranger/evil", true},
		"named":             {[]string{"acme/other", "acme/site"}, "acme/site", true},
		"other case":        {[]string{"Acme/Site"}, "aCME/sITE", true},
		"owner":             {[]string{"acme/*"}, "ACME/site", true},
		"stranger":          {[]string{"acme/site", "acme/*"}, "stranger/site", false},
		"longer name":       {[]string{"acme/site"}, "acme/site2", false},
		"longer owner":      {[]string{"acme/*"}, "acmeevil/site", false},
		"shorter owner":     {[]string{"acme/*"}, "acm", false},
		"nobody":            {[]string{"acme/site"}, "", false},
		"folds to a k":      {[]string{"kit/kit"}, "\u212ait/kit", false},
		"a star is no name": {[]string{"acme/site"}, "acme/*", false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "echo ran > ran")
			b.action.Repositories = tc.list
			if !tc.ok {
				b.action.SHA256 = "wrong" // what is refused for another reason would say so
			}
			b.runner.cfg.Actions["a"] = b.action
			_, err := b.runner.Run(context.Background(), Request{ID: "x", Name: "a", Repository: tc.ask})
			if tc.ok != (err == nil) || !tc.ok && (!errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "may not ask for it")) {
				t.Errorf("run: %v", err)
			}
			if ran := b.file("ran") != ""; ran != tc.ok {
				t.Errorf("it ran: %v", ran)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	b := newBench(t, "exit 0")
	for id, ok := range map[string]bool{
		strings.Repeat("a", 127): true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		"": false, "..": false, "a/b": false, "A": false, "a\n": false, "a b": false, "-": true,
	} {
		if _, err := b.run(id); errors.Is(err, ErrBadID) == ok || (ok && err != nil) {
			t.Errorf("run %.20q: %v", id, err)
		}
		if _, err := b.runner.Resolve(context.Background(), id, "claim"); errors.Is(err, ErrBadID) == ok {
			t.Errorf("resolve %.20q: %v", id, err)
		}
	}
}

func TestEnvironmentIsExplicit(t *testing.T) {
	t.Setenv("CANARY", "canary of the parent")
	b := newBench(t, "env | sort", "cat /proc/$PPID/environ /proc/$PPID/cmdline")
	b.env = map[string]string{"TOKEN": "s3cr3t-value", "KEY": "line one\nline two"}
	b.action.Env = []string{"TOKEN", "KEY"}
	res := b.must("env")
	for _, want := range []string{"TOKEN=" + redacted, "KEY=" + redacted, "PATH=" + SearchPath, SupervisorCommand} {
		if !bytes.Contains(res.Output, []byte(want)) {
			t.Errorf("%q is missing in:\n%s", want, res.Output)
		}
	}
	if bytes.Contains(res.Output, []byte("CANARY")) {
		t.Errorf("the parent's environment shows:\n%s", res.Output)
	}
	err := filepath.WalkDir(b.runner.cfg.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("s3cr3t")) || bytes.Contains(data, []byte("line one")) {
			t.Errorf("%s holds a value:\n%s", path, data)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestOutputLimit(t *testing.T) {
	for name, tc := range map[string]struct {
		n       string
		dropped int64
	}{
		"under": {"999", 0}, "at": {"1000", 0}, "over": {"1001", 1}, "far over": {"5000000", 4999000},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, "head -c "+tc.n+" /dev/zero | tr '\\0' x")
			b.action.OutputLimit = 1000
			res := b.must("out")
			if got := bytes.Count(res.Output, []byte("x")); res.Dropped != tc.dropped || (tc.dropped > 0 && got != 1000) {
				t.Errorf("%d bytes dropped, %d kept", res.Dropped, got)
			}
			if cut := bytes.Contains(res.Output, []byte("bytes cut")); cut != (tc.dropped > 0) {
				t.Errorf("output says cut: %v", cut)
			}
		})
	}
}

func TestPrune(t *testing.T) {
	b := newBench(t, "exit 0")
	b.must("old")
	if n, err := b.runner.Prune(time.Now().Add(-time.Hour)); n != 0 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	held, err := journal(filepath.Join(b.runner.cfg.Dir, "old")).lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.runner.Prune(time.Now().Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("pruned %d that go on, %v", n, err)
	}
	held.Close()
	if n, err := b.runner.Prune(time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if res, err := b.runner.Resolve(context.Background(), "old", "claim"); err != nil || res.State != NotStarted {
		t.Errorf("after pruning: %+v, %v", res, err)
	}
}
