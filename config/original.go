package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/config/strict"
)

// Defaults of the original system's githubActions block, used per key when the
// file does not have it. The workflows are the two that its orchestrator had
// built in.
const (
	originalMaxFailures = 3
	originalRetryDelay  = Duration(30 * time.Second)
)

var originalWorkflows = []string{"marketing-sync.yml", "sync-health.yml"}

// ParseOriginal reads the original system's automation/redundancy-config.json,
// in the short shape (pm2, githubActions, netlify) and in the long one. It is
// as lenient as the programs that the file was written for: keys that mean
// nothing here are ignored, and a value that makes no sense is a warning and
// replaced by its default. Only a file that is no JSON object is an error.
//
// The mapping stands in docs/configuration.md. Nothing is run that the host
// has not vetted: a fallback script becomes an action of that name.
func ParseOriginal(path string, data []byte) (Repository, []Finding) {
	root, problems := strict.ParseJSON(data)
	o := &originalReader{checker{path: path, root: root}}
	o.take(problems)
	if root == nil {
		return Repository{}, o.sorted()
	}
	if root.Kind != strict.Mapping {
		o.add(Error, root, strict.RuleType, fmt.Sprintf("the file must be a JSON object, not %s", root.Kind), "")
		return Repository{}, o.sorted()
	}
	r := Repository{Version: 1, Hosts: o.hosts()}
	if o.enabled() && o.enabled("githubActions") {
		r.Workflows = o.workflows()
	}
	return r, o.sorted()
}

type originalReader struct{ checker }

// enabled reads the flag "enabled" of a block; it is on unless it says false,
// also when the block is missing.
func (o *originalReader) enabled(block ...any) bool { return o.flag(append(block, "enabled")...) }

// flag is true unless the file says false. JavaScript programs wrote booleans
// as strings too.
func (o *originalReader) flag(at ...any) bool {
	if !o.root.Has(at...) {
		return true
	}
	n := o.root.Find(at...)
	switch {
	case n.Text == "false" && (n.Kind == strict.Bool || n.Kind == strict.String):
		return false
	case n.Text == "true" && (n.Kind == strict.Bool || n.Kind == strict.String), n.Kind == strict.Null:
		return true
	}
	o.add(Warning, n, strict.RuleType, fmt.Sprintf("%s is neither true nor false; taken as false, so nothing happens that was not asked for", dotted(at)), "")
	return false
}

// hosts carries over which kinds of things the file had looked after.
func (o *originalReader) hosts() map[string]HostUse {
	on := func(block string) bool { return o.root.Has(block) && o.enabled() && o.enabled(block) }
	use := HostUse{PM2: on("pm2"), Git: on("git"), Netlify: on("netlify"), Build: on("build")}
	if use == (HostUse{}) {
		return nil
	}
	return map[string]HostUse{LocalHost: use}
}

func (o *originalReader) workflows() []Workflow {
	breaker := Breaker{Failures: originalMaxFailures, Cooldown: originalRetryDelay}
	if n, ok := o.number("githubActions", "maxFailures"); ok && n >= 1 && n <= 1000 {
		breaker.Failures = int(n)
	}
	if ms, ok := o.number("githubActions", "retryDelay"); ok && ms >= 1 && ms <= MaxDuration.Std().Milliseconds() {
		breaker.Cooldown = Duration(time.Duration(ms) * time.Millisecond)
	}
	var out []Workflow
	for _, file := range o.files() {
		w := Workflow{File: file, Effect: AtMostOnce, Breaker: breaker}
		w.Schedule.Catchup = CatchupLatest
		out = append(out, w)
	}
	// failoverEnabled and autoRecovery off: watched, but nothing is done.
	if o.enabled("redundancy") && o.flag("redundancy", "failoverEnabled") && o.flag("redundancy", "autoRecovery") {
		o.steps(out)
	}
	return out
}

