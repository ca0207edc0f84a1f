package githubtest

import (
	"encoding/json"
	"net/http"
	"slices"
)

// mostOfOneName is the number of check runs of one name that a suite keeps; the oldest are deleted.
const mostOfOneName = 1000

func createCheck(c *call) (answer, error) {
	sha, err := c.commit(text(c.body, "head_sha"))
	if err != nil {
		return answer{}, err
	}
	k := &checkRun{id: c.s.newID(), suite: c.repo.suiteOf(sha, c.s.cfg.AppSlug), sha: sha, status: "queued", started: c.s.now()}
	if err := k.apply(c.s, c.body); err != nil {
		return answer{}, err
	}
	c.repo.checks = append(c.repo.checks, k)
	same := 0
	for i := len(c.repo.checks) - 1; i >= 0; i-- {
		if x := c.repo.checks[i]; x.suite == k.suite && x.name == k.name {
			if same++; same > mostOfOneName {
				c.repo.checks = slices.Delete(c.repo.checks, i, i+1)
			}
		}
	}
	c.repo.emitCheck(k, "created", c.s.botLogin(), nil)
	c.repo.checkChanged(k, k.status == "completed")
	return created(c.repo.showCheck(k))
}

func updateCheck(c *call) (answer, error) {
	k, err := c.check()
	if err != nil {
		return answer{}, err
	}
	if k.suite.app != c.s.cfg.AppSlug {
		return answer{}, refuse(http.StatusForbidden, "Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", actionsAppID)
	}
	was := k.status
	if err := k.apply(c.s, c.body); err != nil {
		return answer{}, err
	}
	c.repo.checkChanged(k, was != "completed" && k.status == "completed")
	return ok(c.repo.showCheck(k))
}

// checkChanged sends the events of a run that has just completed, and of its suite when that was the last.
func (r *Repo) checkChanged(k *checkRun, completed bool) {
	k.suite.reset = false
	k.suite.updated = r.s.now()
	r.s.notify()
	if !completed {
		return
	}
	r.emitCheck(k, "completed", r.s.botLogin(), nil)
	if status, _, _ := r.suiteStatus(k.suite); status == "completed" {
		r.emitSuite(k.suite, "completed", r.s.botLogin())
	}
}

// checkBody is what a create or an update of a check run says; nil fields were not said.
type checkRequestBody struct {
	Name        *string  `json:"name"`
	DetailsURL  *string  `json:"details_url"`
	ExternalID  *string  `json:"external_id"`
	Status      string   `json:"status"`
	Conclusion  string   `json:"conclusion"`
	StartedAt   *string  `json:"started_at"`
	CompletedAt *string  `json:"completed_at"`
	Actions     []Action `json:"actions"`
	Output      struct {
		Title       *string      `json:"title"`
		Summary     *string      `json:"summary"`
		Text        *string      `json:"text"`
		Annotations []Annotation `json:"annotations"`
	} `json:"output"`
}

const maxTextBytes = 64 << 10 // of an annotation's message and raw_details

