package home

import "strings"

var ruleVariable = Rule{
	ID: "variable", Refuses: "a configuration variable (`vars.X`) that the host does not map, and all of them at once",
	Why: "act gives the empty text for it",
}

func (s *scan) variable(at place, name string) {
	switch {
	case name == "":
		s.refuse(&ruleVariable, at, "which variables an expression asks for cannot be known")
	case !offered(s.in.Host.Variables, name):
		s.lacks(&ruleVariable, at, "the host does not map the variable %s", showName(strings.ToUpper(name)))
	}
}
