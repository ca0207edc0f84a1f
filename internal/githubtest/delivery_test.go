package githubtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
)

func TestDeliveriesAreListedAndRedelivered(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{Clock: clock})
	b.settle()
	b.hooks.reset()
	b.s.DropDeliveries(true)
	for i := range 5 {
		if _, err := b.repo.Push("main", map[string]string{"n": fmt.Sprint(i)}, "n"); err != nil {
			t.Fatal(err)
		}
	}
	b.settle()
	b.s.DropDeliveries(false)
	if n := len(b.hooks.all()); n != 0 {
		t.Fatalf("%d deliveries arrived", n)
	}
	type item struct {
		ID           int64
		GUID         string
		Event        string
		Status       string
		StatusCode   int `json:"status_code"`
		Redelivery   bool
		Installation int64 `json:"installation_id"`
	}
	page := func(path string) (items []item, next string) {
		t.Helper()
		r := b.call("GET", path, nil, asApp).want(http.StatusOK)
		r.into(&items)
		if l := r.header.Get("Link"); l != "" {
			next = strings.Trim(strings.Split(l, ";")[0], "<>")
		}
		return items, next
	}
	var all []item
	for next := "/app/hook/deliveries?per_page=3"; next != ""; {
		var items []item
		items, next = page(next)
		all = append(all, items...)
	}
	if len(all) != 11 || !slices.IsSortedFunc(all, func(a, b item) int { return int(b.ID - a.ID) }) {
		t.Fatalf("%d deliveries, want installation.created and five times push and check_suite, newest first: %+v", len(all), all)
	}
	failed, _ := page("/app/hook/deliveries?status=failure&per_page=100")
	if len(failed) != 10 || failed[0].StatusCode != http.StatusBadGateway || failed[0].Installation != b.id {
		t.Errorf("failed deliveries: %+v", failed)
	}
	b.call("POST", fmt.Sprintf("/app/hook/deliveries/%d/attempts", failed[9].ID), nil, asApp).want(http.StatusAccepted)
	if err := b.s.Wait(ctx(t), func() bool { d := b.s.Deliveries(); return d[len(d)-1].Status == "OK" }); err != nil {
		t.Fatal(err)
	}
	if got := b.hooks.all(); len(got) != 1 || got[0].guid != failed[9].GUID || got[0].event != "push" || !got[0].signed {
		t.Errorf("redelivered %+v", got)
	}
	if items, _ := page("/app/hook/deliveries?per_page=1"); !items[0].Redelivery || items[0].GUID != failed[9].GUID {
		t.Errorf("newest delivery %+v", items[0])
	}
	clock.Advance(deliveriesKept)
	if items, _ := page("/app/hook/deliveries"); len(items) != 0 {
		t.Errorf("%d deliveries after three days", len(items))
	}
	b.call("POST", fmt.Sprintf("/app/hook/deliveries/%d/attempts", failed[0].ID), nil, asApp).want(http.StatusNotFound)
	b.clean()
}

func TestHeldDeliveriesAreArranged(t *testing.T) {
	b := newBench(t, Config{})
	b.settle()
	b.hooks.reset()
	b.s.HoldDeliveries()
	run, err := b.repo.StartRun("ci.yml", "schedule")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(run.Progress(), run.Complete("failure")); err != nil {
		t.Fatal(err)
	}
	b.s.ReleaseDeliveries(func(d []Delivery) []Delivery {
		slices.Reverse(d)
		return append(d, d[0])
	})
	b.settle()
	if d := cmp.Diff([]string{"workflow_run.completed", "workflow_run.in_progress", "workflow_run.requested", "workflow_run.completed"}, b.hooks.names()); d != "" {
		t.Error(d)
	}
	got := b.hooks.all()
	if got[0].guid != got[3].guid || got[0].guid == got[1].guid {
		t.Error("a repeated delivery has its GUID, and no other")
	}
}

// TestConcurrency uses everything at once; it is for the race detector.
func TestConcurrency(t *testing.T) {
	b := newBench(t, Config{})
	b.s.SetRunner(func(*Run) string { return "success" })
	sha := b.repo.Head("main")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 5 {
				for _, r := range []struct {
					method, path string
					body         any
				}{
					{"GET", demo + "/git/trees/main?recursive=1", nil},
					{"POST", demo + "/check-runs", map[string]any{"name": fmt.Sprint(i), "head_sha": sha, "conclusion": "success"}},
					{"POST", demo + "/actions/workflows/ci.yml/dispatches", map[string]any{"ref": "main"}},
					{"GET", demo + "/actions/runs?per_page=5", nil},
				} {
					if a, err := b.try(r.method, r.path, r.body); err != nil || a.status >= 300 {
						t.Errorf("%s %s: %v %+v", r.method, r.path, err, a)
					}
				}
				if _, err := b.repo.Push(fmt.Sprint("b", i), map[string]string{"n": fmt.Sprint(j)}, "n"); err != nil {
					t.Error(err)
				}
				if _, err := b.s.SendWebhook("ping", []byte(`{}`), SendOptions{GUID: "same"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := b.s.Wait(ctx(t), func() bool {
		for _, x := range b.repo.Runs() {
			if x.Status() != "completed" {
				return false
			}
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if n := len(b.repo.Runs()); n != 40 {
		t.Errorf("%d runs, want 40", n)
	}
	if n := len(b.repo.CheckRuns(sha)); n != 40 {
		t.Errorf("%d check runs, want 40", n)
	}
	b.clean()
}

func TestWaitEndsWithTheContext(t *testing.T) {
	b := newBench(t, Config{})
	c, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.s.Wait(c, func() bool { return false }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
