package runs

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v62/github"

	"github.com/redundancy-app/redundancy/githubapi"
	"github.com/redundancy-app/redundancy/queue"
)

var site = queue.Repo{InstallationID: 1, ID: 7, Owner: "acme", Name: "site"}

// answers is a GitHub that says what a test tells it to.
type answers func(*http.Request) (status int, header http.Header, body string)

func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	status, header, body := a(req)
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
}

func (a answers) client() *github.Client { return github.NewClient(&http.Client{Transport: a}) }

func says(body string) answers {
	return func(*http.Request) (int, http.Header, string) { return http.StatusOK, nil, body }
}

func isElsewhere(err error) bool {
	var moved *ElsewhereError
	return errors.As(err, &moved)
}

// Whatever stands where GitHub's answer should, it is not taken for one about
// the run, nor for a list without it.
func TestAnswerIsNotBelieved(t *testing.T) {
	const good = `{"id": 5, "repository": {"id": 7}}`
	for name, tc := range map[string]struct {
		answer    string // of a run; in a list it comes second
		elsewhere int64  // what is at the name now, -1: nothing is said of that
		single    bool   // wrong for one run only
	}{
		"HTML":                              {"<!DOCTYPE html><title>Unicorn!</title>", -1, false},
		"cut off":                           {`{"id": 5, "repository": {"id"`, -1, false},
		"null in a list":                    {"null", -1, false},
		"an id that is a word":              {`{"id": "5", "repository": {"id": 7}}`, -1, false},
		"a run of another repository":       {`{"id": 5, "repository": {"id": 8}}`, 8, false},
		"a run of no repository":            {`{"id": 5}`, 0, false},
		"a run whose repository is null":    {`{"id": 5, "repository": null}`, 0, false},
		"another run":                       {`{"id": 6, "repository": {"id": 7}}`, -1, true},
		"another run of another one's":      {`{"id": 6, "repository": {"id": 8}}`, -1, true},
		"nothing":                           {``, -1, true},
		"an object that says nothing of it": {`{}`, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			check := func(what string, err error) {
				t.Helper()
				var moved *ElsewhereError
				switch found := errors.As(err, &moved); {
				case err == nil || !strings.Contains(err.Error(), "acme/site"):
					t.Errorf("%s: error %v", what, err)
				case found != (tc.elsewhere >= 0):
					t.Errorf("%s: %v, elsewhere: %v", what, err, found)
				case found:
					if diff := cmp.Diff(&ElsewhereError{Repo: site, Found: tc.elsewhere}, moved); diff != "" {
						t.Errorf("%s (-want +got):\n%s", what, diff)
					}
				}
			}
			r, err := Get(t.Context(), says(tc.answer).client(), site, 5)
			if check("get", err); r != nil {
				t.Errorf("the run %v all the same", r)
			}
			if tc.single {
				return
			}
			list := `{"total_count": 2, "workflow_runs": [` + good + "," + tc.answer + "]}"
			if name == "HTML" {
				list = tc.answer
			}
			_, err = List(t.Context(), says(list).client(), site, Query{})
			check("list", err)
			all, _, err := ListSince(t.Context(), says(list).client(), site, "", "", time.Time{})
			if check("list since", err); all != nil {
				t.Errorf("%d runs all the same", len(all))
			}
		})
	}
}

// An answer without a list is no empty list: that would say that nothing ran.
func TestNoList(t *testing.T) {
	for answer, ok := range map[string]bool{
		``: false, `{}`: false, `null`: false, `{"workflow_runs": null}`: false, `{"total_count": 0}`: false, `{"workflow_runs": []}`: false, `{"total_count": 7, "workflow_runs": []}`: false, `{"message": "Server Error"}`: false,
		`{"total_count": 0, "workflow_runs": []}`: true,
	} {
		if p, err := List(t.Context(), says(answer).client(), site, Query{}); (err == nil) != ok || len(p.Runs) > 0 {
			t.Errorf("%q: %d runs, %v", answer, len(p.Runs), err)
		}
	}
}

// A refusal keeps what callers tell refusals apart by, and what it has cost.
func TestRefused(t *testing.T) {
	limits := http.Header{"X-Ratelimit-Limit": {"5000"}, "X-Ratelimit-Remaining": {"12"}, "Content-Type": {"application/json"}}
	client := answers(func(*http.Request) (int, http.Header, string) {
		return http.StatusNotFound, limits, `{"message": "Not Found"}`
	}).client()
	if _, err := Get(t.Context(), client, site, 5); !githubapi.IsNotFound(err) {
		t.Errorf("get: %v", err)
	}
	p, err := List(t.Context(), client, site, Query{Workflow: "x.yml"})
	if !githubapi.IsNotFound(err) || p.Rate.Limit != 5000 || p.Rate.Remaining != 12 {
		t.Errorf("list: %v, rate %v", err, p.Rate)
	}
}

