package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // schedules name IANA zones, and a static image has no zone files

	"github.com/rhysd/actionlint"
	"github.com/robfig/cron/v3"
)

// WorkflowFacts is what a workflow file says about how it is started.
type WorkflowFacts struct {
	Name     string          `json:"name,omitempty"` // may be empty: it is optional
	Triggers map[string]bool `json:"triggers,omitempty"`
	// DispatchInputs by name in lower case, since GitHub ignores case there.
	DispatchInputs map[string]DispatchInput `json:"dispatch_inputs,omitempty"`
	// RepositoryDispatchTypes that it listens to; with the trigger and no
	// types it listens to all.
	RepositoryDispatchTypes []string `json:"repository_dispatch_types,omitempty"`
	Crons                   []Cron   `json:"crons,omitempty"`
	// Push is nil when a push does not start it.
	Push *Push `json:"push,omitempty"`
	// Guarded says that the workflow does nothing before the guard has asked
	// for the claim.
	Guarded bool `json:"guarded,omitempty"`
	// Partial says that the file has errors (or was not read at all): what
	// stands here is true, but something may be missing.
	Partial bool `json:"partial,omitempty"`
}

// DispatchInput is an input of workflow_dispatch.
type DispatchInput struct {
	Required   bool     `json:"required,omitempty"`
	HasDefault bool     `json:"has_default,omitempty"`
	Boolean    bool     `json:"boolean,omitempty"`
	Options    []string `json:"options,omitempty"` // of a choice
}

// Cron is one schedule of a workflow.
type Cron struct {
	Spec     string `json:"spec"`
	Timezone string `json:"timezone,omitempty"` // IANA name; empty is UTC
}

// Dispatchable reports whether workflow_dispatch starts the workflow.
func (f WorkflowFacts) Dispatchable() bool { return f.Triggers["workflow_dispatch"] }

// ListensRepositoryDispatch reports whether a repository_dispatch of this type
// starts the workflow.
func (f WorkflowFacts) ListensRepositoryDispatch(eventType string) bool {
	if !f.Triggers["repository_dispatch"] {
		return false
	}
	for _, t := range f.RepositoryDispatchTypes {
		if t == eventType {
			return true
		}
	}
	return len(f.RepositoryDispatchTypes) == 0
}

// ReadWorkflow reads a workflow file. It is tolerant: what can be read of a
// damaged file is returned together with the error, and then Partial is set.
func ReadWorkflow(path string, data []byte) (facts WorkflowFacts, err error) {
	facts.Triggers = map[string]bool{}
	// The parser is a library on hostile input; a panic there must cost this
	// file only.
	defer func() {
		if r := recover(); r != nil {
			facts.Partial, err = true, fmt.Errorf("read %s: parser failed: %v", path, r)
		}
	}()
	if err := CheckWorkflow(data); err != nil {
		facts.Partial = true
		return facts, fmt.Errorf("read %s: %w", path, err)
	}
	w, errs := actionlint.Parse(data)
	facts = FactsOf(w, len(errs) > 0)
	if !facts.Partial {
		return facts, nil
	}
	all := make([]error, 0, len(errs))
	for _, e := range errs {
		all = append(all, fmt.Errorf("line %d: %s", e.Line, e.Message))
	}
	return facts, fmt.Errorf("read %s: %w", path, errors.Join(all...))
}

// FactsOf reads the facts off a workflow that was parsed already; nil is one
// that could not be. partial says that the parser found errors.
func FactsOf(w *actionlint.Workflow, partial bool) WorkflowFacts {
	facts := WorkflowFacts{Triggers: map[string]bool{}, Partial: partial || w == nil}
	if w == nil {
		return facts
	}
	if w.Name != nil {
		facts.Name = w.Name.Value
	}
	facts.Guarded = !facts.Partial && guarded(w) // what was not read could do the work
	for _, e := range w.On {
		facts.event(e)
	}
	return facts
}

func (f *WorkflowFacts) event(e actionlint.Event) {
	f.Triggers[e.EventName()] = true
	switch v := e.(type) {
	case *actionlint.WorkflowDispatchEvent:
		f.DispatchInputs = make(map[string]DispatchInput, len(v.Inputs))
		for name, in := range v.Inputs {
			input := DispatchInput{
				Required:   in.Required != nil && in.Required.Value,
				HasDefault: in.Default != nil,
				Boolean:    in.Type == actionlint.WorkflowDispatchEventInputTypeBoolean,
			}
			for _, o := range in.Options {
				input.Options = append(input.Options, o.Value)
			}
			f.DispatchInputs[strings.ToLower(name)] = input
		}
	case *actionlint.WebhookEvent:
		if v.EventName() == "push" {
			f.Push = pushOf(v)
		}
	case *actionlint.RepositoryDispatchEvent:
		for _, t := range v.Types {
			f.RepositoryDispatchTypes = append(f.RepositoryDispatchTypes, t.Value)
		}
	case *actionlint.ScheduledEvent:
		for _, s := range v.Schedules {
			if s.Cron == nil {
				continue
			}
			c := Cron{Spec: s.Cron.Value}
			if s.Timezone != nil {
				c.Timezone = s.Timezone.Value
			}
			f.Crons = append(f.Crons, c)
		}
	}
}

// Schedule parses the cron. Times come out in its own timezone. The second
// result is that timezone.
func (c Cron) Schedule() (cron.Schedule, *time.Location, error) {
	if strings.ContainsAny(c.Spec, "=@") {
		// The library takes "CRON_TZ=…" and "@daily"; GitHub does not.
		return nil, nil, fmt.Errorf("cron %.60q: five fields are needed", c.Spec)
	}
	zone := time.UTC
	if c.Timezone != "" {
		z, err := time.LoadLocation(c.Timezone)
		if err != nil || c.Timezone == "Local" {
			return nil, nil, fmt.Errorf("timezone %.60q is no IANA name", c.Timezone)
		}
		zone = z
	}
	s, err := cron.ParseStandard(c.Spec)
	if err != nil {
		return nil, nil, fmt.Errorf("cron %.60q: %w", c.Spec, err)
	}
	return s, zone, nil
}
