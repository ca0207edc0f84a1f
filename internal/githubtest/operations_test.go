package githubtest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestOperations calls every operation once and demands answers that GitHub's description accepts.
func TestOperations(t *testing.T) {
	b := newBench(t, Config{})
	b.s.AddUser("mona")
	b.s.SetPermission(b.repo, "mona", "maintain")
	head, err := b.repo.Push("feature/x", map[string]string{"src/b.go": "package a\n\nfunc B() {}\n", "README.md": "# changed\n"}, "add b")
	if err != nil {
		t.Fatal(err)
	}
	pull, err := b.repo.OpenPull("feature/x", "main", "mona")
	if err != nil {
		t.Fatal(err)
	}
	comment, err := b.repo.Comment(pull, "mona", "/redundancy status")
	if err != nil {
		t.Fatal(err)
	}
	run, err := b.repo.StartRun("ci.yml", "schedule")
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Complete("failure", Job{Name: "build", Conclusion: "success", Log: "built\n"}, Job{Name: "test", Conclusion: "failure", Log: "FAIL\n"}); err != nil {
		t.Fatal(err)
	}
	b.settle()
	var check, foreign, suite int64
	foreign = b.repo.AddForeignCheckRun(head, "lint", "failure")
	main := b.repo.Head("main")
	blob, _, _ := b.repo.git.find("main:README.md")
	suite = b.repo.findSuite(head, "redundancy").id
	job := run.now.jobs[1].id
	R := "/repos/acme/demo"

	t.Run("write", func(t *testing.T) {
		var made struct{ ID int64 }
		b.call("POST", R+"/check-runs", map[string]any{"name": "redundancy / validate", "head_sha": head, "status": "in_progress", "external_id": "e", "details_url": "http://127.0.0.1/x",
			"output":  map[string]any{"title": "t", "summary": "s", "annotations": []any{map[string]any{"path": "a.go", "start_line": 1, "end_line": 1, "start_column": 2, "end_column": 3, "annotation_level": "failure", "message": "m"}}},
			"actions": []any{map[string]any{"label": "Recover", "description": "d", "identifier": "recover"}}}).want(http.StatusCreated).into(&made)
		check = made.ID
		b.call("PATCH", fmt.Sprintf("%s/check-runs/%d", R, check), map[string]any{"conclusion": "success"}).want(http.StatusOK)
		b.call("PATCH", fmt.Sprintf("%s/check-runs/%d", R, foreign), map[string]any{"conclusion": "success"}).want(http.StatusForbidden)
		b.call("POST", fmt.Sprintf("%s/check-runs/%d/rerequest", R, check), nil).want(http.StatusCreated)
		b.call("POST", R+"/check-suites", map[string]any{"head_sha": head}).want(http.StatusOK)
		b.call("POST", R+"/check-suites", map[string]any{"head_sha": main}).want(http.StatusCreated)
		b.call("POST", fmt.Sprintf("%s/check-suites/%d/rerequest", R, suite), nil).want(http.StatusCreated)
		b.call("PATCH", R+"/check-suites/preferences", map[string]any{"auto_trigger_checks": []any{map[string]any{"app_id": b.s.AppID, "setting": false}}}).want(http.StatusOK)
		b.call("POST", R+"/actions/workflows/ci.yml/dispatches", map[string]any{"ref": "main", "inputs": map[string]any{"level": "b"}}).want(http.StatusNoContent)
		b.call("POST", R+"/actions/workflows/ci.yml/dispatches", map[string]any{"ref": "main", "return_run_details": true}).want(http.StatusOK)
		b.call("PUT", R+"/actions/workflows/ci.yml/disable", nil).want(http.StatusNoContent)
		b.call("PUT", R+"/actions/workflows/ci.yml/enable", nil).want(http.StatusNoContent)
		b.call("POST", R+"/dispatches", map[string]any{"event_type": "redundancy-fallback", "client_payload": map[string]any{"a": 1}}).want(http.StatusNoContent)
		b.call("POST", fmt.Sprintf("%s/issues/%d/comments", R, pull), map[string]any{"body": "hello"}).want(http.StatusCreated)
		b.call("PATCH", fmt.Sprintf("%s/issues/comments/%d", R, comment), map[string]any{"body": "hello"}).want(http.StatusOK)
		b.call("POST", fmt.Sprintf("%s/issues/comments/%d/reactions", R, comment), map[string]any{"content": "eyes"}).want(http.StatusCreated)
		b.call("POST", fmt.Sprintf("%s/issues/comments/%d/reactions", R, comment), map[string]any{"content": "eyes"}).want(http.StatusOK)
		b.call("POST", fmt.Sprintf("%s/issues/%d/reactions", R, pull), map[string]any{"content": "rocket"}).want(http.StatusCreated)
		b.call("POST", R+"/issues", map[string]any{"title": "an issue"}).want(http.StatusCreated)
		if _, err := b.repo.Push("other", map[string]string{"x": "y"}, "x"); err != nil {
			t.Fatal(err)
		}
		b.call("POST", R+"/pulls", map[string]any{"head": "other", "base": "main", "title": "t"}).want(http.StatusCreated)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun-failed-jobs", R, run.ID), nil).want(http.StatusCreated)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", R, run.ID), nil).want(http.StatusForbidden)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/cancel", R, run.ID), nil).want(http.StatusAccepted)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/cancel", R, run.ID), nil).want(http.StatusConflict)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", R, run.ID), nil).want(http.StatusCreated)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/force-cancel", R, run.ID), nil).want(http.StatusAccepted)
		b.call("POST", fmt.Sprintf("%s/actions/runs/%d/rerun", R, run.ID), nil).want(http.StatusCreated)
	})
	t.Run("read", func(t *testing.T) {
		for _, path := range strings.Fields(fmt.Sprintf(`/ /meta /zen /rate_limit /installation/repositories /users/mona
			R R/branches R/commits R/commits?path=src R/commits/main R/commits/feature/x R/commits/%[1]s R/commits/%[1]s/pulls R/commits/main/check-runs R/commits/%[1]s/check-runs R/commits/%[1]s/check-runs?check_name=x&filter=all
			R/commits/%[1]s/check-suites R/compare/main...feature%%2Fx R/compare/main...feature/x R/contents R/contents/ R/contents/src R/contents/README.md?ref=feature/x
			R/contents/.github/workflows/ci.yml
			R/git/trees/%[2]s R/git/trees/main?recursive=1 R/git/blobs/%[3]s R/git/commits/%[2]s R/git/ref/heads/feature/x R/git/matching-refs/heads
			R/check-runs/%[4]d R/check-runs/%[4]d/annotations R/check-suites/%[5]d R/check-suites/%[5]d/check-runs
			R/actions/workflows R/actions/workflows/ci.yml R/actions/workflows/ci.yml/runs?status=completed R/actions/runs R/actions/runs?created=2020-01-01T00:00:00Z&event=workflow_dispatch
			R/actions/runs/%[6]d R/actions/runs/%[6]d/attempts/1 R/actions/runs/%[6]d/attempts/1/jobs R/actions/runs/%[6]d/jobs R/actions/runs/%[6]d/jobs?filter=all R/actions/runs/%[6]d/artifacts
			R/actions/jobs/%[7]d R/collaborators/mona/permission R/issues/%[8]d R/issues/%[8]d/comments R/issues/comments/%[9]d R/issues/comments/%[9]d/reactions
			R/pulls R/pulls?state=all R/pulls/%[8]d R/pulls/%[8]d/files`, head, main, blob, check, suite, run.ID, job, pull, comment)) {
			path = strings.Replace(path, "R", R, 1)
			if r := b.call("GET", strings.ReplaceAll(path, ">", "%3E"), nil); r.status != http.StatusOK {
				t.Errorf("GET %s: %d %.300s", path, r.status, r.body)
			}
		}
		for _, path := range []string{"/app", "/app/installations", "/app/installations/" + itoa(b.id), "/app/hook/config", "/app/hook/deliveries", R + "/installation", "/orgs/acme/installation", "/users/acme/installation"} {
			b.call("GET", path, nil, asApp).want(http.StatusOK)
		}
	})
	t.Run("the rest", func(t *testing.T) {
		link := b.call("GET", fmt.Sprintf("%s/actions/jobs/%d/logs", R, job), nil).want(http.StatusFound).header.Get("Location")
		if got := string(b.call("GET", link, nil, with("Authorization", "")).want(http.StatusOK).body); got != "FAIL\n" {
			t.Errorf("log of the failed job is %q", got)
		}
		if err := run.Complete("success"); err != nil {
			t.Fatal(err)
		}
		link = b.call("GET", fmt.Sprintf("%s/actions/runs/%d/logs", R, run.ID), nil).want(http.StatusFound).header.Get("Location")
		if got := string(b.call("GET", link, nil, with("Authorization", "")).want(http.StatusOK).body); !strings.HasPrefix(got, "PK") {
			t.Errorf("logs of the run are not a zip: %.20q", got)
		}
		b.call("POST", fmt.Sprintf("%s/actions/jobs/%d/rerun", R, run.now.jobs[0].id), nil).want(http.StatusCreated)
		b.call("DELETE", fmt.Sprintf("%s/issues/comments/%d", R, comment), nil).want(http.StatusNoContent)
		id := b.s.Deliveries()[0].ID
		b.call("GET", fmt.Sprintf("/app/hook/deliveries/%d", id), nil, asApp).want(http.StatusOK)
		b.call("POST", fmt.Sprintf("/app/hook/deliveries/%d/attempts", id), nil, asApp).want(http.StatusAccepted)
		b.call("PATCH", "/app/hook/config", map[string]any{"url": b.hooks.URL}, asApp).want(http.StatusOK)
		b.call("DELETE", "/installation/token", nil).want(http.StatusNoContent)
		b.call("GET", R, nil).want(http.StatusUnauthorized)
	})
	b.clean()
	called := map[string]bool{}
	for _, c := range b.s.Calls() {
		called[c.Operation] = true
	}
	for id := range handlers {
		if !called[id] {
			t.Error("not called:", id)
		}
	}
}
