package installation

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/store"
)

// The same life against the double, which checks every request with GitHub's
// own description and answers in GitHub's own shapes.
func TestDouble(t *testing.T) {
	gh, err := githubtest.Start(githubtest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer gh.Close()
	site, err := gh.AddRepo("acme", "site", map[string]string{"a": "a"})
	if err != nil {
		t.Fatal(err)
	}
	tools, err := gh.AddRepo("acme", "tools", nil)
	if err != nil {
		t.Fatal(err)
	}
	id := gh.Install("acme", githubtest.OnlyRepositories(site))

	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "r.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	clients, err := githubapi.New(githubapi.Config{BaseURL: gh.URL(), AppID: gh.AppID, PrivateKey: gh.PrivateKeyPEM()})
	if err != nil {
		t.Fatal(err)
	}
	defer clients.Close()
	q := &recorder{}
	syncer := New(Config{Clients: clients, Store: s, Queue: q, Log: zerolog.Nop()})

	expect := func(when string, state store.InstallationState, names ...string) {
		t.Helper()
		if err := syncer.Work(ctx, job(id)); err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		i, _, err := s.Installation(ctx, id)
		if err != nil || i.State != state || i.Account != "acme" {
			t.Errorf("%s: %+v, %v, want %s", when, i, err, state)
		}
		repos, err := s.Repositories(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, r := range repos {
			got = append(got, r.FullName()+"@"+r.DefaultBranch)
		}
		if diff := cmp.Diff(append([]string{}, names...), got); diff != "" {
			t.Errorf("%s: repositories (-want +got):\n%s", when, diff)
		}
	}

	if err := syncer.SyncAll(ctx); err != nil {
		t.Fatal(err)
	}
	if len(q.take()) != 1 {
		t.Error("the installation was not found at the start")
	}
	expect("installed", store.InstallationActive, "acme/site@main")
	if err := gh.AddRepositories(id, tools); err != nil {
		t.Fatal(err)
	}
	site.Rename("www")
	expect("added and renamed", store.InstallationActive, "acme/tools@main", "acme/www@main")
	if err := gh.Suspend(id); err != nil {
		t.Fatal(err)
	}
	expect("suspended", store.InstallationSuspended, "acme/tools@main", "acme/www@main")
	if err := gh.Unsuspend(id); err != nil {
		t.Fatal(err)
	}
	if err := gh.RemoveRepositories(id, site); err != nil {
		t.Fatal(err)
	}
	expect("unsuspended and removed", store.InstallationActive, "acme/tools@main")
	if err := gh.Uninstall(id); err != nil {
		t.Fatal(err)
	}
	expect("uninstalled", store.InstallationDeleted)
	if v := gh.Violations(); len(v) > 0 {
		t.Errorf("GitHub would object: %v", v)
	}
}
