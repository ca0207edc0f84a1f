package githubtest

import (
	"fmt"
	"slices"
)

// CheckRun is a check run as it stands.
type CheckRun struct {
	ID                   int64
	Name, HeadSHA        string
	ExternalID           string
	DetailsURL           string // as the App gave it
	Status, Conclusion   string
	Title, Summary, Text string
	Annotations          []Annotation
	Actions              []Action
	StartedAt            string // as GitHub writes it, "" for null
	CompletedAt          string
	App                  string // slug of the app that owns it
	Updates              int    // requests that created or changed it
}

// Annotation is one line of a check run's findings. Columns are 0 when not given.
type Annotation struct {
	Path        string `json:"path"`
	StartLine   int    `json:"start_line"`
	EndLine     int    `json:"end_line"`
	StartColumn int    `json:"start_column"`
	EndColumn   int    `json:"end_column"`
	Level       string `json:"annotation_level"`
	Message     string `json:"message"`
	Title       string `json:"title"`
	RawDetails  string `json:"raw_details"`
}

// Action is a button of a check run.
type Action struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

type checkRun struct {
	id                  int64
	suite               *suite
	name, sha, external string
	details             string
	status, conclusion  string
	title, summary      *string
	text                *string
	annotations         []Annotation
	actions             []Action
	started, completed  string
	updates             int
}

// CheckRuns are the check runs on a commit, oldest first.
func (r *Repo) CheckRuns(sha string) []CheckRun {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	var out []CheckRun
	for _, c := range r.checks {
		if c.sha == sha {
			out = append(out, c.public())
		}
	}
	return out
}

// CheckRun is the newest check run of that name on a commit; ok is false when there is none.
func (r *Repo) CheckRun(sha, name string) (run CheckRun, ok bool) {
	for _, c := range r.CheckRuns(sha) {
		if c.Name == name {
			run, ok = c, true
		}
	}
	return run, ok
}

func (k *checkRun) public() CheckRun {
	return CheckRun{ID: k.id, Name: k.name, HeadSHA: k.sha, ExternalID: k.external, DetailsURL: k.details, Status: k.status, Conclusion: k.conclusion,
		Title: orEmpty(k.title), Summary: orEmpty(k.summary), Text: orEmpty(k.text), Annotations: slices.Clone(k.annotations), Actions: slices.Clone(k.actions),
		StartedAt: k.started, CompletedAt: k.completed, App: k.suite.app, Updates: k.updates}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// AddForeignCheckRun makes a completed check run of another app, which this App may read and not change.
func (r *Repo) AddForeignCheckRun(sha, name, conclusion string) int64 {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	c := &checkRun{id: r.s.newID(), suite: r.suiteOf(sha, "github-actions"), name: name, sha: sha, status: "completed", conclusion: conclusion, started: r.s.now(), completed: r.s.now()}
	r.checks = append(r.checks, c)
	r.s.notify()
	return c.id
}

// RerequestCheck is the button "Re-run" of one check run. As documented the run itself is not changed: the App must do it.
func (r *Repo) RerequestCheck(id int64, login string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	c := r.check(id)
	if c == nil {
		return fmt.Errorf("re-request check run %d: it does not exist", id)
	}
	c.suite.reset = true
	r.emitCheck(c, "rerequested", login, nil)
	return nil
}

// ClickAction presses a button of a check run, which must be completed and have it.
func (r *Repo) ClickAction(id int64, identifier, login string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	c := r.check(id)
	if c == nil || c.status != "completed" || !slices.ContainsFunc(c.actions, func(a Action) bool { return a.Identifier == identifier }) {
		return fmt.Errorf("click %q of check run %d: there is no such button", identifier, id)
	}
	r.emitCheck(c, "requested_action", login, object{"requested_action": object{"identifier": identifier}})
	return nil
}

func (r *Repo) check(id int64) *checkRun {
	for _, c := range r.checks {
		if c.id == id {
			return c
		}
	}
	return nil
}

func (r *Repo) emitCheck(c *checkRun, action, login string, extra object) {
	if c.suite.app != r.s.cfg.AppSlug {
		return
	}
	o := r.showCheck(c)
	u := r.showSuite(c.suite)
	delete(u, "repository")
	o["check_suite"] = u
	p := object{"check_run": o}
	for k, v := range extra {
		p[k] = v
	}
	r.s.emit(r.s.installationOf(r), r, "check_run", action, login, p)
}

func (r *Repo) showCheck(c *checkRun) object {
	at := fmt.Sprintf("%s/check-runs/%d", r.api(), c.id)
	details := c.details
	if details == "" { // documented: the default is the App's home page
		details = r.s.base + "/apps/" + c.suite.app
	}
	o := object{"id": c.id, "name": c.name, "node_id": nodeID("CheckRun", c.id), "head_sha": c.sha, "external_id": c.external, "url": at,
		"html_url": fmt.Sprintf("%s/runs/%d", r.html(), c.id), "details_url": details, "status": c.status, "conclusion": orNull(c.conclusion),
		"started_at": orNull(c.started), "completed_at": orNull(c.completed), "check_suite": object{"id": c.suite.id}, "app": r.s.showApp(c.suite.app), "pull_requests": r.pullsAt(c.sha),
		"output": object{"title": pointer(c.title), "summary": pointer(c.summary), "text": pointer(c.text), "annotations_count": len(c.annotations), "annotations_url": at + "/annotations"}}
	return r.s.desc.rest.complete("check-run", o)
}

func pointer(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}
