package checks

import (
	"regexp"

	"github.com/redundancy-app/redundancy/config"
)

// ignoring is the compiled validate block of a configuration.
type ignoring struct {
	everywhere []*regexp.Regexp
	paths      map[string][]*regexp.Regexp // by glob
}

// newIgnoring leaves out what does not compile: the configuration's own
// findings say so.
func newIgnoring(v config.Validate) ignoring {
	i := ignoring{everywhere: compile(v.Ignore), paths: map[string][]*regexp.Regexp{}}
	for glob, p := range v.Paths {
		i.paths[glob] = compile(p.Ignore)
	}
	return i
}

func compile(patterns []string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, p := range patterns {
		if re, err := regexp.Compile(p); err == nil {
			all = append(all, re)
		}
	}
	return all
}

// covers is true when a rule's name or the message is switched off for a path.
func (i ignoring) covers(path string, f config.Finding) bool {
	if matches(i.everywhere, f) {
		return true
	}
	for glob, patterns := range i.paths {
		if matches(patterns, f) && config.MatchPath(glob, path) {
			return true
		}
	}
	return false
}

func matches(patterns []*regexp.Regexp, f config.Finding) bool {
	for _, re := range patterns {
		if re.MatchString(f.Rule) || re.MatchString(f.Message) {
			return true
		}
	}
	return false
}
