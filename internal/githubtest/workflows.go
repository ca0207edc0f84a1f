package githubtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// workflow is a workflow file of the default branch.
type workflow struct {
	id      int64
	path    string
	state   string
	created string
	updated string // when its state changed last

	blob   string // whose content the fields below were read from
	name   string
	title  string // run-name, which titles its runs
	on     map[string]any
	inputs map[string]workflowInput
	jobs   []string
}

type workflowInput struct {
	Required bool `yaml:"required"`
	Default  any  `yaml:"default"`
}

// workflowList reads .github/workflows of the default branch. A workflow keeps its id and state for as long as its path is there.
func (r *Repo) workflowList() ([]*workflow, error) {
	sha, kind, _ := r.git.find("refs/heads/" + r.branch + ":.github/workflows")
	if kind != "tree" {
		return nil, nil
	}
	entries, _, err := r.git.tree(sha, ".github/workflows/", false, maxFolder)
	if err != nil {
		return nil, err
	}
	var out []*workflow
	for _, e := range entries {
		if e.kind != "blob" || (!strings.HasSuffix(e.path, ".yml") && !strings.HasSuffix(e.path, ".yaml")) {
			continue
		}
		w := r.workflows[e.path]
		if w == nil {
			w = &workflow{id: r.s.newID(), path: e.path, state: "active", created: r.s.now(), updated: r.s.now()}
			r.workflows[e.path] = w
		}
		if w.blob != e.sha {
			b, err := r.git.content(e.sha)
			if err != nil {
				return nil, err
			}
			w.blob = e.sha
			w.read(b)
		}
		out = append(out, w)
	}
	return out, nil
}

// read takes from a workflow file what dispatching needs. A broken file has no triggers, as on GitHub.
func (w *workflow) read(b []byte) {
	w.name, w.title, w.on, w.inputs, w.jobs = w.path, "", map[string]any{}, nil, nil
	var file struct {
		Name  string         `yaml:"name"`
		Title string         `yaml:"run-name"`
		On    any            `yaml:"on"`
		Jobs  map[string]any `yaml:"jobs"`
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		return
	}
	if file.Name != "" {
		w.name = file.Name
	}
	w.title = file.Title
	switch on := file.On.(type) {
	case string:
		w.on[on] = nil
	case []any:
		for _, e := range on {
			if name, ok := e.(string); ok {
				w.on[name] = nil
			}
		}
	case map[string]any:
		w.on = on
	}
	for name := range file.Jobs {
		w.jobs = append(w.jobs, name)
	}
	slices.Sort(w.jobs)
	var dispatch struct {
		On struct {
			Dispatch struct {
				Inputs map[string]workflowInput `yaml:"inputs"`
			} `yaml:"workflow_dispatch"`
		} `yaml:"on"`
	}
	if err := yaml.Unmarshal(b, &dispatch); err == nil {
		w.inputs = dispatch.On.Dispatch.Inputs
	}
}

// types are the event types that a trigger is limited to; nil is no limit.
func (w *workflow) types(event string) []string {
	limits, _ := w.on[event].(map[string]any)
	switch t := limits["types"].(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, v := range t {
			if s, ok := v.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

// workflow finds one by id, file name or path.
func (r *Repo) workflow(name string) (*workflow, error) {
	all, err := r.workflowList()
	if err != nil {
		return nil, err
	}
	for _, w := range all {
		if number(name) == w.id || w.path == name || strings.TrimPrefix(w.path, ".github/workflows/") == name {
			return w, nil
		}
	}
	return nil, errNotFound
}

// DisableWorkflow disables a workflow (file name or path) as GitHub or a person does: state disabled_inactivity or
// disabled_manually; active enables it again.
func (r *Repo) DisableWorkflow(name, state string) error {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	w, err := r.workflow(name)
	if err != nil {
		return err
	}
	w.state, w.updated = state, r.s.now()
	r.s.notify()
	return nil
}

func (r *Repo) showWorkflow(w *workflow) object {
	return object{"id": w.id, "node_id": nodeID("Workflow", w.id), "name": w.name, "path": w.path, "state": w.state, "created_at": w.created, "updated_at": w.updated,
		"url": r.api() + "/actions/workflows/" + itoa(w.id), "html_url": r.html() + "/blob/" + r.branch + "/" + w.path, "badge_url": r.html() + "/workflows/" + url.PathEscape(w.name) + "/badge.svg"}
}

var workflowHandlers = map[string]handler{
	"actions/list-repo-workflows": func(c *call) (answer, error) {
		all, err := c.repo.workflowList()
		if err != nil {
			return answer{}, err
		}
		return page(c, all, "workflows", c.repo.showWorkflow), nil
	},
	"actions/get-workflow": onWorkflow(func(c *call, w *workflow) (answer, error) { return ok(c.repo.showWorkflow(w)) }),
	"actions/enable-workflow": onWorkflow(func(c *call, w *workflow) (answer, error) {
		w.state, w.updated = "active", c.s.now()
		return noContent()
	}),
	"actions/disable-workflow": onWorkflow(func(c *call, w *workflow) (answer, error) {
		w.state, w.updated = "disabled_manually", c.s.now()
		return noContent()
	}),
	"actions/create-workflow-dispatch": onWorkflow(dispatchWorkflow),
	"actions/list-workflow-runs": onWorkflow(func(c *call, w *workflow) (answer, error) {
		return c.listRuns(func(x *Run) bool { return x.workflow == w })
	}),
	"repos/create-dispatch-event": dispatchRepository,
}

func onWorkflow(f func(*call, *workflow) (answer, error)) handler {
	return func(c *call) (answer, error) {
		w, err := c.repo.workflow(c.params["workflow_id"])
		if err != nil {
			return answer{}, err
		}
		return f(c, w)
	}
}

// dispatchWorkflow starts a run. An Enterprise Server of before 2026 does not know return_run_details.
func dispatchWorkflow(c *call, w *workflow) (answer, error) {
	unprocessable := func(format string, args ...any) (answer, error) {
		return answer{}, refuse(http.StatusUnprocessableEntity, format, args...)
	}
	details, asked := c.body["return_run_details"].(bool)
	if asked && c.s.cfg.Enterprise {
		return unprocessable(`Invalid request. "return_run_details" is not a permitted key.`)
	}
	if _, ok := w.on["workflow_dispatch"]; !ok {
		return unprocessable("Workflow does not have 'workflow_dispatch' trigger")
	}
	if w.state != "active" {
		return unprocessable("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
	}
	given, _ := c.body["inputs"].(object)
	inputs := map[string]string{}
	for k, v := range given {
		if _, ok := w.inputs[k]; !ok {
			return unprocessable("Unexpected inputs provided: %q", []string{k})
		}
		inputs[k] = plain(v)
	}
	for k, in := range w.inputs {
		if _, ok := given[k]; !ok && in.Required && in.Default == nil {
			return unprocessable("Required input '%s' not provided", k)
		}
		if _, ok := given[k]; !ok && in.Default != nil {
			inputs[k] = plain(in.Default)
		}
	}
	ref := text(c.body, "ref")
	sha := c.repo.git.commitOf(ref)
	if sha == "" {
		return unprocessable("No ref found for: %s", ref)
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/tags/")
	x := c.repo.newRun(w, "workflow_dispatch", sha, branch, c.s.botLogin())
	x.Inputs = inputs
	c.repo.begin(x, c.s.lag)
	if !details {
		return noContent()
	}
	return ok(object{"workflow_run_id": x.ID, "run_url": x.api(), "html_url": x.html()})
}
