package home

var ruleToken = Rule{
	ID: "github-token", Refuses: "`secrets.GITHUB_TOKEN`, `github.token` and all of `github` at once, also as the default of an action's input",
	Why: "only GitHub issues it; a token of one's own by that name would have other rights",
}

func (s *scan) token(at place) {
	s.refuse(&ruleToken, at, "GITHUB_TOKEN is asked for, which is empty there")
}
