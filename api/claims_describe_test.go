package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/api"
)

// claimKeys is what openapi.json says of the keys of claims.
type claimKeys struct {
	Pattern string
	AnyOf   []struct{ Title, Pattern, Example string }
}

// kind is the first described kind that a key is of, "" for no key at all; repo
// is the repository that it names, 0 for none.
func (k claimKeys) kind(t *testing.T, key string) (title string, repo int64) {
	t.Helper()
	if !regexp.MustCompile(k.Pattern).MatchString(key) {
		return "", 0
	}
	for _, one := range k.AnyOf {
		m := regexp.MustCompile(one.Pattern).FindStringSubmatch(key)
		if m == nil {
			continue
		}
		if len(m) > 1 {
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			repo = n
		}
		return one.Title, repo
	}
	t.Fatalf("key %q is of no kind", key)
	return "", 0
}

// TestClaimKeysAreAsDescribed holds the kinds of keys that openapi.json tells
// of, and which of them a guard token opens, to what the handlers do.
func TestClaimKeysAreAsDescribed(t *testing.T) {
	b := newBench(t)
	b.runs()
	var doc struct {
		Components struct {
			Schemas struct{ ClaimKey claimKeys }
		}
		Paths map[string]map[string]struct {
			Parameters []struct {
				Schema map[string]string
			}
		}
	}
	if err := json.Unmarshal([]byte(b.doAs(http.MethodGet, "/api/v1/openapi.json", "", "", true).body), &doc); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"get", "post"} {
		if got := doc.Paths["/api/v1/claims/{key}"][method].Parameters[0].Schema["$ref"]; got != "#/components/schemas/ClaimKey" {
			t.Errorf("the key of %s is described as %q", method, got)
		}
	}
	keys := doc.Components.Schemas.ClaimKey
	want := map[string]string{ // an example of each kind, and its neighbours
		"run-9-509": "run", "run-10-510": "run", "run-0-509": "own", "run-9-": "own",
		occurrence: "occurrence", strings.Repeat("0b", 32): "occurrence", occurrence[1:]: "own", strings.ToUpper(occurrence): "own",
		"repo-9-deploy": "repository", "repo-9-": "repository", "repo-9-a:b.c_d": "repository", "repo-10-deploy": "repository",
		"repo-9": "own", "repo-09-deploy": "own", "repo-x-deploy": "own", "Repo-9-deploy": "own",
		"deploy:1": "own", "repo-9-a b": "", strings.Repeat("k", 200): "own", strings.Repeat("k", 201): "",
	}
	for _, one := range keys.AnyOf {
		if _, ok := want[one.Example]; !ok {
			want[one.Example] = one.Title
		}
	}
	for key, kind := range want {
		t.Run(key, func(t *testing.T) {
			b.t = t
			title, repo := keys.kind(t, key)
			if title != kind {
				t.Fatalf("it is described as %q, want %q", title, kind)
			}
			path := "/api/v1/claims/" + url.PathEscape(key)
			plain := b.get(path, token).status
			if (plain == http.StatusBadRequest) != (title == "") {
				t.Errorf("with the API token: %d, described as %q", plain, title)
			}
			opens := title != "" && title != "own" && (repo == 9 || title == "occurrence" && key == occurrence)
			if got := b.get(path, api.GuardToken(token, 9)).status; title != "" && (got != http.StatusForbidden) != opens {
				t.Errorf("with a guard token of repository 9: %d, described as %q of repository %d", got, title, repo)
			}
			if title == "repository" && repo == 9 { // opened in every way
				for _, body := range []string{`{"owner":"w"}`, `{"epoch":1}`, `{"owner":"w","epoch":1,"state":"done"}`} {
					if got := b.do(http.MethodPost, path, api.GuardToken(token, 9), body); got.status != http.StatusOK {
						t.Errorf("%s: %d %s", body, got.status, got.body)
					}
				}
			}
		})
	}
}
