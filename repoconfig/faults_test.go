package repoconfig_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/queue"
	"github.com/redundancy-app/redundancy/repoconfig"
)

// A load that fails, at any of its calls, changes nothing and is repeated.
func TestLoadErrorChangesNothing(t *testing.T) {
	check := func(t *testing.T, b *bench, first repoconfig.Effective, f githubtest.Fault) {
		t.Helper()
		f.Times = -1
		b.gh.Fault(f)
		if err := b.work(); err == nil {
			t.Errorf("%s %v: no error", f.Operation, f.Kind)
		} else if errors.As(err, new(*queue.PermanentError)) {
			t.Errorf("%s %v would not be repeated: %v", f.Operation, f.Kind, err)
		}
		if diff := cmp.Diff(first, b.inForce()); diff != "" {
			t.Errorf("%s %v: %s", f.Operation, f.Kind, diff)
		}
		b.gh.ClearFaults()
	}
	changed := func(t *testing.T) (*bench, repoconfig.Effective) {
		b := start(t, files(config.RepositoryPath, good))
		first := b.load()
		b.push(map[string]string{config.RepositoryPath: better})
		return b, first
	}
	t.Run("each call", func(t *testing.T) {
		b, first := changed(t)
		for _, operation := range []string{"repos/get", "git/get-ref", "git/get-tree", "git/get-blob"} {
			check(t, b, first, githubtest.Fault{Operation: operation, Kind: githubtest.Status, Code: 502})
		}
		if e := b.load(); attempts(e) != 3 {
			t.Errorf("afterwards: %+v", e)
		}
	})
	for _, f := range []githubtest.Fault{
		{Operation: "git/get-blob", Kind: githubtest.Reset}, {Operation: "git/get-blob", Kind: githubtest.Truncate},
		{Operation: "git/get-ref", Kind: githubtest.Primary}, {Operation: "git/get-tree", Kind: githubtest.Secondary, Code: 429},
	} {
		t.Run(f.Kind.String(), func(t *testing.T) {
			b, first := changed(t)
			check(t, b, first, f)
		})
	}
}

// The owner's repository is looked at by the same calls; only "not there" and
// "not for this App" mean that there is no default.
func TestOwnersDefaultThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		fault githubtest.Fault
		fails bool
	}{
		"404":             {githubtest.Fault{Kind: githubtest.Status, Code: 404}, false},
		"403":             {githubtest.Fault{Kind: githubtest.Status, Code: 403}, false},
		"500":             {githubtest.Fault{Kind: githubtest.Status, Code: 500}, true},
		"primary limit":   {githubtest.Fault{Kind: githubtest.Primary}, true},
		"secondary limit": {githubtest.Fault{Kind: githubtest.Secondary}, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, files(config.OriginalPath, original))
			b.addOwnerDefault(map[string]string{config.RepositoryPath: better})
			if e := b.load(); e.Source != repoconfig.Owner {
				t.Fatalf("%+v", e)
			}
			c.fault.PathRegexp, c.fault.Times = `^/repos/acme/\.github$`, -1
			b.gh.Fault(c.fault)
			if err := b.work(); (err != nil) != c.fails {
				t.Fatal(err)
			}
			want := repoconfig.Original
			if c.fails {
				want = repoconfig.Owner
			}
			if e := b.inForce(); e.Source != want {
				t.Errorf("%s, want %s", e.Source, want)
			}
		})
	}
}

func TestOwnersDefaultOutsideTheInstallation(t *testing.T) {
	b := start(t, files())
	o := b.addOwnerDefault(map[string]string{config.RepositoryPath: better})
	o.SetPrivate(true)
	if err := b.gh.RemoveRepositories(b.at.InstallationID, o); err != nil {
		t.Fatal(err)
	}
	if e := b.load(); e.Source != repoconfig.None {
		t.Errorf("%+v", e)
	}
}

func TestSharedConfigurationIsCutToTheRepository(t *testing.T) {
	b := start(t, files())
	b.addOwnerDefault(map[string]string{config.RepositoryPath: "version: 1\nworkflows:\n- file: other.yml\n- file: sync.yml\n  recover: [{dispatch: {workflow: gone.yml}}]\n"})
	e := b.load()
	if e.Broken || len(e.Repository.Workflows) != 1 || e.Repository.Workflows[0].File != workflowPath {
		t.Errorf("%+v", e)
	}
	for _, f := range e.Findings {
		if f.Severity == config.Error {
			t.Error(f)
		}
	}
	if len(e.Findings) != 2 {
		t.Errorf("what does not fit is not said: %+v", e.Findings)
	}
}