// files are the workflows without those that enhanced.githubActionsManager
// turns off.
func (o *originalReader) files() []string {
	var files []string
	add := func(name string, n *strict.Node) {
		p, _, err := workflowPath(strings.TrimSpace(name))
		if err != nil {
			o.add(Warning, n, strict.RuleValue, fmt.Sprintf("%.100q is ignored: %v", name, err), "")
			return
		}
		for _, key := range []string{path.Base(p), stem(p)} {
			if !o.flag("enhanced", "githubActionsManager", "workflows", key, "enabled") {
				return
			}
		}
		if !slices.Contains(files, p) {
			files = append(files, p)
		}
	}
	list := o.root.Find("githubActions", "workflows")
	switch {
	case !o.root.Has("githubActions", "workflows"):
		for _, name := range originalWorkflows {
			add(name, list)
		}
	case list.Kind != strict.Sequence:
		o.add(Warning, list, strict.RuleType, fmt.Sprintf("githubActions.workflows must be a list, not %s; no workflow is watched", list.Kind), "")
	}
	for _, n := range list.Items {
		if n.Kind != strict.String {
			o.add(Warning, n, strict.RuleType, fmt.Sprintf("a workflow must be a string, not %s; ignored", n.Kind), "")
			continue
		}
		add(n.Text, n)
	}
	return files
}

// steps gives each workflow its recovery: one re-run of an infrastructure
// failure when autoTrigger is on, then the fallback scripts. A script that is
// named as a workflow belongs to that one; the others belong to the workflows
// that have none of their own.
func (o *originalReader) steps(workflows []Workflow) {
	own := map[string]bool{}
	for _, w := range workflows {
		own[stem(w.File)] = true
	}
	scripts := o.scripts()
	for i := range workflows {
		w := &workflows[i]
		if o.flag("githubActions", "autoTrigger") {
			w.Recover = append(w.Recover, Step{Rerun: &Rerun{Attempts: 1, When: []RerunCause{Infrastructure}}})
		}
		mine := slices.Contains(scripts, stem(w.File))
		for _, action := range scripts {
			if mine == (action == stem(w.File)) && (mine || !own[action]) {
				w.Recover = append(w.Recover, Step{Run: &Run{Host: LocalHost, Action: action}})
			}
		}
	}
}

// scripts are the names of the actions that the fallback scripts become.
func (o *originalReader) scripts() []string {
	var names []string
	for _, block := range []string{"githubActions", "marketing"} {
		if !o.root.Has(block, "fallbackScripts") || !o.enabled(block) {
			continue
		}
		for _, n := range o.root.Find(block, "fallbackScripts").Items {
			name := stem(n.Text)
			if n.Kind != strict.String || !nameRE.MatchString(name) {
				o.add(Warning, n, strict.RuleValue, fmt.Sprintf("%s.fallbackScripts: %.100q is no script and is ignored", block, n.Text), "")
				continue
			}
			if slices.Contains(names, name) {
				continue
			}
			names = append(names, name)
			o.add(Notice, n, RuleReference, fmt.Sprintf("%.100s becomes the action %q of the host %q: it runs once agent.yml there declares it under \"actions\" with its argv and sha256", n.Text, name, LocalHost), "")
		}
	}
	return names
}

// number reads a whole number, also one written as a string.
func (o *originalReader) number(at ...any) (int64, bool) {
	if !o.root.Has(at...) {
		return 0, false
	}
	n := o.root.Find(at...)
	var v float64
	if _, err := fmt.Sscanf(n.Text, "%g", &v); err != nil || v != v || v < 0 || v > 1<<53 {
		o.add(Warning, n, strict.RuleType, fmt.Sprintf("%s is no number; its default counts", dotted(at)), "")
		return 0, false
	}
	return int64(v), true
}

// stem is the base name of a path without its last ending. The original ran
// on Windows too, where paths have backslashes.
func stem(p string) string {
	base := path.Base(strings.ReplaceAll(p, `\`, "/"))
	return strings.TrimSuffix(base, path.Ext(base))
}

func dotted(at []any) string { return strings.ReplaceAll(strings.Trim(fmt.Sprint(at), "[]"), " ", ".") }
