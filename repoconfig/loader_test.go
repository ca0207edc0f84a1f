package repoconfig_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/internal/githubtest"
	"github.com/redundancy-app/redundancy/repoconfig"
)

const workflowPath = ".github/workflows/sync.yml"

func files(more ...string) map[string]string {
	m := map[string]string{workflowPath: workflow}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func TestUnknownUntilLoaded(t *testing.T) {
	b := start(t, files())
	if _, known, err := b.loader.InForce(t.Context(), b.at.ID); known || err != nil {
		t.Error(known, err)
	}
}

func TestPlacesInTheirOrder(t *testing.T) {
	for name, c := range map[string]struct {
		own, owner map[string]string
		source     repoconfig.Source
		path       string
		attempts   int
	}{
		"own":                  {files(config.RepositoryPath, good, config.OriginalPath, original), map[string]string{config.RepositoryPath: better}, repoconfig.Own, config.RepositoryPath, 2},
		"owner":                {files(config.OriginalPath, original), map[string]string{config.RepositoryPath: better}, repoconfig.Owner, config.RepositoryPath, 3},
		"original":             {files(config.OriginalPath, original), map[string]string{"README.md": "x"}, repoconfig.Original, config.OriginalPath, 1},
		"no owner repository":  {files(config.OriginalPath, original), nil, repoconfig.Original, config.OriginalPath, 1},
		"none":                 {files(), map[string]string{"README.md": "x"}, repoconfig.None, "", 0},
		"empty repository":     {nil, nil, repoconfig.None, "", 0},
		"empty owner's":        {files(config.OriginalPath, original), map[string]string{}, repoconfig.Original, config.OriginalPath, 1},
		"the ending is .yml":   {files(".github/redundancy.yaml", good), nil, repoconfig.None, "", 0},
		"not in another place": {files("redundancy.yml", good), nil, repoconfig.None, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, c.own)
			want := repoconfig.Version{Source: c.source, Path: c.path, Commit: b.repo.Head("main")}
			if c.owner != nil {
				o := b.addOwnerDefault(c.owner)
				if c.source == repoconfig.Owner {
					want.Commit = o.Head("main")
				}
			}
			if c.source == repoconfig.None {
				want.Commit = ""
			}
			e := b.load()
			want.BlobSHA = e.BlobSHA
			if diff := cmp.Diff(want, e.Version); diff != "" {
				t.Error(diff)
			}
			if e.InForce != e.Version || e.Broken || attempts(e) != c.attempts || (c.path != "") != (len(e.BlobSHA) == 40) {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestBrokenVersionLeavesTheLastGoodOneInForce(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	first := b.load()
	sha := b.push(map[string]string{config.RepositoryPath: broken})
	for range 2 { // the second load finds nothing new and must not forget either
		e := b.load()
		if !e.Broken || attempts(e) != 2 || e.InForce != first.Version || e.Source != repoconfig.Own || e.Commit != sha {
			t.Fatalf("%+v", e)
		}
		if len(e.Findings) != 1 || e.Findings[0].File != config.RepositoryPath || e.Findings[0].Line != 4 || !strings.Contains(e.Findings[0].Message, `"recover"`) {
			t.Errorf("findings: %+v", e.Findings)
		}
	}
	b.open() // a restart
	if e := b.inForce(); !e.Broken || attempts(e) != 2 || e.InForce != first.Version {
		t.Errorf("after a restart: %+v", e)
	}
	sha = b.push(map[string]string{config.RepositoryPath: better})
	if e := b.load(); e.Broken || attempts(e) != 3 || e.InForce.Commit != sha || len(e.Findings) != 0 {
		t.Errorf("mended: %+v", e)
	}
}

func TestBrokenFromTheStart(t *testing.T) {
	b := start(t, files(config.RepositoryPath, broken))
	e := b.load()
	if !e.Broken || e.InForce.Source != repoconfig.None || e.Source != repoconfig.Own || len(e.Repository.Workflows) != 0 || len(e.Findings) == 0 {
		t.Errorf("%+v", e)
	}
}

func TestBrokenOwnFileKeepsTheOwnersDefaultInForce(t *testing.T) {
	b := start(t, files())
	b.addOwnerDefault(map[string]string{config.RepositoryPath: good})
	b.load()
	b.push(map[string]string{config.RepositoryPath: broken})
	if e := b.load(); !e.Broken || e.Source != repoconfig.Own || e.InForce.Source != repoconfig.Owner || attempts(e) != 2 {
		t.Errorf("%+v", e)
	}
}

func TestTooLargeFileIsBroken(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	b.load()
	for size, tooLarge := range map[int]bool{config.MaxSize: false, config.MaxSize + 1: true} {
		b.push(map[string]string{config.RepositoryPath: better + strings.Repeat("#", size-len(better))})
		if e := b.load(); e.Broken != tooLarge {
			t.Errorf("with %d bytes: %+v", size, e.Findings)
		}
	}
}

func TestDeletingTheFile(t *testing.T) {
	b := start(t, files(config.RepositoryPath, good))
	b.load()
	b.push(map[string]string{config.RepositoryPath: githubtest.Deleted})
	if e := b.load(); e.Source != repoconfig.None || len(e.Repository.Workflows) != 0 || e.Broken {
		t.Errorf("without a default: %+v", e)
	}
	b.addOwnerDefault(map[string]string{config.RepositoryPath: better})
	if e := b.load(); e.Source != repoconfig.Owner || attempts(e) != 3 {
		t.Errorf("with a default: %+v", e)
	}
	b.push(map[string]string{config.RepositoryPath: good})
	if e := b.load(); e.Source != repoconfig.Own || attempts(e) != 2 {
		t.Errorf("back again: %+v", e)
	}
}
