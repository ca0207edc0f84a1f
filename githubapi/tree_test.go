package githubapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
)

// object makes a name for an object of the tests.
func object(n int) string { return fmt.Sprintf("%040x", n) }

func treeEntry(path, mode, kind string, sha int) map[string]any {
	return map[string]any{"path": path, "mode": mode, "type": kind, "sha": object(sha), "size": 10 * sha}
}

func (f *fixture) tree(sha int, truncated bool, entries ...map[string]any) {
	f.mux.HandleFunc("GET /repos/acme/site/git/trees/"+object(sha), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("recursive") {
			f.t.Error("asked for the whole tree")
		}
		json.NewEncoder(w).Encode(map[string]any{"sha": object(sha), "truncated": truncated, "tree": entries})
	})
}

func (f *fixture) contents(dir string, entries ...map[string]any) {
	f.mux.HandleFunc("GET /repos/acme/site/contents/"+dir, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("ref") != object(1) {
			f.t.Errorf("asked for %s at %q", dir, r.URL.Query().Get("ref"))
		}
		json.NewEncoder(w).Encode(entries)
	})
}

func content(path, kind, object string, sha int) map[string]any {
	name := fmt.Sprintf("%040x", sha)
	return map[string]any{"path": path, "name": path, "type": kind, "sha": name, "size": 10 * sha,
		"git_url": "https://api.github.com/repos/acme/site/git/" + object + "/" + name}
}

func TestRelevantFiles(t *testing.T) {
	workflows := func(f *fixture) {
		f.tree(3, false,
			treeEntry("ci.yml", "100644", "blob", 31),
			treeEntry("b.yaml", "100755", "blob", 32),
			treeEntry("README.md", "100644", "blob", 33),
			treeEntry("link.yml", "120000", "blob", 34),
			treeEntry("sub.yml", "160000", "commit", 35),
			treeEntry("dir.yml", "040000", "tree", 36),
			treeEntry("Ünï côdé.yml", "100644", "blob", 37))
	}
	github := func(f *fixture) {
		f.tree(2, false, treeEntry("workflows", "040000", "tree", 3), treeEntry("redundancy.yml", "100644", "blob", 21), treeEntry("CODEOWNERS", "100644", "blob", 22))
	}
	all := []File{
		{".github/redundancy.yml", object(21), 210},
		{".github/workflows/b.yaml", object(32), 320},
		{".github/workflows/ci.yml", object(31), 310},
		{".github/workflows/Ünï côdé.yml", object(37), 370},
		{"automation/redundancy-config.json", object(41), 410},
	}
	many := func(n int) (list []map[string]any) {
		for i := range n {
			list = append(list, content(fmt.Sprintf(".github/workflows/w%04d.yml", i), "file", "blobs", 1000+i))
		}
		return list
	}
	for name, tc := range map[string]struct {
		repo     func(f *fixture)
		want     []File
		count    int // files, when want is nil
		fails    string
		requests int
		logged   []string
	}{
		"everything": {func(f *fixture) {
			f.tree(1, false, treeEntry(".github", "040000", "tree", 2), treeEntry("automation", "040000", "tree", 4), treeEntry("src", "040000", "tree", 5), treeEntry("a.yml", "100644", "blob", 6))
			github(f)
			workflows(f)
			f.tree(4, false, treeEntry("redundancy-config.json", "100644", "blob", 41), treeEntry("x.js", "100644", "blob", 42))
		}, all, 0, "", 4, []string{".github/workflows/link.yml", "symbolic link", ".github/workflows/sub.yml", "submodule"}},
		"nothing of ours": {func(f *fixture) { f.tree(1, false, treeEntry("src", "040000", "tree", 5)) }, nil, 0, "", 1, nil},
		"no commits": {func(f *fixture) {
			f.mux.HandleFunc("GET /repos/acme/site/git/trees/", func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusConflict)
				w.Write([]byte(`{"message":"Git Repository is empty."}`))
			})
		}, nil, 0, "", 1, nil},
		".github is a file":      {func(f *fixture) { f.tree(1, false, treeEntry(".github", "100644", "blob", 2)) }, nil, 0, "", 1, nil},
		".github is a link":      {func(f *fixture) { f.tree(1, false, treeEntry(".github", "120000", "blob", 2)) }, nil, 0, "", 1, []string{".github", "symbolic link"}},
		".github is a submodule": {func(f *fixture) { f.tree(1, false, treeEntry(".github", "160000", "commit", 2)) }, nil, 0, "", 1, []string{".github", "submodule"}},
		"the root is cut": {func(f *fixture) {
			f.tree(1, true, treeEntry("a", "100644", "blob", 9))
			f.contents(".github", content(".github/workflows", "dir", "trees", 3), content(".github/redundancy.yml", "file", "blobs", 21))
			workflows(f)
			f.contents("automation", content("automation/redundancy-config.json", "file", "blobs", 41))
		}, all, 0, "", 4, []string{"link.yml", "sub.yml"}},
		"the root is cut and holds nothing of ours": {func(f *fixture) { f.tree(1, true) }, nil, 0, "", 3, nil},
		"workflows are cut, links and submodules": {func(f *fixture) {
			f.tree(1, false, treeEntry(".github", "040000", "tree", 2))
			github(f)
			f.tree(3, true)
			f.contents(".github/workflows", content(".github/workflows/ci.yml", "file", "blobs", 31), content(".github/workflows/l.yml", "symlink", "blobs", 34), content(".github/workflows/s.yml", "file", "trees", 35))
		}, []File{{".github/redundancy.yml", object(21), 210}, {".github/workflows/ci.yml", object(31), 310}}, 0, "", 4, []string{"l.yml", "s.yml"}},
		"999 workflows of a cut tree": {func(f *fixture) {
			f.tree(1, false, treeEntry(".github", "040000", "tree", 2))
			f.tree(2, false, treeEntry("workflows", "040000", "tree", 3))
			f.tree(3, true)
			f.contents(".github/workflows", many(999)...)
		}, nil, 999, "", 4, nil},
		"1,000: there may be more": {func(f *fixture) {
			f.tree(1, false, treeEntry(".github", "040000", "tree", 2))
			f.tree(2, false, treeEntry("workflows", "040000", "tree", 3))
			f.tree(3, true)
			f.contents(".github/workflows", many(1000)...)
		}, nil, 0, ".github/workflows: too large", 4, nil},
		"a tree is gone": {func(f *fixture) { f.tree(1, false, treeEntry(".github", "040000", "tree", 2)) }, nil, 0, "404", 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := setup(t)
			tc.repo(f)
			var log bytes.Buffer
			ctx := zerolog.New(&log).WithContext(context.Background())
			got, err := RelevantFiles(ctx, f.client(5), "acme", "site", object(1))
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Errorf("error %v, want one with %q", err, tc.fails)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if tc.count > 0 {
				if len(got) != tc.count {
					t.Errorf("%d files, want %d", len(got), tc.count)
				}
			} else if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if n := f.count("GET "); n != tc.requests {
				t.Errorf("%d requests, want %d: %v", n, tc.requests, f.requests)
			}
			for _, l := range tc.logged {
				if !strings.Contains(log.String(), l) {
					t.Errorf("no mention of %q in %s", l, log.String())
				}
			}
			if len(tc.logged) == 0 && log.Len() > 0 {
				t.Errorf("logged %s", log.String())
			}
		})
	}
	t.Run("no commit", func(t *testing.T) {
		f := setup(t)
		for _, sha := range []string{"", "main", object(1) + "/../x", strings.ToUpper(strings.Repeat("a", 40))} {
			if _, err := RelevantFiles(context.Background(), f.client(5), "acme", "site", sha); err == nil || f.count("") > 0 {
				t.Errorf("%q: %v, sent %v", sha, err, f.requests)
			}
		}
	})
}

