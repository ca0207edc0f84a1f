package githubtest

import (
	"fmt"
	"net/http"
	"slices"
)

// suite groups the check runs of one app on one commit.
type suite struct {
	id               int64
	sha, branch, app string // branch "" is null
	before           string
	created, updated string
	reset            bool // re-requested, and no run has answered since
}

func (r *Repo) findSuite(sha, app string) *suite {
	for _, u := range r.suites {
		if u.sha == sha && u.app == app {
			return u
		}
	}
	return nil
}

// suiteOf finds or makes the suite of an app on a commit.
func (r *Repo) suiteOf(sha, app string) *suite {
	if u := r.findSuite(sha, app); u != nil {
		return u
	}
	u := &suite{id: r.s.newID(), sha: sha, app: app, before: noCommit, created: r.s.now(), updated: r.s.now()}
	if refs, err := r.git.refs("refs/heads/"); err == nil {
		for _, ref := range refs {
			if ref.sha == sha {
				u.branch = ref.name[len("refs/heads/"):]
				break
			}
		}
	}
	if c, err := r.git.info(sha); err == nil && len(c.parents) > 0 {
		u.before = c.parents[0]
	}
	r.suites = append(r.suites, u)
	return u
}

func (r *Repo) checksOf(u *suite) []*checkRun {
	var out []*checkRun
	for _, c := range r.checks {
		if c.suite == u {
			out = append(out, c)
		}
	}
	return out
}

// The conclusion of a suite is that of its worst run, in this order.
var worst = []string{"action_required", "timed_out", "cancelled", "failure", "stale", "success", "neutral", "skipped"}

func (r *Repo) suiteStatus(u *suite) (status string, conclusion any, runs int) {
	checks := r.checksOf(u)
	if len(checks) == 0 || u.reset {
		return "queued", nil, len(checks)
	}
	rank := len(worst)
	status = "completed"
	for _, c := range checks {
		if c.status == "in_progress" {
			status = "in_progress"
		} else if c.status != "completed" && status == "completed" {
			status = "queued"
		}
		if i := slices.Index(worst, c.conclusion); i >= 0 {
			rank = min(rank, i)
		}
	}
	if status != "completed" || rank == len(worst) {
		return status, nil, len(checks)
	}
	return status, worst[rank], len(checks)
}

func (r *Repo) showSuite(u *suite) object {
	status, conclusion, runs := r.suiteStatus(u)
	at := fmt.Sprintf("%s/check-suites/%d", r.api(), u.id)
	o := object{"id": u.id, "node_id": nodeID("CheckSuite", u.id), "head_branch": orNull(u.branch), "head_sha": u.sha, "status": status, "conclusion": conclusion, "url": at,
		"before": u.before, "after": u.sha, "pull_requests": r.pullsAt(u.sha), "app": r.s.showApp(u.app), "created_at": u.created, "updated_at": u.updated,
		"rerequestable": true, "runs_rerequestable": true, "latest_check_runs_count": runs, "check_runs_url": at + "/check-runs",
		"head_commit": r.showSimpleCommit(u.sha), "repository": r.s.showRepo(r)}
	return r.s.desc.rest.complete("check-suite", o)
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (r *Repo) emitSuite(u *suite, action, login string) {
	if u.app != r.s.cfg.AppSlug { // an App hears of the requests for its own suites only
		return
	}
	o := r.showSuite(u)
	delete(o, "repository")
	r.s.emit(r.s.installationOf(r), r, "check_suite", action, login, object{"check_suite": o})
}

// RerequestSuite is the button "Re-run all checks": it sends check_suite.rerequested for the App's suite on a commit.
func (r *Repo) RerequestSuite(sha, login string) error {
	s := r.s
	s.mu.Lock()
	defer s.mu.Unlock()
	u := r.findSuite(sha, s.cfg.AppSlug)
	if u == nil {
		return fmt.Errorf("re-request suite of %s: the App has none there", sha)
	}
	u.reset = true
	r.emitSuite(u, "rerequested", login)
	return nil
}

func (c *call) suite() (*suite, error) {
	id := number(c.params["check_suite_id"])
	for _, u := range c.repo.suites {
		if u.id == id {
			return u, nil
		}
	}
	return nil, errNotFound
}

func getSuite(c *call) (answer, error) {
	u, err := c.suite()
	if err != nil {
		return answer{}, err
	}
	return ok(c.repo.showSuite(u))
}

func createSuite(c *call) (answer, error) {
	sha, err := c.commit(text(c.body, "head_sha"))
	if err != nil {
		return answer{}, err
	}
	if u := c.repo.findSuite(sha, c.s.cfg.AppSlug); u != nil {
		return ok(c.repo.showSuite(u))
	}
	return created(c.repo.showSuite(c.repo.suiteOf(sha, c.s.cfg.AppSlug)))
}

func listSuites(c *call) (answer, error) {
	sha, err := c.commit(c.params["ref"])
	if err != nil {
		return answer{}, err
	}
	var out []*suite
	for _, u := range c.repo.suites {
		if u.sha == sha {
			out = append(out, u)
		}
	}
	return page(c, out, "check_suites", c.repo.showSuite), nil
}

func rerequestSuite(c *call) (answer, error) {
	u, err := c.suite()
	if err != nil {
		return answer{}, err
	}
	u.reset = true
	c.repo.emitSuite(u, "rerequested", c.s.botLogin())
	return created(object{})
}

// setSuitePreferences knows the one preference there is: whether pushes make suites for this App.
func setSuitePreferences(c *call) (answer, error) {
	prefs, _ := c.body["auto_trigger_checks"].([]any)
	for _, p := range list(c.body["auto_trigger_checks"]) {
		if id, _ := p["app_id"].(float64); int64(id) == c.s.AppID {
			on, _ := p["setting"].(bool)
			c.repo.noAuto = !on
		}
	}
	if prefs == nil {
		prefs = []any{}
	}
	return ok(object{"preferences": object{"auto_trigger_checks": prefs}, "repository": c.s.showRepo(c.repo)})
}

// commit resolves a ref of the call's repository; GitHub answers 422 when there is no such commit.
func (c *call) commit(ref string) (string, error) {
	if sha := c.repo.git.commitOf(ref); sha != "" {
		return sha, nil
	}
	return "", refuse(http.StatusUnprocessableEntity, "No commit found for SHA: %s", ref)
}

func text(o object, key string) string {
	v, _ := o[key].(string)
	return v
}
