package home

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// MaxValue is how large the value of a variable may be, in bytes: what GitHub
// takes for a secret.
const MaxValue = 48 << 10

// Environment is what a step's process may see. It is complete: no variable of
// the process that starts it is ever among it, unless Allow names it.
type Environment struct {
	// Home and Temp are absolute paths of folders that belong to this run alone.
	Home, Temp string
	// Path is where programs are looked for: absolute folders, with colons.
	Path string
	// Allow names further variables, whose values Lookup has. One that Lookup
	// does not have is left out.
	Allow  []string
	Lookup func(name string) (string, bool)
	// Secrets are the mapped ones, by the names of their variables.
	Secrets map[string]string
}

var errFolders = errors.New("home, temporary folder and search path must be absolute paths")

// variableName is the name of a variable as shells take it.
var variableName = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// List gives it as exec.Cmd.Env wants it, sorted. An error names the variable,
// and never holds a value.
func (e Environment) List() ([]string, error) {
	if !filepath.IsAbs(e.Home) || !filepath.IsAbs(e.Temp) || e.Path == "" || slices.ContainsFunc(filepath.SplitList(e.Path), func(p string) bool { return !filepath.IsAbs(p) }) {
		return nil, errFolders
	}
	env := map[string]string{"HOME": e.Home, "TMPDIR": e.Temp, "PATH": e.Path}
	for _, name := range e.Allow {
		if err := free(env, name); err != nil {
			return nil, err
		}
		if e.Lookup == nil {
			continue
		}
		if value, ok := e.Lookup(name); ok {
			env[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Secrets)) {
		if err := free(env, name); err != nil {
			return nil, err
		}
		env[name] = e.Secrets[name]
	}
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		if len(value) > MaxValue || strings.Contains(value, "\x00") {
			return nil, fmt.Errorf("the value of %s has more than %d bytes, or holds a NUL", name, MaxValue)
		}
		list = append(list, name+"="+value)
	}
	return list, nil
}

// steering begins the names that runners and act give values to, and those by
// which the loader takes in foreign code.
var steering = []string{"GITHUB_", "RUNNER_", "ACTIONS_", "ACT_", "REDUNDANCY_", "LD_", "DYLD_"}

func free(env map[string]string, name string) error {
	if !variableName.MatchString(name) {
		return fmt.Errorf("%s is no name of a variable", show(name))
	}
	if _, taken := env[name]; taken {
		return fmt.Errorf("the variable %s is given twice", name)
	}
	for _, prefix := range steering {
		if strings.HasPrefix(strings.ToUpper(name), prefix) {
			return fmt.Errorf("the variable %s is the runner's own", name)
		}
	}
	return nil
}
