package config

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/redundancy-app/redundancy/config/strict"
)

var envNameRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ParseAgent reads agent.yml. path names the file in the findings. When any
// finding has severity [Error] the file is broken and the returned value is
// empty: a host never acts on half of what its owner wrote.
func ParseAgent(path string, data []byte) (Agent, []Finding) {
	root, problems := strict.ParseYAML(data)
	c := &checker{path: path, root: root}
	c.take(problems)
	var a Agent
	if root != nil {
		c.take(strict.Decode(root, &a))
		c.agent(&a)
	}
	findings := c.sorted()
	if HasErrors(findings) {
		return Agent{}, findings
	}
	return a, findings
}

func (c *checker) agent(a *Agent) {
	if a.Server != "" {
		if host, port, err := net.SplitHostPort(a.Server); err != nil || host == "" || port == "" {
			c.add(Error, c.root.Find("server"), strict.RuleValue, fmt.Sprintf("server %.100q is no address: write HOST:PORT", a.Server), "")
		}
	}
	if a.Server != "" && a.Name == "" && !c.root.Has("name") {
		c.add(Error, c.root.Find("server"), strict.RuleMissing, "an agent with a server needs a name: add \"name\"", "")
	}
	for i := range a.Netlify {
		for j := range a.Netlify[i].Probes {
			setDefault(&a.Netlify[i].Probes[j].Expect, 200)
		}
		if t := string(a.Netlify[i].Token); t != "" && !strings.HasPrefix(t, "env:") {
			c.add(Warning, c.root.Find("netlify", i, "token"), strict.RuleValue, "the token stands in the file: put it into the environment and write env:NAME", "env:NETLIFY_AUTH_TOKEN")
		}
	}
	if a.PM2 != nil {
		for i, home := range a.PM2.Homes {
			if home != "auto" && !strings.HasPrefix(home, "/") {
				c.add(Error, c.root.Find("pm2", "homes", i), strict.RuleValue, fmt.Sprintf("pm2.homes[%d] is %.100q, want \"auto\" or an absolute path", i, home), "auto")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a.Actions)) {
		action := a.Actions[name]
		c.action(name, &action)
		a.Actions[name] = action
	}
}

func (c *checker) action(name string, a *Action) {
	c.name("actions", name)
	at := func(path ...any) *strict.Node { return c.root.Find(append([]any{"actions", name}, path...)...) }
	setDefault(&a.Effect, AtMostOnce)
	setDefault(&a.Isolation, IsolationNone)
	a.SHA256 = strings.ToLower(a.SHA256)
	if len(a.Argv) > 0 && a.Argv[0] == "" {
		c.add(Error, at("argv", 0), strict.RuleValue, fmt.Sprintf("actions.%s.argv[0] must not be empty: it is the program", name), "")
	}
	for i, arg := range a.Argv {
		if strings.ContainsRune(arg, 0) {
			c.add(Error, at("argv", i), strict.RuleValue, fmt.Sprintf("actions.%s.argv[%d] holds a NUL character", name, i), "")
		}
	}
	if a.Dir != "" && !strings.HasPrefix(a.Dir, "/") {
		c.add(Error, at("cwd"), strict.RuleValue, fmt.Sprintf("actions.%s.cwd is %.100q, want an absolute path", name, a.Dir), "")
	}
	for i, v := range a.Env {
		if !envNameRE.MatchString(v) {
			c.add(Error, at("env", i), strict.RuleValue, fmt.Sprintf("actions.%s.env[%d] is %.60q, want the name of a variable; its value comes from the host's environment", name, i, v), "")
		}
	}
}
