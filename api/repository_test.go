package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/store"
)

// TestAnUnknownRepositoryIsAnError: a misspelt name never gets an answer that
// could be taken for good news, wherever it is given.
func TestAnUnknownRepositoryIsAnError(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct{ method, path, body string }{
		{"GET", "incidents?repo=acme/none", ""},
		{"GET", "incidents?repo=acme/none&all=true&state=recovered", ""},
		{"GET", "health?repo=acme/none", ""},
		{"GET", "risk?repo=acme/none", ""},
		{"GET", "risk/backtest?repo=acme/none", ""},
		{"POST", "recover", `{"repo":"acme/none"}`},
		{"POST", "pause", `{"repo":"acme/none","duration":"1h"}`},
		{"POST", "resume", `{"repo":"acme/none"}`},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			b.t = t
			got := b.do(tc.method, "/api/v1/"+tc.path, token, tc.body)
			if want := "not installed on acme/none: check the spelling, or add the repository to the App's installation"; got.status != http.StatusNotFound || !strings.Contains(got.body, want) {
				t.Errorf("%d %s, want 404 with %q", got.status, got.body, want)
			}
		})
	}
}

// TestIncidentsFollowTheirRepository: through a rename, and after the App was
// taken off it.
func TestIncidentsFollowTheirRepository(t *testing.T) {
	b := newBench(t)
	change := func(what func(ctx context.Context, tx *store.Tx) error) {
		t.Helper()
		if err := b.store.Update(t.Context(), what); err != nil {
			t.Fatal(err)
		}
	}
	list := func(repo string, want int, says string) {
		t.Helper()
		if got := b.get("/api/v1/incidents?repo="+repo, token); got.status != want || !strings.Contains(got.body, says) {
			t.Errorf("%s: %d %.200s, want %d with %q", repo, got.status, got.body, want, says)
		}
	}
	list("ACME/Site", 200, `"run": 11`)
	change(func(ctx context.Context, tx *store.Tx) error {
		_, err := store.SaveRepositories(ctx, tx, []store.Repository{{ID: 9, InstallationID: 7, Owner: "acme", Name: "home", DefaultBranch: "main", SeenAt: 2}})
		return err
	})
	list("acme/home", 200, `"run": 11`)
	list("acme/site", 200, `"run": 11`) // as it was called then
	change(func(ctx context.Context, tx *store.Tx) error { return store.RemoveRepositories(ctx, tx, 7, []int64{9}) })
	list("acme/site", 200, `"run": 11`)
	list("acme/site&state=recovered", 200, `"incidents": []`)
	list("acme/home", 404, "not installed")
}

// TestMistakesInABodyAreSaidInPlainWords: none of them names a type of Go.
func TestMistakesInABodyAreSaidInPlainWords(t *testing.T) {
	b := newBench(t)
	for i, tc := range []struct{ path, body, says string }{
		{"recover", ``, "it is empty: send a JSON object"},
		{"recover", `{"repo":`, "it is no JSON: it ends too early"},
		{"recover", `{"repo"}`, "it is no JSON: look at character 8"},
		{"recover", `[]`, "want an object, not an array"},
		{"recover", `"x"`, "want an object, not a string"},
		{"recover", `{"repo":1}`, "repo: want a string, not a number"},
		{"recover", `{"repo":true}`, "repo: want a string, not true or false"},
		{"recover", `{"surplus":1}`, `there is no field \"surplus\"`},
		{"recover", `{} {}`, "more than one document"},
		{"resume", `{"id":"x"}`, "id: want a whole number, not a string"},
		{"resume", `{"id":1.5}`, "id: want a whole number, not 1.5"},
		{"resume", `{"id":99999999999999999999}`, "id: want a whole number, not 99999999999999999999"},
		{"pause", `{"until":"tomorrow"}`, `\"tomorrow\" is no time: write it as 2026-12-01T22:00:00Z`},
		{"pause", `{"until":5}`, "a time has to be a text"},
		{"pause", `{"duration":"soon"}`, `\"soon\" is no time span: write it as`},
		{"claims/deploy:1", `{"epoch":"x"}`, "epoch: want a whole number, not a string"},
	} {
		t.Run(fmt.Sprintf("%02d %s %s", i, tc.path, tc.body), func(t *testing.T) {
			b.t = t
			got := b.do(http.MethodPost, "/api/v1/"+tc.path, token, tc.body)
			if tc.body == "" {
				got = b.do(http.MethodPost, "/api/v1/"+tc.path, token, " ")
			}
			if got.status != http.StatusBadRequest || !strings.Contains(got.body, "request body: "+tc.says) {
				t.Errorf("%d %s, want %q", got.status, got.body, tc.says)
			}
			for _, raw := range []string{"json:", "Go ", "parsing time", "EOF", "strconv", "cannot unmarshal"} {
				if strings.Contains(got.body, raw) {
					t.Errorf("%q in %s", raw, got.body)
				}
			}
		})
	}
}