func TestReferencesAreCheckedAgainWhenAWorkflowChanges(t *testing.T) {
	const dispatch = "version: 1\nworkflows:\n- file: sync.yml\n  recover: [{dispatch: {workflow: fallback.yml}}]\n"
	const path = ".github/workflows/fallback.yml"
	b := start(t, files(config.RepositoryPath, dispatch, path, workflow))
	if e := b.load(); e.Broken {
		t.Fatalf("%+v", e.Findings)
	}
	b.push(map[string]string{path: strings.Replace(workflow, "workflow_dispatch", "push", 1)})
	e := b.load()
	if !e.Broken || len(e.Findings) != 1 || !strings.Contains(e.Findings[0].Message, "workflow_dispatch") || len(e.Repository.Workflows) != 1 {
		t.Errorf("%+v", e)
	}
	b.push(map[string]string{path: githubtest.Deleted})
	if e := b.load(); !e.Broken || !strings.Contains(e.Findings[0].Message, "no workflow "+path) {
		t.Errorf("%+v", e.Findings)
	}
	b.push(map[string]string{path: workflow})
	if e := b.load(); e.Broken {
		t.Errorf("%+v", e.Findings)
	}
}

func TestUnchangedCostsFewCalls(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	b.load()
	b.gh.ForgetCalls()
	b.load()
	if n := len(b.gh.Calls()); n != 2 {
		t.Errorf("%d calls when nothing has changed, want 2", n)
	}
	sha := b.push(map[string]string{"README.md": "x"})
	b.gh.ForgetCalls()
	if e := b.load(); e.Commit != sha || e.InForce.Commit != sha {
		t.Errorf("the commit does not move on: %+v", e.Version)
	}
	if n := b.gh.Count("git/get-blob"); n != 0 {
		t.Errorf("%d blobs read again", n)
	}
	b.push(map[string]string{".github/workflows/new.yml": workflow})
	b.gh.ForgetCalls()
	b.load()
	if n := b.gh.Count("git/get-blob"); n != 0 {
		t.Errorf("%d blobs read, though none is referred to", n)
	}
	b.push(map[string]string{config.RepositoryPath: better})
	b.gh.ForgetCalls()
	b.load()
	if n := b.gh.Count("git/get-blob"); n != 1 {
		t.Errorf("%d blobs read after a change of the file, want 1", n)
	}
	if got := testutil.CollectAndCount(b.registry, "redundancy_config_loads_total"); got != 2 { // good, unchanged
		t.Errorf("%d results counted", got)
	}
}

func TestRenamedRepositoryIsFollowed(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	b.repo.Rename("web")
	if e := b.load(); e.Source != repoconfig.Own {
		t.Errorf("%+v", e)
	}
	row, _, err := b.db.RepositoryConfig(t.Context(), b.at.ID)
	if err != nil || row.Name != "web" {
		t.Error(row.Name, err)
	}
}

func TestNameOfAnotherRepositoryIsRefused(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	b.load()
	b.repo.Rename("web")
	if _, err := b.gh.AddRepo("acme", "site", files(config.RepositoryPath, better)); err != nil {
		t.Fatal(err)
	}
	err := b.work()
	if err == nil || !errors.As(err, new(*queue.PermanentError)) || !strings.Contains(err.Error(), "another repository") {
		t.Error(err)
	}
	if e := b.inForce(); attempts(e) != 2 {
		t.Errorf("%+v", e)
	}
}

func TestWithoutOwn(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	owner := b.addOwnerDefault(map[string]string{config.RepositoryPath: better})
	at := map[string]queue.Repo{"site": b.at, config.OwnerRepo: {InstallationID: b.at.InstallationID, ID: owner.ID, Owner: "acme", Name: config.OwnerRepo}}
	for i := range 3 {
		r, err := b.gh.AddRepo("acme", fmt.Sprintf("lib%d", i), files())
		if err != nil {
			t.Fatal(err)
		}
		at[fmt.Sprintf("lib%d", i)] = queue.Repo{InstallationID: b.at.InstallationID, ID: r.ID, Owner: "acme", Name: fmt.Sprintf("lib%d", i)}
	}
	for _, repo := range at {
		if _, err := b.loader.Load(t.Context(), repo); err != nil {
			t.Fatal(err)
		}
	}
	got, err := b.loader.WithoutOwn(t.Context(), "ACME") // GitHub ignores case in names
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]queue.Repo{at["lib0"], at["lib1"], at["lib2"]}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := b.loader.WithoutOwn(t.Context(), "other"); err != nil || len(got) != 0 {
		t.Error(got, err)
	}
}

func TestWorkRefusesDamagedArguments(t *testing.T) {
	b := start(t, files())
	err := b.loader.Work(t.Context(), queue.Job{Kind: "config.load", Args: []byte("{")})
	if !errors.As(err, new(*queue.PermanentError)) {
		t.Error(err)
	}
}
