package githubtest

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jonboulle/clockwork"
)

const demo = "/repos/acme/demo"

func TestConditionalRequests(t *testing.T) {
	for _, perToken := range []bool{false, true} {
		t.Run(fmt.Sprintf("TokenETags %v", perToken), func(t *testing.T) {
			b := newBench(t, Config{TokenETags: perToken})
			first := b.get(demo)
			etag := first.header.Get("ETag")
			if etag == "" || first.header.Get("Vary") != "Accept, Authorization, Cookie, X-GitHub-OTP" {
				t.Fatalf("headers %v", first.header)
			}
			again := b.call("GET", demo, nil, with("If-None-Match", etag)).want(http.StatusNotModified)
			if a, b := first.header.Get("X-RateLimit-Remaining"), again.header.Get("X-RateLimit-Remaining"); a != b {
				t.Errorf("the 304 was counted: %s requests left, then %s", a, b)
			}
			if calls := b.s.Calls(); calls[len(calls)-1].IfNoneMatch != etag {
				t.Error("the call does not say that it was conditional")
			}
			b.s.RotateTokens()
			b.newToken()
			want := http.StatusNotModified
			if perToken {
				want = http.StatusOK
			}
			b.call("GET", demo, nil, with("If-None-Match", etag)).want(want)
			if _, err := b.repo.Push("main", map[string]string{"x": "y"}, "x"); err != nil {
				t.Fatal(err)
			}
			b.call("GET", demo+"/commits/main", nil, with("If-None-Match", b.get(demo+"/commits/main").header.Get("ETag"))).want(http.StatusNotModified)
			b.clean()
		})
	}
}

func TestBodiesComeInChunks(t *testing.T) {
	b := newBench(t, Config{})
	for _, encoding := range []string{"identity", "gzip"} {
		req, err := http.NewRequest(http.MethodGet, b.s.URL()+demo, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+b.token)
		req.Header.Set("Accept-Encoding", encoding)
		resp, err := b.http.Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.ContentLength != -1 || len(resp.TransferEncoding) == 0 || resp.TransferEncoding[0] != "chunked" {
			t.Errorf("%s: length %d, transfer %v", encoding, resp.ContentLength, resp.TransferEncoding)
		}
		var body io.Reader = resp.Body
		if encoding == "gzip" {
			if body, err = gzip.NewReader(bufio.NewReader(resp.Body)); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(body)
		if err != nil || !strings.Contains(string(got), `"full_name":"acme/demo"`) {
			t.Errorf("%s: %v %.100s", encoding, err, got)
		}
		resp.Body.Close()
	}
}

func TestRateLimit(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{Clock: clock})
	b.s.SetRate(b.id, 1, time.Minute)
	if got := b.get(demo).header.Get("X-RateLimit-Remaining"); got != "0" {
		t.Errorf("%s requests left, want 0", got)
	}
	r := b.call("GET", demo, nil).want(http.StatusForbidden)
	if got := r.header.Get("X-RateLimit-Reset"); got != itoa(clock.Now().Add(time.Minute).Unix()) {
		t.Errorf("reset at %s", got)
	}
	b.get("/rate_limit")
	b.call("GET", "/app", nil, asApp).want(http.StatusOK) // another budget
	clock.Advance(time.Minute)
	b.get(demo)
	b.clean()
}

func TestContentLimit(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Now())
	b := newBench(t, Config{Clock: clock, ContentPerMinute: 2})
	post := func() *reply {
		return b.call("POST", demo+"/check-runs", map[string]any{"name": "n", "head_sha": b.repo.Head("main")})
	}
	post().want(http.StatusCreated)
	post().want(http.StatusCreated)
	if r := post().want(http.StatusForbidden); r.header.Get("Retry-After") != "60" || !strings.Contains(r.json()["documentation_url"].(string), "secondary-rate-limits") {
		t.Errorf("%v %s", r.header, r.body)
	}
	clock.Advance(time.Minute)
	post().want(http.StatusCreated)
}

