package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/redundancy-app/redundancy/config/strict"
)

// maxPattern bounds one regular expression or glob of a repository, in bytes.
// Every finding is matched against each, so they are kept cheap.
const maxPattern = 500

var (
	nameRE   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	envRefRE = regexp.MustCompile(`^env:[A-Za-z_][A-Za-z0-9_]*$`)
)

// repository fills in defaults, makes workflow names whole, and reports what
// the types alone cannot tell.
func (c *checker) repository(r *Repository) {
	seen := map[string]int{}
	for i := range r.Workflows {
		w := &r.Workflows[i]
		at := []any{"workflows", i}
		c.workflowFile(&w.File, append(at, "file"))
		if first, ok := seen[w.File]; ok && w.File != "" {
			c.add(Error, c.root.Find(append(at, "file")...), strict.RuleDuplicate, fmt.Sprintf("%s is already watched by workflows[%d]: merge the two entries", w.File, first), "")
		}
		seen[w.File] = i
		c.workflow(r, w, at)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Hosts)) {
		c.name("hosts", name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Notify)) {
		c.name("notify", name)
		c.notifyURL(r.Notify[name].URL, name)
	}
	c.validate(&r.Validate)
}

func (c *checker) workflow(r *Repository, w *Workflow, at []any) {
	setDefault(&w.Effect, AtMostOnce)
	setDefault(&w.Schedule.Catchup, CatchupLatest)
	setDefault(&w.Breaker.Failures, DefaultBreakerFailures)
	setDefault(&w.Breaker.Cooldown, DefaultBreakerCooldown)
	if s := w.Schedule; s.Deadline != 0 && s.Deadline < s.Grace {
		c.add(Error, c.root.Find(append(at, "schedule", "deadline")...), strict.RuleValue, fmt.Sprintf("deadline %s is shorter than grace %s: a run would be missed before it is late", s.Deadline, s.Grace), "")
	}
	for i := range w.Recover {
		c.step(r, &w.Recover[i], append(at, "recover", i))
	}
	for i, name := range w.Notify {
		if _, ok := r.Notify[name]; !ok && name != "" {
			c.unknownName(append(at, "notify", i), "notification target", name, slices.Sorted(maps.Keys(r.Notify)), "notify")
		}
	}
}

// Defaults of a breaker.
const (
	DefaultBreakerFailures = 5
	DefaultBreakerCooldown = Duration(5 * 60 * 1e9)
)

func setDefault[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

func (c *checker) step(r *Repository, s *Step, at []any) {
	node := c.root.Find(at...)
	if node.Kind == strict.Mapping && len(node.Entries) != 1 {
		c.add(Error, node, strict.RuleValue, "a recovery step has exactly one kind: rerun, dispatch, repository_dispatch, run or workflow_at_home; begin each with \"- \"", "")
	}
	if s.Rerun != nil {
		setDefault(&s.Rerun.Attempts, 1)
	}
	if s.Dispatch != nil {
		c.workflowFile(&s.Dispatch.Workflow, append(at, "dispatch", "workflow"))
	}
	if s.RepositoryDispatch != nil {
		setDefault(&s.RepositoryDispatch.EventType, DefaultEventType)
	}
	if s.Run != nil {
		c.host(r, s.Run.Host, append(at, "run", "host"))
	}
	if s.WorkflowAtHome != nil {
		c.host(r, s.WorkflowAtHome.Host, append(at, "workflow_at_home", "host"))
	}
}

func (c *checker) host(r *Repository, name string, at []any) {
	if _, ok := r.Hosts[name]; ok || name == LocalHost || name == "" {
		return
	}
	c.unknownName(at, "host", name, append([]string{LocalHost}, slices.Sorted(maps.Keys(r.Hosts))...), "hosts")
}

func (c *checker) unknownName(at []any, what, name string, known []string, section string) {
	message := fmt.Sprintf("unknown %s %.60q", what, name)
	fix := strict.Nearest(name, known)
	if fix != "" {
		message += fmt.Sprintf(", did you mean %q?", fix)
	}
	if len(known) > 0 {
		message += "; known: " + strings.Join(known, ", ")
	}
	c.add(Error, c.root.Find(at...), RuleReference, message+fmt.Sprintf("; declare it under %q", section), fix)
}

// workflowFile replaces a workflow's name by its path.
func (c *checker) workflowFile(file *string, at []any) {
	if *file == "" {
		return // missing or of the wrong type, which is reported already
	}
	p, fix, err := workflowPath(*file)
	if err != nil {
		c.add(Error, c.root.Find(at...), strict.RuleValue, fmt.Sprintf("%.100q is no workflow file: %v", *file, err), fix)
		return
	}
	*file = p
}

func (c *checker) name(section, name string) {
	if !nameRE.MatchString(name) {
		c.add(Error, c.root.Key(section, name), strict.RuleValue, fmt.Sprintf("%s: %.80q is no name: up to 63 letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit", section, name), "")
	}
}

func (c *checker) notifyURL(raw, name string) {
	if raw == "" || envRefRE.MatchString(raw) {
		return
	}
	node := c.root.Find("notify", name, "url")
	u, err := url.Parse(raw)
	if err != nil || u.Scheme == "" || strings.HasPrefix(raw, "env:") || !strings.Contains(raw, "://") {
		c.add(Error, node, strict.RuleValue, fmt.Sprintf("notify.%s.url is neither a URL nor \"env:NAME\"", name), "env:NAME")
		return
	}
	c.add(Warning, node, strict.RuleValue, fmt.Sprintf("notify.%s.url stands in the repository, where everybody who can read it sees it: put it into the server's environment and write \"env:NAME\"", name), "env:NAME")
}

func (c *checker) validate(v *Validate) {
	c.patterns(v.Ignore, "validate", "ignore")
	for _, glob := range slices.Sorted(maps.Keys(v.Paths)) {
		if glob == "" || len(glob) > maxPattern || !doublestar.ValidatePattern(glob) {
			c.add(Error, c.root.Key("validate", "paths", glob), strict.RuleValue, fmt.Sprintf("%.80q is no glob of at most %d characters: *, **, ?, [a-z] and {a,b} are understood", glob, maxPattern), "")
		}
		c.patterns(v.Paths[glob].Ignore, "validate", "paths", glob, "ignore")
	}
}

func (c *checker) patterns(patterns []string, at ...any) {
	for i, p := range patterns {
		node := c.root.Find(append(slices.Clone(at), i)...)
		if len(p) > maxPattern {
			c.add(Error, node, strict.RuleValue, fmt.Sprintf("the regular expression has %d characters, at most %d are allowed", len(p), maxPattern), "")
			continue
		}
		if _, err := regexp.Compile(p); err != nil {
			c.add(Error, node, strict.RuleValue, fmt.Sprintf("%.80q is no regular expression (RE2): %v", p, err), "")
		}
	}
}

// MatchPath reports whether a glob of validate.paths covers a path of the
// repository. A glob that does not parse covers nothing.
func MatchPath(glob, path string) bool {
	ok, err := doublestar.Match(glob, path)
	return err == nil && ok
}
