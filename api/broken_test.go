package api_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/config"
	"github.com/redundancy-app/redundancy/store"
)

// configure saves what is known of a repository's configuration, parsed as a
// push of it would be. goodSource is that of the version in force.
func (b *bench) configure(repoID int64, owner, name, source, content, goodSource string) {
	b.t.Helper()
	_, findings := config.ParseRepository(config.RepositoryPath, []byte(content))
	doc, err := json.Marshal(findings)
	if err != nil {
		b.t.Fatal(err)
	}
	err = b.store.Update(b.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.SaveRepositoryConfig(ctx, store.RepositoryConfig{
			RepoID: repoID, InstallationID: 7, Owner: owner, Name: name, Source: source, Path: config.RepositoryPath,
			Broken: config.HasErrors(findings), Findings: doc, GoodSource: goodSource, ChangedAt: 1_000, CheckedAt: 1_000,
		})
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

const misspelt = "version: 1\nworkflows:\n  - fiel: x.yml\n    efect: guarded\n"

// TestABrokenFirstConfigurationIsShown: in the status and as the reason why
// there is no score, with the error and its place.
func TestABrokenFirstConfigurationIsShown(t *testing.T) {
	b := newBench(t)
	b.configure(9, "acme", "site", "own", misspelt, "none")
	want := []api.BrokenConfiguration{{
		Repo: "acme/site", Source: "own", File: ".github/redundancy.yml", Line: 3, Column: 5, Rule: "config-unknown-key",
		Message: `unknown key "fiel" in workflows[0]; accepted: breaker, effect, file, notify, recover, schedule, stall`, Errors: 3, Since: store.Millis(1_000).Time(),
	}}
	var st api.Status
	b.decode("/api/v1/status", &st)
	if diff := cmp.Diff(want, st.Broken); diff != "" || st.BrokenTotal != 1 {
		t.Errorf("status, %d in all: %s", st.BrokenTotal, diff)
	}
	for _, path := range []string{"/api/v1/health", "/api/v1/health?repo=acme/site"} {
		var h api.Health
		b.decode(path, &h)
		if diff := cmp.Diff(want, h.Broken); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		says := "the configuration of acme/site is broken: .github/redundancy.yml:3:5: unknown key"
		if h.Score != nil || !strings.HasPrefix(h.WhyNoScore, says) || !strings.HasSuffix(h.WhyNoScore, "(the first of 3 errors); nothing is watched until it is repaired") {
			t.Errorf("%s: score %v: %q", path, h.Score, h.WhyNoScore)
		}
	}
	b.configure(9, "acme", "site", "own", "version: 1\nworkflows: [{file: x.yml}]\n", "own")
	if b.decode("/api/v1/status", &st); len(st.Broken) != 0 || st.BrokenTotal != 0 {
		t.Errorf("after the repair: %+v", st.Broken)
	}
	var h api.Health
	if b.decode("/api/v1/health?repo=acme/site", &h); h.Broken != nil || h.WhyNoScore != "no workflow is watched" {
		t.Errorf("after the repair: %q, %+v", h.WhyNoScore, h.Broken)
	}
}

// TestABrokenConfigurationBesideAGoodOne: what is in force is watched, so the
// score stays and the error is told.
func TestABrokenConfigurationBesideAGoodOne(t *testing.T) {
	b := newBench(t)
	b.watched()
	b.configure(10, "acme", "former-name", "owner", misspelt, "owner")
	var h api.Health
	b.decode("/api/v1/health?repo=acme/other", &h)
	if h.Score == nil || h.WhyNoScore != "" || len(h.Broken) != 1 || h.Broken[0].Repo != "acme/other" {
		t.Fatalf("score %v, %q, %+v", h.Score, h.WhyNoScore, h.Broken)
	}
	if got := h.Broken[0].String(); !strings.HasPrefix(got, "the owner's default, .github/redundancy.yml:3:5: ") || !strings.HasSuffix(got, "; the last good version stays in force") {
		t.Errorf("it says %q", got)
	}
	var st api.Status
	if b.decode("/api/v1/status", &st); len(st.Broken) != 1 || st.Broken[0].Repo != "acme/other" {
		t.Errorf("status: %+v", st.Broken)
	}
	err := b.store.Update(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return store.RemoveRepositories(ctx, tx, 7, []int64{10})
	})
	if err != nil {
		t.Fatal(err)
	}
	if b.decode("/api/v1/status", &st); len(st.Broken) != 0 {
		t.Errorf("of a repository that is not covered any more: %+v", st.Broken)
	}
}
