package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redundancy-app/redundancy/config/strict"
)

// CheckReferences reports references of a configuration that lead nowhere in
// its repository. data is the file that r was parsed from, for the places.
// workflows holds every workflow file of the same commit by its path; one that
// was not read is there with Partial set, and nothing is claimed about it.
//
// A reference that can never work is an error. What GitHub accepts but does
// nothing about (an event that nobody listens to, a cron that never comes) is
// a warning. In the original system's file, which programs of old wrote, every
// finding is a warning at most.
func CheckReferences(path string, data []byte, r Repository, workflows map[string]WorkflowFacts) []Finding {
	c := &referenceChecker{checker: checker{path: path}, workflows: workflows}
	if strings.HasSuffix(path, ".json") {
		c.root, _ = strict.ParseJSON(data)
		c.original = true
	} else {
		c.root, _ = strict.ParseYAML(data)
	}
	for i, w := range r.Workflows {
		c.watched(i, w)
		for j, s := range w.Recover {
			if s.Dispatch != nil {
				c.dispatch(s.Dispatch, "workflows", i, "recover", j, "dispatch")
			}
			if s.RepositoryDispatch != nil {
				c.repositoryDispatch(s.RepositoryDispatch, "workflows", i, "recover", j, "repository_dispatch", "event_type")
			}
			for _, host := range hostsOf(s) {
				if _, ok := r.Hosts[host]; !ok && host != LocalHost {
					c.add(Error, c.at("workflows", i, "recover", j), RuleReference, fmt.Sprintf("unknown host %.60q: declare it under \"hosts\"", host), "")
				}
			}
		}
	}
	if c.original { // it was not written for this reader, so nothing in it breaks it
		for i := range c.findings {
			if c.findings[i].Severity == Error {
				c.findings[i].Severity = Warning
			}
		}
	}
	return c.sorted()
}

type referenceChecker struct {
	checker
	workflows map[string]WorkflowFacts
	original  bool // the file has the original system's shape
}

func hostsOf(s Step) []string {
	switch {
	case s.Run != nil:
		return []string{s.Run.Host}
	case s.WorkflowAtHome != nil:
		return []string{s.WorkflowAtHome.Host}
	}
	return nil
}

// at finds a place. In the original's file a workflow is one entry of one
// list, and everything else follows from the block around it.
func (c *referenceChecker) at(path ...any) *strict.Node {
	if c.original && len(path) > 1 {
		return c.root.Find("githubActions", "workflows", path[1])
	}
	return c.root.Find(path...)
}

func (c *referenceChecker) watched(i int, w Workflow) {
	node := c.at("workflows", i, "file")
	facts, ok := c.known(w.File, node)
	if !ok {
		return
	}
	for _, cron := range facts.Crons {
		s, zone, err := cron.Schedule()
		switch {
		case err != nil:
			c.add(Warning, node, RuleReference, fmt.Sprintf("%s is never started by its schedule: %v", w.File, err), "")
		case s.Next(time.Unix(0, 0).In(zone)).IsZero():
			c.add(Warning, node, RuleReference, fmt.Sprintf("%s is never started by its schedule: no date matches cron %.60q", w.File, cron.Spec), "")
		}
	}
	if (w.Schedule.Grace != 0 || w.Schedule.Deadline != 0) && !facts.Triggers["schedule"] && !facts.Partial {
		c.add(Warning, c.at("workflows", i, "schedule"), RuleReference, fmt.Sprintf("%s has no schedule trigger, so grace and deadline have no effect", w.File), "")
	}
}

// known looks a workflow up and reports when there is none.
func (c *referenceChecker) known(file string, node *strict.Node) (WorkflowFacts, bool) {
	facts, ok := c.workflows[file]
	if ok {
		return facts, true
	}
	all := slices.Sorted(maps.Keys(c.workflows))
	message, fix := fmt.Sprintf("there is no workflow %s", file), strict.Nearest(file, all)
	if fix != "" {
		message += fmt.Sprintf(", did you mean %s?", fix)
	}
	c.add(Error, node, RuleReference, message, strings.TrimPrefix(fix, WorkflowsDir+"/"))
	return WorkflowFacts{}, false
}

// suppliedInputs are the inputs that the engine gives itself to a workflow that
// declares them.
var suppliedInputs = map[string]bool{"redundancy_claim": true, "redundancy_epoch": true, "redundancy_incident": true}

func (c *referenceChecker) dispatch(d *Dispatch, at ...any) {
	node := c.at(append(at, "workflow")...)
	facts, ok := c.known(d.Workflow, node)
	if !ok {
		return
	}
	if !facts.Dispatchable() {
		if !facts.Partial {
			c.add(Error, node, RuleReference, fmt.Sprintf("%s has no workflow_dispatch trigger, so it cannot be dispatched: add \"workflow_dispatch:\" under its \"on:\"", d.Workflow), "")
		}
		return
	}
	given := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(d.Inputs)) {
		given[strings.ToLower(name)] = true
		c.input(d, facts, name, append(at, "inputs", name))
	}
	for _, name := range slices.Sorted(maps.Keys(facts.DispatchInputs)) {
		if in := facts.DispatchInputs[name]; in.Required && !in.HasDefault && !given[name] && !suppliedInputs[name] {
			c.add(Error, c.at(append(at, "inputs")...), RuleReference, fmt.Sprintf("%s requires the input %q, which is not given", d.Workflow, name), "")
		}
	}
}

func (c *referenceChecker) input(d *Dispatch, facts WorkflowFacts, name string, at []any) {
	in, ok := facts.DispatchInputs[strings.ToLower(name)]
	value := d.Inputs[name]
	switch {
	case !ok && !facts.Partial:
		known := slices.Sorted(maps.Keys(facts.DispatchInputs))
		message, fix := fmt.Sprintf("%s has no input %.60q", d.Workflow, name), strict.Nearest(name, known)
		if len(known) > 0 {
			message += "; it has: " + strings.Join(known, ", ")
		}
		c.add(Error, c.root.Key(at...), RuleReference, message, fix)
	case len(in.Options) > 0 && !slices.Contains(in.Options, value):
		c.add(Error, c.at(at...), RuleReference, fmt.Sprintf("input %q of %s takes %s, not %.60q", name, d.Workflow, strings.Join(in.Options, ", "), value), strict.Nearest(value, in.Options))
	case in.Boolean && value != "true" && value != "false":
		c.add(Error, c.at(at...), RuleReference, fmt.Sprintf("input %q of %s takes true or false, not %.60q", name, d.Workflow, value), "")
	}
}

func (c *referenceChecker) repositoryDispatch(d *RepositoryDispatch, at ...any) {
	for _, facts := range c.workflows {
		if facts.Partial || facts.ListensRepositoryDispatch(d.EventType) {
			return
		}
	}
	c.add(Warning, c.at(at...), RuleReference, fmt.Sprintf("no workflow of this repository listens to repository_dispatch of type %q; right only when something outside GitHub does", d.EventType), "")
}
