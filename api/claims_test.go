package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/redundancy-app/redundancy/api"
	"github.com/redundancy-app/redundancy/store"
)

// occurrence is a key of an incident of repository 9.
var occurrence = strings.Repeat("0a", 32)

// runs are a run of repository 9 that is under way, and another repository's.
func (b *bench) runs() {
	b.t.Helper()
	err := b.store.Update(b.t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if _, err := store.SaveRepositories(ctx, tx, []store.Repository{{ID: 10, InstallationID: 7, Owner: "acme", Name: "other", SeenAt: 1}}); err != nil {
			return err
		}
		for _, repo := range []int64{9, 10} {
			r := store.WorkflowRun{RepoID: repo, RunID: 500 + repo, Attempt: 1, WorkflowPath: ".github/workflows/x.yml", Event: "push", Status: "in_progress", CreatedAt: 1, UpdatedAt: 1}
			if _, err := tx.SaveRun(ctx, r); err != nil {
				return err
			}
		}
		_, err := tx.OpenIncident(ctx, &store.Incident{
			OccurrenceKey: occurrence, InstallationID: 7, RepoID: 9, Owner: "acme", Repo: "site", State: "healthy", Ladder: "{}", OpenedAt: 1, UpdatedAt: 1,
		})
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestClaims(t *testing.T) {
	b := newBench(t)
	b.runs()
	long, tooLong := strings.Repeat("k", 200), strings.Repeat("k", 201)
	for i, tc := range []struct {
		method, key, body string
		want              int
		says              string
	}{
		{"GET", "deploy:1", "", 200, `"state": "free"`},
		{"POST", "deploy:1", `{"owner":"ci"}`, 200, `"epoch": 1`},
		{"POST", "deploy:1", `{"owner":"ci"}`, 200, `"epoch": 1`},
		{"POST", "deploy:1", `{"owner":"cd"}`, 409, "ci is doing the work"},
		{"POST", "deploy:1", "", 409, `"owner": "ci"`},
		{"POST", "deploy:1", `{"epoch":1}`, 200, `"state": "held"`},
		{"POST", "deploy:1", `{"epoch":2}`, 409, "replaced by epoch 1"},
		{"POST", "deploy:1", `{"owner":"cd","epoch":1,"state":"done"}`, 409, "newest grant is that of ci"},
		{"POST", "deploy:1", `{"owner":"ci","epoch":1,"state":"done"}`, 200, `"state": "done"`},
		{"POST", "deploy:1", `{"owner":"ci","epoch":1,"state":"done"}`, 200, `"state": "done"`},
		{"POST", "deploy:1", `{"owner":"ci","epoch":1,"state":"free"}`, 409, "cannot be taken back"},
		{"POST", "deploy:1", `{"owner":"ci"}`, 409, "already done by ci"},
		{"POST", "deploy:1", `{"epoch":1}`, 409, "is done"},
		{"GET", "deploy:1", "", 200, `"state": "done"`},

		{"POST", "deploy:2", `{"owner":"ci","lease":"7d"}`, 200, `"lease_until"`},
		{"POST", "deploy:2", `{"owner":"ci","epoch":1,"state":"free"}`, 200, `"state": "free"`},
		{"POST", "deploy:2", `{"owner":"cd"}`, 200, `"epoch": 2`},
		{"POST", "deploy:2", `{"owner":"ci","epoch":1,"state":"done"}`, 409, "that of cd, with epoch 2"},

		{"POST", "deploy:3", "", 200, `"owner": "somebody:`},
		{"POST", "deploy:3", "", 409, "is doing the work"},
		{"POST", "deploy:4", `{"epoch":1}`, 409, "nobody was granted"},
		{"POST", "deploy:5", `{"owner":"ci","lease":"169h"}`, 400, "at most 7d"},
		{"POST", "deploy:5", `{"owner":"ci","lease":"soon"}`, 400, "time span"},
		{"POST", "deploy:5", `{"owner":"ci","epoch":-1}`, 400, "positive"},
		{"POST", "deploy:5", `{"owner":"incident:1"}`, 400, "not free to choose"},
		{"POST", "deploy:5", `{"owner":"run:1:1"}`, 400, "not free to choose"},
		{"POST", "deploy:5", `{"owner":"a b"}`, 400, "owner"},
		{"POST", "deploy:5", `{"state":"done"}`, 400, "owner and epoch"},
		{"POST", "deploy:5", `{"owner":"x","epoch":1,"state":"held"}`, 400, "done or free"},
		{"POST", "deploy:5", `{"surplus":1}`, 400, "surplus"},
		{"POST", long, "", 200, `"epoch": 1`},
		{"POST", tooLong, "", 400, "1 to 200"},
		{"POST", "with%20space", "", 400, "1 to 200"},

		{"POST", "run-9-509", "", 200, `"owner": "run:509:1"`},
		{"POST", "run-9-509", `{"owner":"run:509:1"}`, 200, `"epoch": 1`},
		{"POST", "run-9-509", `{"owner":"run:510:1"}`, 400, "only ask for itself"},
		{"POST", "run-9-509", `{"owner":"alice"}`, 409, "run:509:1 is doing the work"},
		{"GET", "run-9-509", "", 200, `"state": "held"`},
		{"GET", "run-77-509", "", 404, "not installed on repository 77"},
		{"GET", "a/b", "", 404, "no such path"},
		{"DELETE", "deploy:1", "", 404, "no such path"},
	} {
		t.Run(fmt.Sprintf("%02d %s %.20s %.40s", i, tc.method, tc.key, tc.body), func(t *testing.T) {
			b.t = t
			got := b.doAs(tc.method, "/api/v1/claims/"+tc.key, token, tc.body, tc.method == "DELETE")
			if got.status != tc.want || !strings.Contains(got.body, tc.says) {
				t.Errorf("%d %.500s, want %d with %q", got.status, got.body, tc.want, tc.says)
			}
		})
	}
}

// doAs is do, without the description for what it does not have.
func (b *bench) doAs(method, path, bearer, body string, undescribed bool) reply {
	b.t.Helper()
	if undescribed {
		described := b.router
		b.router = nil
		defer func() { b.router = described }()
	}
	return b.do(method, path, bearer, body)
}

func TestAGuardTokenOpensTheClaimsOfOneRepository(t *testing.T) {
	b := newBench(t)
	b.runs()
	own, foreign := api.GuardToken(token, 9), api.GuardToken(token, 10)
	for _, tc := range []struct {
		name, bearer, method, path string
		want                       int
	}{
		{"its run", own, "POST", "claims/run-9-509", 200},
		{"its run, read", own, "GET", "claims/run-9-509", 200},
		{"its occurrence", own, "GET", "claims/" + occurrence, 200},
		{"an unknown occurrence", own, "GET", "claims/" + strings.Repeat("0b", 32), 403},
		{"a key of somebody's own", own, "POST", "claims/deploy:1", 403},
		{"another repository's run", own, "POST", "claims/run-10-510", 403},
		{"the other token's run", foreign, "POST", "claims/run-10-510", 200},
		{"the other token's occurrence", foreign, "GET", "claims/" + occurrence, 403},
		{"status", own, "GET", "status", 401},
		{"incidents", own, "GET", "incidents", 401},
		{"recover", own, "POST", "recover", 401},
		{"pause", own, "POST", "pause", 401},
		{"pauses", own, "GET", "pauses", 401},
		{"a claim's neighbour", own, "GET", "claims/a/b", 401},
		{"another repository in the token", strings.Replace(own, "rg1.9.", "rg1.10.", 1), "GET", "claims/run-10-510", 401},
		{"a cut token", own[:len(own)-1], "GET", "claims/run-9-509", 401},
		{"a longer token", own + "A", "GET", "claims/run-9-509", 401},
		{"a token of another API token", api.GuardToken(token+"x", 9), "GET", "claims/run-9-509", 401},
		{"a token of no API token", api.GuardToken("", 9), "GET", "claims/run-9-509", 401},
		{"no number", "rg1..x", "GET", "claims/run-9-509", 401},
		{"a negative number", api.GuardToken(token, -1), "GET", "claims/run-9-509", 401},
		{"nothing", "", "GET", "claims/run-9-509", 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b.t = t
			if got := b.doAs(tc.method, "/api/v1/"+tc.path, tc.bearer, "", tc.path == "claims/a/b"); got.status != tc.want {
				t.Errorf("%d %.300s, want %d", got.status, got.body, tc.want)
			}
		})
	}
}

func TestClaimsAreCounted(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct{ bearer, key, body string }{
		{token, "deploy:1", `{"owner":"ci"}`},
		{token, "deploy:1", `{"owner":"ci"}`},
		{token, "deploy:1", `{"owner":"cd"}`},
		{token, "deploy:1", `{"owner":"ci","epoch":-1}`},
		{api.GuardToken(token, 9), "deploy:1", ""},
		{"wrong", "deploy:1", ""},
	} {
		b.do(http.MethodPost, "/api/v1/claims/"+tc.key, tc.bearer, tc.body)
	}
	b.do(http.MethodGet, "/api/v1/claims/deploy:1", token, "") // asks for nothing
	got := b.doAs(http.MethodGet, "/metrics", token, "", true).body
	for result, n := range map[string]int{"granted": 2, "refused": 1, "invalid": 1, "forbidden": 2} {
		if want := fmt.Sprintf("redundancy_claims_total{result=%q} %d\n", result, n); !strings.Contains(got, want) {
			t.Errorf("metrics lack %s:\n%s", want, got)
		}
	}
}

func TestPauses(t *testing.T) {
	b := newBench(t)
	for i, tc := range []struct {
		method, path, body string
		want               int
		says               string
	}{
		{"GET", "pauses", "", 200, `"pauses": []`},
		{"POST", "resume", "{}", 409, "No pause in force was made for everything."},
		{"POST", "pause", `{"repo":"acme/site","duration":"2h","reason":"move","actor":"bob"}`, 200, "Paused all workflows of acme/site until"},
		{"GET", "pauses", "", 200, `"actor": "bob"`},
		{"GET", "status", "", 200, `"reason": "move"`},
		{"POST", "pause", `{"repo":"acme/site","duration":"1h","key":"k1"}`, 200, "; the pause that bob made goes on until"},
		{"POST", "pause", `{"repo":"acme/site","duration":"1h","key":"k1"}`, 200, "Paused"},
		{"GET", "pauses?all=true", "", 200, `"id": 2`},
		{"POST", "pause", `{"repo":"acme/site","from":"2099-01-01T00:00:00Z"}`, 409, "within a year"},
		{"POST", "pause", `{"repo":"acme/site","until":"2001-01-01T00:00:00Z"}`, 409, "before it begins"},
		{"POST", "pause", `{"repo":"acme/site","until":"2099-01-01T00:00:00Z","duration":"1h"}`, 400, "not both"},
		{"POST", "pause", `{"repo":"acme/site","target":"x.yml"}`, 409, "no watched workflows"},
		{"POST", "pause", `{"target":"x.yml"}`, 400, "needs its repo"},
		{"POST", "pause", `{"repo":"acme"}`, 400, "owner/name"},
		{"POST", "pause", `{"repo":"acme/none"}`, 404, "not installed"},
		{"POST", "pause", `{"duration":"-1h"}`, 400, "time span"},
		{"POST", "pause", `{"reason":"` + strings.Repeat("r", 1001) + `"}`, 400, "1000"},
		{"POST", "pause", `{}`, 200, "Paused everything until somebody resumes"},
		{"POST", "resume", `{"repo":"acme/site"}`, 200, "Still: api paused everything"},
		{"POST", "resume", `{"id":99}`, 409, "no pause 99"},
		{"POST", "resume", `{"id":3,"repo":"acme/site"}`, 400, "not both"},
		{"POST", "resume", `{}`, 200, "Resumed everything."},
		{"GET", "pauses", "", 200, `"pauses": []`},
		{"GET", "pauses?all=true", "", 200, `"ended_by": "api"`},
	} {
		t.Run(fmt.Sprintf("%02d %s %s %.40s", i, tc.method, tc.path, tc.body), func(t *testing.T) {
			b.t = t
			got := b.do(tc.method, "/api/v1/"+tc.path, token, tc.body)
			if got.status != tc.want || !strings.Contains(got.body, tc.says) {
				t.Errorf("%d %.700s, want %d with %q", got.status, got.body, tc.want, tc.says)
			}
		})
	}
	b.t = t
	if got := b.do(http.MethodGet, "/api/v1/pauses?all=true", token, ""); strings.Count(got.body, `"id"`) != 3 {
		t.Errorf("a repeated request paused again: %s", got.body)
	}
}