func TestPagination(t *testing.T) {
	b := newBench(t, Config{})
	for i := range 5 {
		b.repo.AddForeignCheckRun(b.repo.Head("main"), fmt.Sprint("run ", i), "success")
	}
	var names []string
	next := demo + "/commits/main/check-runs?per_page=2"
	for next != "" {
		r := b.get(next)
		var page struct {
			Total int                     `json:"total_count"`
			Runs  []struct{ Name string } `json:"check_runs"`
		}
		r.into(&page)
		if page.Total != 5 || len(page.Runs) > 2 {
			t.Errorf("page %+v", page)
		}
		for _, x := range page.Runs {
			names = append(names, x.Name)
		}
		next = ""
		for _, link := range strings.Split(r.header.Get("Link"), ", ") {
			if u, rel, _ := strings.Cut(link, "; "); rel == `rel="next"` {
				next = strings.Trim(u, "<>")
			}
		}
	}
	if d := cmp.Diff([]string{"run 0", "run 1", "run 2", "run 3", "run 4"}, names); d != "" {
		t.Error(d)
	}
	b.clean()
}

func TestEnterprisePrefixAndRenamedRepository(t *testing.T) {
	b := newBench(t, Config{})
	b.get("/api/v3" + demo)
	b.repo.Rename("site")
	r := b.call("GET", demo+"/commits/main?x=y", nil).want(http.StatusMovedPermanently)
	if want := fmt.Sprintf("%s/repositories/%d/commits/main?x=y", b.s.URL(), b.repo.ID); r.header.Get("Location") != want {
		t.Errorf("redirected to %s, want %s", r.header.Get("Location"), want)
	}
	b.get(strings.TrimSuffix(r.header.Get("Location"), "?x=y"))
	w := b.call("POST", demo+"/check-runs", map[string]any{"name": "n", "head_sha": b.repo.Head("main")}).want(http.StatusTemporaryRedirect)
	b.call("POST", w.header.Get("Location"), map[string]any{"name": "n", "head_sha": b.repo.Head("main")}).want(http.StatusCreated)
	if b.repo.FullName() != "acme/site" {
		t.Error(b.repo.FullName())
	}
}

func TestWhatGitHubDoesNotKnowIsRecorded(t *testing.T) {
	b := newBench(t, Config{})
	sha := b.repo.Head("main")
	tests := []struct {
		name, method, path string
		body               any
		status             int
		want               string
	}{
		{"unknown path", "GET", demo + "/nothing", nil, 404, "GitHub describes no such operation"},
		{"wrong method", "PUT", demo + "/check-runs", nil, 404, "GitHub describes no such operation"},
		{"not JSON", "POST", demo + "/check-runs", `{"name":`, 400, "not JSON"},
		{"missing field", "POST", demo + "/check-runs", map[string]any{"name": "x"}, 422, `"head_sha" is missing`},
		{"misspelt field", "POST", demo + "/check-runs", map[string]any{"name": "x", "head_sha": sha, "output": map[string]any{"title": "t", "summary": "s", "txt": "x"}}, 201, "unknown field output.txt"},
		{"misspelt query", "GET", demo + "/actions/runs?perpage=3", nil, 200, "unknown query parameter perpage"},
		{"bad number", "GET", demo + "/actions/runs/abc", nil, 422, "path parameter run_id"},
		{"body where there is none", "POST", "/app/hook/deliveries/1/attempts", map[string]any{"x": 1}, 404, "a body where none is described"},
		{"not in the double", "GET", demo + "/tarball/main", nil, 501, "unimplemented"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.s.ForgetCalls()
			var hows []how
			if strings.HasPrefix(tt.path, "/app") {
				hows = append(hows, asApp)
			}
			b.call(tt.method, tt.path, tt.body, hows...).want(tt.status)
			if v := b.s.Violations(); len(v) != 1 || !strings.Contains(v[0], tt.want) {
				t.Errorf("violations %q, want one with %q", v, tt.want)
			}
		})
	}
	b.s.ForgetCalls()
	b.call("GET", demo, nil, with("User-Agent", "")).want(http.StatusForbidden)
}
