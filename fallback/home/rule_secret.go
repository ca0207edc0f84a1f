package home

import "strings"

var ruleSecret = Rule{
	ID: "secret", Refuses: "a secret that the host does not map, and all of them at once, as in `toJSON(secrets)` or `secrets[x]`",
	Why: "act gives the empty text for it; a called workflow has what was passed to it, an action has none",
}

func (s *scan) secret(at place, name string) {
	switch {
	case name == "":
		s.refuse(&ruleSecret, at, "which secrets an expression asks for cannot be known")
	case offered(s.secrets, name):
	case s.host:
		s.lacks(&ruleSecret, at, "the host does not map the secret %s", showName(strings.ToUpper(name)))
	default:
		s.refuse(&ruleSecret, at, "the secret %s is not passed to %s", showName(strings.ToUpper(name)), show(at.file))
	}
}