func TestPath(t *testing.T) {
	odd := queue.Repo{ID: 7, Owner: "a/b", Name: "c?d"}
	for name, tc := range map[string]struct {
		repo queue.Repo
		q    Query
		want string
	}{
		"all workflows":      {site, Query{}, "/repos/acme/site/actions/runs?per_page=100"},
		"one workflow":       {site, Query{Workflow: ".github/workflows/x.yml"}, "/repos/acme/site/actions/workflows/x.yml/runs?per_page=100"},
		"the first page":     {site, Query{Number: 1}, "/repos/acme/site/actions/runs?per_page=100"},
		"a later page":       {site, Query{Number: 2, Filter: url.Values{"branch": {"a&b"}}}, "/repos/acme/site/actions/runs?branch=a%26b&page=2&per_page=100"},
		"names to escape":    {odd, Query{}, "/repos/a%2Fb/c%3Fd/actions/runs?per_page=100"},
		"a file to escape":   {odd, Query{Workflow: ".github/workflows/50% #1?.yml"}, "/repos/a%2Fb/c%3Fd/actions/workflows/50%25%20%231%3F.yml/runs?per_page=100"},
		"no page per filter": {site, Query{Filter: url.Values{"event": {"push"}}}, "/repos/acme/site/actions/runs?event=push&per_page=100"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked string
			client := answers(func(req *http.Request) (int, http.Header, string) {
				asked = req.URL.RequestURI()
				return http.StatusOK, nil, `{"total_count": 0, "workflow_runs": []}`
			}).client()
			before := fmt.Sprint(tc.q.Filter)
			if _, err := List(t.Context(), client, tc.repo, tc.q); err != nil || asked != tc.want {
				t.Errorf("asked %s: %v, want %s", asked, err, tc.want)
			}
			if after := fmt.Sprint(tc.q.Filter); after != before {
				t.Errorf("the caller's filter is %s now", after)
			}
		})
	}
	var asked string
	client := answers(func(req *http.Request) (int, http.Header, string) {
		asked = req.URL.RequestURI()
		return http.StatusOK, nil, `{"id": 5, "repository": {"id": 7}}`
	}).client()
	if _, err := Get(t.Context(), client, odd, 5); err != nil || asked != "/repos/a%2Fb/c%3Fd/actions/runs/5" {
		t.Errorf("asked %s: %v", asked, err)
	}
}

// pages serves lists of runs a minute apart, the newest at a moment, and counts
// the requests.
func pages(newest time.Time, total int, asked *int) answers {
	return func(req *http.Request) (int, http.Header, string) {
		*asked++
		number := 1
		if n := req.URL.Query().Get("page"); n != "" {
			_, _ = fmt.Sscan(n, &number)
		}
		var runs []string
		for i := (number - 1) * PerPage; i < min(number*PerPage, total); i++ {
			at := newest.Add(-time.Duration(i) * time.Minute)
			runs = append(runs, fmt.Sprintf(`{"id": %d, "repository": {"id": 7}, "created_at": %q}`, total-i, at.Format(time.RFC3339)))
		}
		date := newest.Add(time.Duration(number) * time.Hour).Format(http.TimeFormat)
		return http.StatusOK, http.Header{"Date": {date}}, fmt.Sprintf(`{"total_count": %d, "workflow_runs": [%s]}`, total, strings.Join(runs, ","))
	}
}

func TestListSince(t *testing.T) {
	newest := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	back := func(n int) time.Time { return newest.Add(-time.Duration(n) * time.Minute) }
	for name, tc := range map[string]struct {
		total        int
		since        time.Time
		pages, found int
	}{
		"none":                              {0, back(1000), 1, 0},
		"one below a page":                  {PerPage - 1, back(1000), 1, PerPage - 1},
		"a page, which may not be all":      {PerPage, back(1000), 2, PerPage},
		"the page's last one is the moment": {250, back(PerPage - 1), 2, 200},
		"the page's last one is older":      {250, back(PerPage - 2), 1, 100},
		"one below the bound":               {maxPages*PerPage - 1, back(9999), maxPages, maxPages*PerPage - 1},
		"more than the bound":               {maxPages*PerPage + 1, back(9999), maxPages, maxPages * PerPage},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			list, at, err := ListSince(t.Context(), pages(newest, tc.total, &asked).client(), site, "", "", tc.since)
			if err != nil || len(list) != tc.found || asked != tc.pages {
				t.Errorf("%d runs of %d pages: %v, want %d of %d", len(list), asked, err, tc.found, tc.pages)
			}
			if want := newest.Add(time.Hour); !at.Equal(want) {
				t.Errorf("asked at %s, want the moment of the first answer, %s", at, want)
			}
		})
	}
}

func TestAnsweredAt(t *testing.T) {
	for date, want := range map[string]time.Time{
		"Mon, 01 Jun 2026 12:00:00 GMT": time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC),
		"":                              {},
		"yesterday":                     {},
	} {
		client := answers(func(*http.Request) (int, http.Header, string) {
			return http.StatusOK, http.Header{"Date": {date}}, `{"total_count": 0, "workflow_runs": []}`
		}).client()
		if p, err := List(t.Context(), client, site, Query{}); err != nil || !p.At.Equal(want) {
			t.Errorf("%q: %s, %v, want %s", date, p.At, err, want)
		}
	}
}