// check applies the rules that the description puts in words; its numbers were checked already.
func (b *checkRequestBody) check() error {
	invalid := func(what string) error { return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%s", what) }
	switch {
	case b.Conclusion == "stale":
		return invalid("stale is not a permitted conclusion.")
	case b.Conclusion == "" && (b.Status == "completed" || b.CompletedAt != nil):
		return invalid(`"conclusion" wasn't supplied.`)
	}
	for _, a := range b.Output.Annotations {
		switch {
		case (a.StartColumn != 0 || a.EndColumn != 0) && a.StartLine != a.EndLine:
			return invalid("columns are for annotations of one line")
		case len(a.Message) > maxTextBytes || len(a.RawDetails) > maxTextBytes:
			return invalid("an annotation is larger than 64 KB")
		case len([]rune(a.Title)) > 255:
			return invalid("the title of an annotation has more than 255 characters")
		}
	}
	return nil
}

// apply carries out the body of a create or an update, wholly or not at all.
func (k *checkRun) apply(s *Server, body object) error {
	var b checkRequestBody
	if err := json.Unmarshal(encode(body), &b); err != nil {
		return refuse(http.StatusUnprocessableEntity, "Invalid request.\n\n%v", err)
	}
	if err := b.check(); err != nil {
		return err
	}
	k.updates++
	set(&k.name, b.Name)
	set(&k.details, b.DetailsURL)
	set(&k.external, b.ExternalID)
	set(&k.started, b.StartedAt)
	setPointer(&k.title, b.Output.Title)
	setPointer(&k.summary, b.Output.Summary)
	setPointer(&k.text, b.Output.Text)
	k.annotations = append(k.annotations, b.Output.Annotations...)
	if b.Actions != nil {
		k.actions = b.Actions
	}
	if b.Status != "" {
		k.status = b.Status
	}
	if b.Conclusion != "" {
		k.status, k.conclusion = "completed", b.Conclusion
	}
	if k.status != "completed" { // a run may be opened again
		k.conclusion, k.completed = "", ""
		return nil
	}
	set(&k.completed, b.CompletedAt)
	if k.completed == "" {
		k.completed = s.now()
	}
	return nil
}

func set(to *string, v *string) {
	if v != nil {
		*to = *v
	}
}

func setPointer(to **string, v *string) {
	if v != nil {
		*to = v
	}
}

func (c *call) check() (*checkRun, error) {
	if k := c.repo.check(number(c.params["check_run_id"])); k != nil {
		return k, nil
	}
	return nil, errNotFound
}

func listAnnotations(c *call) (answer, error) {
	k, err := c.check()
	if err != nil {
		return answer{}, err
	}
	return page(c, k.annotations, "", func(a Annotation) object {
		o := object{"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": nil, "end_column": nil, "annotation_level": a.Level,
			"title": orNull(a.Title), "message": a.Message, "raw_details": orNull(a.RawDetails), "blob_href": c.repo.html() + "/blob/" + k.sha + "/" + a.Path}
		if a.StartColumn != 0 {
			o["start_column"], o["end_column"] = a.StartColumn, a.EndColumn
		}
		return o
	}), nil
}

func rerequestCheck(c *call) (answer, error) {
	k, err := c.check()
	if err != nil {
		return answer{}, err
	}
	k.suite.reset = true
	c.repo.emitCheck(k, "rerequested", c.s.botLogin(), nil)
	return created(object{})
}

func listChecksOfRef(c *call) (answer, error) {
	sha, err := c.commit(c.params["ref"])
	if err != nil {
		return answer{}, err
	}
	return c.listChecks(func(k *checkRun) bool { return k.sha == sha })
}

func listChecksOfSuite(c *call) (answer, error) {
	u, err := c.suite()
	if err != nil {
		return answer{}, err
	}
	return c.listChecks(func(k *checkRun) bool { return k.suite == u })
}

// listChecks applies the filters of the two lists; filter=latest, the default, keeps the newest of each name in a suite.
func (c *call) listChecks(keep func(*checkRun) bool) (answer, error) {
	var out []*checkRun
	for _, k := range c.repo.checks {
		app := c.s.AppID
		if k.suite.app != c.s.cfg.AppSlug {
			app = actionsAppID
		}
		switch {
		case !keep(k),
			c.query.Has("check_name") && c.query.Get("check_name") != k.name,
			c.query.Has("status") && c.query.Get("status") != k.status,
			c.query.Has("app_id") && number(c.query.Get("app_id")) != app:
			continue
		}
		if c.query.Get("filter") != "all" {
			out = slices.DeleteFunc(out, func(x *checkRun) bool { return x.suite == k.suite && x.name == k.name })
		}
		out = append(out, k)
	}
	return page(c, out, "check_runs", c.repo.showCheck), nil
}

var checkHandlers = map[string]handler{
	"checks/create": createCheck,
	"checks/update": updateCheck,
	"checks/get": func(c *call) (answer, error) {
		k, err := c.check()
		if err != nil {
			return answer{}, err
		}
		return ok(c.repo.showCheck(k))
	},
	"checks/list-annotations":       listAnnotations,
	"checks/rerequest-run":          rerequestCheck,
	"checks/list-for-ref":           listChecksOfRef,
	"checks/list-for-suite":         listChecksOfSuite,
	"checks/list-suites-for-ref":    listSuites,
	"checks/get-suite":              getSuite,
	"checks/create-suite":           createSuite,
	"checks/rerequest-suite":        rerequestSuite,
	"checks/set-suites-preferences": setSuitePreferences,
}
