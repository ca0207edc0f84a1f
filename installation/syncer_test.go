package installation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/store"
)

// The life of an installation, as webhooks bring it about.
func TestLife(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.hub.repos[7] = []map[string]any{repository(1, "site"), repository(2, "tools")}

	f.mustWork(7, "config:1", "config:2") // created
	f.mustWork(7)                         // nothing new: nothing to read
	if diff := cmp.Diff([]string{"acme/site", "acme/tools"}, f.covered(7)); diff != "" {
		t.Errorf("covered (-want +got):\n%s", diff)
	}

	f.hub.set(func() { f.hub.repos[7] = []map[string]any{repository(1, "www"), repository(3, "new")} })
	f.mustWork(7, "config:1", "config:3") // removed, added, renamed
	if diff := cmp.Diff([]string{"acme/new", "acme/www"}, f.covered(7)); diff != "" {
		t.Errorf("covered (-want +got):\n%s", diff)
	}

	f.hub.set(func() {
		f.hub.installations[7] = installed(7, func(i map[string]any) { i["suspended_at"] = "2026-01-02T03:04:05Z" })
		f.hub.refuseToken = http.StatusForbidden // so no token may be asked for
	})
	f.mustWork(7)
	if f.state(7) != store.InstallationSuspended {
		t.Errorf("state %s, want suspended", f.state(7))
	}
	f.hub.set(func() { f.hub.installations[7] = installed(7); f.hub.refuseToken = 0 })
	f.mustWork(7, "config:1", "config:3") // unsuspended: pushes were missed

	f.hub.set(func() { delete(f.hub.installations, 7) })
	f.mustWork(7)
	if f.state(7) != store.InstallationDeleted || len(f.covered(7)) != 0 {
		t.Errorf("state %s with %v, want deleted with none", f.state(7), f.covered(7))
	}
	f.mustWork(8) // never seen, gone: fine
}

func TestNewPermissionsNeedANewToken(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.mustWork(7)
	awake := 0
	f.sync.Awake = func(context.Context, *store.Tx) error { awake++; return nil }
	f.mustWork(7)
	if f.hub.tokens != 1 {
		t.Fatalf("%d tokens, want 1", f.hub.tokens)
	}
	f.hub.set(func() {
		f.hub.installations[7] = installed(7, func(i map[string]any) { i["permissions"] = map[string]any{"checks": "write", "actions": "write"} })
	})
	f.mustWork(7)
	if f.hub.tokens != 2 {
		t.Errorf("%d tokens, want 2: the old one lacks the new permission", f.hub.tokens)
	}
	if awake != 1 {
		t.Errorf("incidents were woken %d times, want once: what was refused may be granted now", awake)
	}
	f.mustWork(7)
	if awake != 1 {
		t.Error("incidents were woken though nothing has changed")
	}
}

func TestPages(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	for i := range int64(201) {
		f.hub.repos[7] = append(f.hub.repos[7], repository(i+1, fmt.Sprintf("r%03d", i)))
	}
	if err := f.work(7); err != nil {
		t.Fatal(err)
	}
	if n := len(f.covered(7)); n != 201 {
		t.Errorf("%d repositories, want 201", n)
	}
}

// A list that shifts while it is read proves no absence.
func TestShortListRemovesNothing(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.hub.repos[7] = []map[string]any{repository(1, "a"), repository(2, "b")}
	f.mustWork(7, "config:1", "config:2")
	f.hub.set(func() { f.hub.repos[7] = f.hub.repos[7][:1]; f.hub.totalOff = 1 })
	f.mustWork(7)
	if n := len(f.covered(7)); n != 2 {
		t.Errorf("%d repositories, want 2", n)
	}
	f.hub.set(func() { f.hub.totalOff = 0 })
	f.mustWork(7)
	if n := len(f.covered(7)); n != 1 {
		t.Errorf("%d repositories, want 1", n)
	}
}

func TestSyncAll(t *testing.T) {
	f := setup(t)
	for i := range int64(101) { // two pages
		f.hub.installations[i+1] = installed(i + 1)
	}
	if err := f.work(1); err != nil {
		t.Fatal(err)
	}
	f.hub.installations[500] = installed(500)
	if err := f.work(500); err != nil {
		t.Fatal(err)
	}
	delete(f.hub.installations, 500) // while we were down
	f.queue.take()
	if err := f.sync.SyncAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	got := f.queue.take()
	if len(got) != 102 || !slices.Contains(got, "installation:500") || !slices.Contains(got, "installation:101") {
		t.Errorf("enqueued %d: %v, want 101 listed ones and 500", len(got), got)
	}
}

// A request that gets no token has the installation looked at, once it sleeps no more.
func TestDormant(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.mustWork(7)
	f.hub.set(func() { f.hub.refuseToken = http.StatusForbidden })
	f.sync.Clients.Forget(7)
	client, err := f.sync.Clients.Installation(7)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Repositories.Get(context.Background(), "acme", "site"); !githubapi.IsDormant(err) {
		t.Fatalf("error %v, want a dormant one", err)
	}
	if diff := cmp.Diff([]string{"installation:7"}, f.queue.take()); diff != "" {
		t.Errorf("enqueued (-want +got):\n%s", diff)
	}

	// GitHub contradicts itself: active, but no token. To be retried, not dropped.
	err = f.work(7)
	if err == nil || githubapi.Classify(f.clock)(err).Action != queue.Retry {
		t.Errorf("error %v, want one that is retried", err)
	}
	if got := f.queue.take(); len(got) != 0 {
		t.Errorf("the sync enqueued itself: %v", got)
	}

	f.hub.set(func() {
		f.hub.installations[7] = installed(7, func(i map[string]any) { i["suspended_at"] = "2026-01-02T03:04:05Z" })
	})
	f.mustWork(7)
	f.sync.Dormant(7)
	if got := f.queue.take(); len(got) != 0 {
		t.Errorf("known to be suspended, and still %v", got)
	}
}

func TestBadArgumentsAreNotRetried(t *testing.T) {
	err := setup(t).sync.Work(context.Background(), queue.Job{Args: []byte(`{"installation_id":"x"}`)})
	var permanent *queue.PermanentError
	if !errors.As(err, &permanent) {
		t.Errorf("error %v, want a permanent one", err)
	}
}

func TestMetrics(t *testing.T) {
	f := setup(t)
	f.hub.installations[7] = installed(7)
	f.hub.installations[8] = installed(8, func(i map[string]any) { i["suspended_at"] = "2026-01-02T03:04:05Z" })
	f.mustWork(7)
	f.mustWork(8)
	want := `
# HELP redundancy_installations Installations of the App by state; suspended and deleted ones are dormant.
# TYPE redundancy_installations gauge
redundancy_installations{state="active"} 1
redundancy_installations{state="deleted"} 0
redundancy_installations{state="suspended"} 1
`
	if err := testutil.GatherAndCompare(f.reg, strings.NewReader(want), "redundancy_installations"); err != nil {
		t.Error(err)
	}
}