func TestBlob(t *testing.T) {
	for _, raw := range []bool{true, false} {
		for _, size := range []int{0, 1, 99, 100, 101, 10_000} {
			t.Run(fmt.Sprintf("raw %t, %d bytes", raw, size), func(t *testing.T) {
				f := setup(t)
				want := bytes.Repeat([]byte{0, 0xff, '\n', 'x'}, size/4+1)[:size]
				f.mux.HandleFunc("GET /repos/acme/site/git/blobs/"+object(7), func(w http.ResponseWriter, r *http.Request) {
					if !strings.Contains(r.Header.Get("Accept"), "raw") {
						t.Errorf("accepts %q", r.Header.Get("Accept"))
					}
					w.Header().Set("Etag", `"x"`)
					if raw {
						w.Header().Set("Content-Type", "application/vnd.github.raw; charset=utf-8")
						w.Write(want)
						return
					}
					text := base64.StdEncoding.EncodeToString(want)
					var lines strings.Builder // as GitHub breaks them
					for len(text) > 60 {
						lines.WriteString(text[:60] + "\n")
						text = text[60:]
					}
					w.Header().Set("Content-Type", "application/json; charset=utf-8")
					json.NewEncoder(w).Encode(map[string]any{"content": lines.String() + text, "encoding": "base64", "sha": object(7), "size": size})
				})
				got, err := Blob(context.Background(), f.client(5), "acme", "site", object(7), 100)
				if size > 100 {
					if !errors.Is(err, ErrTooLarge) || got != nil {
						t.Errorf("%d bytes, %v, want too large", len(got), err)
					}
				} else if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				if n := f.clients.cache.bytes(); n != 0 {
					t.Errorf("%d bytes of it are in the cache", n)
				}
			})
		}
	}
	f := setup(t)
	for _, sha := range []string{"", "x", "../../../app"} {
		if _, err := Blob(context.Background(), f.client(5), "acme", "site", sha, 1); err == nil || f.count("") > 0 {
			t.Errorf("%q: %v", sha, err)
		}
	}
	if _, err := Blob(context.Background(), f.client(5), "acme", "site", object(8), 1); !IsNotFound(err) {
		t.Errorf("missing: %v", err)
	}
}

func FuzzDecodeBlob(f *testing.F) {
	f.Add([]byte(`{"content":"aGVsbG8=\n","encoding":"base64"}`), 5)
	f.Add([]byte(`{"content":"aGVsbG8=","encoding":"none"}`), 4)
	f.Fuzz(func(t *testing.T, answer []byte, limit int) {
		limit = max(limit, 0) % (1 << 20)
		if data, err := decodeBlob(bytes.NewReader(answer), limit); err == nil && len(data) > limit {
			t.Errorf("%d bytes above %d", len(data), limit)
		}
	})
}
